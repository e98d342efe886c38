// A model ready for text: the engine with its weights, the tokenizer that belongs to it, and the tokens that end an answer.
// What the commands that sample or score outside a training run share (generate-text.ts, score-jsonl.ts, eval/, demo.ts).

import type { TextCodec } from "./curriculum/sample.ts";
import { readingHeadsOnce } from "./engine/gguf-heads.ts";
import { readModelConfig } from "./engine/model-config.ts";
import type { OnModelProgress } from "./engine/hub-progress.ts";
import { openEngine } from "./engine/open.ts";
import { resolveModel } from "./engine/resolve-model.ts";
import { loadTokenizer } from "./engine/tokenizer.ts";
import type { Engine, WeightFormat } from "./engine/engine.ts";
import type { Tokenizer } from "./engine/tokenizer.ts";

export type { WeightFormat } from "./engine/engine.ts";
export { resolveModel } from "./engine/resolve-model.ts";
export type { ModelProgress, OnModelProgress } from "./engine/hub-progress.ts";

export interface OpenModel extends AsyncDisposable {
  name: string;
  engine: Engine;
  tokenizer: TextCodec & Pick<Tokenizer, "marks" | "specialTokens">;
  /** Ids that end a text, as the model's own files say (or the compact format's end marker); empty when nothing says. */
  stopTokens: number[];
}

export interface OpenModelOptions {
  /** `seedling`, a Hugging Face folder, a GGUF file, a run folder or a name of the hub. */
  model: string;
  /** Threads of the engine. Default: the engine's choice. */
  threads?: number;
  /** How the weights are held. Default `f32`. */
  weights?: WeightFormat;
  /** Folder of adapters that become part of the weights (docs/lora.md). */
  adapter?: string;
  /** Told of the download, when the model is one of the hub that is not in the cache. */
  onProgress?: OnModelProgress;
  signal?: AbortSignal;
}

/** Opens a model for sampling and scoring: its weights are not trainable. Throws AZR_MODEL_NOT_FOUND, AZR_MODEL_FORMAT, AZR_TOKENIZER_FORMAT, AZR_DOWNLOAD_FAILED and what `openEngine` throws. */
export function openModel(options: OpenModelOptions): Promise<OpenModel> {
  return readingHeadsOnce(() => open(options));
}

async function open({ model, adapter, threads, weights, signal, onProgress }: OpenModelOptions): Promise<OpenModel> {
  const watch = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const files = await resolveModel(model, watch);
  const { shape, endTokens } = readModelConfig(files.config);
  const tokenizer = loadTokenizer(files.tokenizer, shape.vocabularySize);
  const marker = tokenizer.specialTokens.get("<|end|>");
  const stopTokens = endTokens.length > 0 || marker === undefined ? endTokens : [marker];
  const engine = await openEngine({ model, trainable: false, ...watch, ...(adapter === undefined ? {} : { adapter }), ...(threads === undefined ? {} : { threads }), ...(weights && { weights }) });
  return { name: model, engine, tokenizer, stopTokens, [Symbol.asyncDispose]: () => engine.dispose() };
}
