// What a model is and needs, without opening it: the library call behind `azr inspect model`. Reads config.json, the headers of the weights and the
// size of the tokenizer; needs neither the addon nor LibTorch. Of a model of the hub only the description is fetched.

import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { requireInteger, requireRequest } from "./engine/arguments.ts";
import type { ModelShape } from "./engine/engine.ts";
import { readGgufModel } from "./engine/gguf-model.ts";
import type { GgufModel } from "./engine/gguf-model.ts";
import { shardsOf, weightIndex } from "./engine/hub-files.ts";
import { listHubWeights } from "./engine/hub-model.ts";
import { readModelConfig } from "./engine/model-config.ts";
import { readModelText } from "./engine/model-file.ts";
import { resolveModel } from "./engine/resolve-model.ts";
import type { ResolvedModel, ResolveOptions } from "./engine/resolve-model.ts";
import { readSafetensorsHeader } from "./engine/safetensors.ts";
import { AzrError } from "./errors.ts";
import { countParameters, estimateMemory } from "./model-memory.ts";
import type { MemoryEstimate, MemoryRequest } from "./model-memory.ts";

export interface InspectModelOptions extends Omit<ResolveOptions, "weights">, Partial<MemoryRequest> {
  /** `seedling`, a Hugging Face folder, a GGUF file, a run folder or a name of the hub. */
  model: string;
}

export interface ModelFile {
  name: string;
  bytes: number;
  /** Bytes of tensors by their type, such as BF16 or Q4_K; null where the file is not here to be looked into. */
  types: Record<string, number> | null;
}

export interface ModelReport {
  model: string;
  /** The name with its commit, for models of the hub. */
  pinned: string | null;
  architecture: string | null;
  shape: ModelShape;
  /** Trainable numbers; a head that is tied to the embedding counts once. */
  parameters: number;
  /** Most positions of a sequence. */
  context: number;
  /** Tokens that the tokenizer knows, added ones included; null when its file does not say. */
  tokenizerSize: number | null;
  /** The weights. Empty when they are not here and the hub was not asked. */
  files: ModelFile[];
  memory: MemoryEstimate;
}

/**
 * Describes a model. Defaults: length = the context, at most 4096; batch 64; microBatchTokens 1024; activations kept; adapters of rank 16 over all matrices.
 * @throws AzrError what `resolveModel` throws, AZR_MODEL_FORMAT, AZR_INPUT_INVALID
 */
export async function inspectModel(asked: InspectModelOptions): Promise<ModelReport> {
  const { model, length, batch = 64, microBatchTokens = 1024, checkpointActivations = false, lora, ...options } = requireRequest(asked);
  const resolved = await resolveModel(model, { ...options, weights: false });
  const { shape } = readModelConfig(resolved.config);
  const gguf = resolved.config === resolved.gguf ? readGgufModel(resolved.gguf) : undefined;
  const files = gguf === undefined ? folderFiles(resolved.weights) : ggufFiles(gguf);
  const parameters = countParameters(shape);
  const request = {
    length: requireInteger("length", length ?? Math.min(shape.maxPositions, 4096), 1),
    batch: requireInteger("batch", batch, 1),
    microBatchTokens: requireInteger("microBatchTokens", microBatchTokens, 1),
    checkpointActivations: checkpointActivations === true,
    ...(lora && { lora }),
  };
  return {
    model,
    pinned: resolved.pinned ?? null,
    architecture: architectureOf(resolved, gguf),
    shape,
    parameters,
    context: shape.maxPositions,
    tokenizerSize: tokenizerSize(resolved, gguf),
    files: files.length > 0 || resolved.pinned === undefined ? files : await remoteFiles(resolved.pinned, options),
    memory: estimateMemory(shape, parameters, request),
  };
}

function readJson(path: string): any {
  return JSON.parse(readModelText(path));
}

function architectureOf({ config }: ResolvedModel, gguf: GgufModel | undefined): string | null {
  const fields = gguf?.config ?? (config.endsWith(".gguf") ? readGgufModel(config).config : readJson(join(config, "config.json")));
  return fields.architectures?.[0] ?? fields.model_type ?? null;
}

function tokenizerSize({ tokenizer }: ResolvedModel, gguf: GgufModel | undefined): number | null {
  if (tokenizer.endsWith(".gguf")) {
    const tokens = (gguf ?? readGgufModel(tokenizer)).metadata.get("tokenizer.ggml.tokens");
    return Array.isArray(tokens) ? tokens.length : null;
  }
  try {
    const { model, added_tokens: added = [] } = readJson(join(tokenizer, "tokenizer.json"));
    const ids: number[] = Array.isArray(model.vocab) ? model.vocab.map((_: unknown, id: number) => id) : Object.values(model.vocab);
    return new Set([...ids, ...added.map(({ id }: { id: number }) => id)]).size;
  } catch {
    return null;
  }
}

function typesOf(tensors: { type: string; begin: number; end: number }[]): Record<string, number> {
  const types: Record<string, number> = {};
  for (const { type, begin, end } of tensors) types[type] = (types[type] ?? 0) + end - begin;
  return types;
}

function folderFiles(folder: string): ModelFile[] {
  const index = join(folder, weightIndex);
  const single = existsSync(join(folder, "model.safetensors")) || !existsSync(index);
  const paths = (single ? ["model.safetensors"] : shardsOf(index)).map((name) => join(folder, name)).filter((path) => existsSync(path));
  return paths.map((path) => {
    const tensors = readSafetensorsHeader(path).tensors.map(({ dtype, begin, end }) => ({ type: dtype, begin, end }));
    return { name: basename(path), bytes: statSync(path).size, types: typesOf(tensors) };
  });
}

function ggufFiles({ path, tensors }: GgufModel): ModelFile[] {
  const paths = [...new Set([path, ...tensors.map((tensor) => tensor.path)])];
  return paths.map((each) => ({ name: basename(each), bytes: statSync(each).size, types: typesOf(tensors.filter((tensor) => tensor.path === each)) }));
}

// What is told here is only more, so a hub that is away, or may not be asked, takes nothing from the rest.
async function remoteFiles(pinned: string, options: ResolveOptions): Promise<ModelFile[]> {
  try {
    return (await listHubWeights(pinned, options)).map(({ path, bytes }) => ({ name: path, bytes, types: null }));
  } catch (error) {
    if (AzrError.isInstance(error) && error.code !== "AZR_ABORTED") return [];
    throw error;
  }
}
