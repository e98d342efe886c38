// Writes any model that the engine opens as a Hugging Face folder that transformers loads: the library call behind `azr export`.
// The folder appears whole or not at all: it is made beside its place and renamed.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { requireRequest, requireText } from "./engine/arguments.ts";
import type { Engine, SaveModelOptions } from "./engine/engine.ts";
import { readGgufModel } from "./engine/gguf-model.ts";
import { tokenizerConfigFromGguf, tokenizerJsonFromGguf } from "./engine/gguf-tokenizer.ts";
import { isGguf, readGguf } from "./engine/gguf.ts";
import type { OnModelProgress } from "./engine/hub-progress.ts";
import { readConfigFields } from "./engine/model-config.ts";
import { openEngine } from "./engine/open.ts";
import { resolveModel } from "./engine/resolve-model.ts";
import type { ResolvedModel } from "./engine/resolve-model.ts";
import { syncPath } from "./engine/save-weights.ts";
import { AzrError } from "./errors.ts";

export interface ExportModelOptions extends SaveModelOptions {
  /** `seedling`, a Hugging Face folder, a GGUF file, a run folder (its latest checkpoint) or a name of the hub. */
  model: string;
  /** Folder of adapters that become part of the weights (docs/lora.md). */
  adapter?: string;
  /** The folder to make; it must not be there, or be empty. */
  out: string;
  /** Threads of the engine. Default: the engine's choice. */
  threads?: number;
  /** Told of the download, when the model is one of the hub that is not in the cache. */
  onProgress?: OnModelProgress;
  signal?: AbortSignal;
}

export interface ExportedModel {
  folder: string;
  files: { name: string; bytes: number }[];
  parameters: number;
}

const typeNames = { f32: "float32", bf16: "bfloat16", f16: "float16" } as const;

/** What belongs to a tokenizer, as far as a folder has it; and what lies beside config.json. */
const tokenizerFiles = /^(tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt|tokenizer\.model|chat_template\.(jinja|json))$/;
const modelFiles = /^(generation_config\.json|(LICENSE|NOTICE)(\.\w+)?)$/;

function copy(from: string, to: string, which: RegExp): void {
  for (const name of readdirSync(from)) if (which.test(name) && statSync(join(from, name)).isFile()) copyFileSync(join(from, name), join(to, name));
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

// config.json with the type of the new weights. Files of transformers 4 say torch_dtype, later ones dtype.
function writeConfig(from: string, to: string, type: string): void {
  const gguf = isGguf(from);
  const config = gguf ? readGgufModel(from).config : readConfigFields(from);
  if (gguf && config["rope_factors"] !== undefined) {
    throw new AzrError("AZR_MODEL_FORMAT", `${from} stretches its rotary embeddings by factors that no config.json can express.`, { hint: "Export the Hugging Face folder of the same model." });
  }
  const { dtype } = config;
  delete config["dtype"];
  writeJson(join(to, "config.json"), { ...config, torch_dtype: type, ...(dtype === undefined ? {} : { dtype: type }) });
  if (!gguf) copy(from, to, modelFiles);
}

function writeTokenizer(from: string, to: string): void {
  if (!isGguf(from)) return copy(from, to, tokenizerFiles);
  const { metadata } = readGguf(from);
  writeJson(join(to, "tokenizer.json"), tokenizerJsonFromGguf(metadata, from));
  writeJson(join(to, "tokenizer_config.json"), tokenizerConfigFromGguf(metadata, from));
}

/** The absolute path of a folder that is not there, or is empty. Throws AZR_INPUT_INVALID for others. */
export function requireEmpty(out: string): string {
  const folder = resolve(out);
  const status = existsSync(folder) ? statSync(folder) : undefined;
  if (status !== undefined && !(status.isDirectory() && readdirSync(folder).length === 0)) {
    throw new AzrError("AZR_INPUT_INVALID", `${folder} is there already.`, { hint: "Give --out a folder that is not there yet, or is empty." });
  }
  return folder;
}

/**
 * Exports a model.
 * @throws AzrError AZR_INPUT_INVALID (`out` is there; values beyond float16), AZR_RUN_FOLDER (cannot be written), and what `openEngine` throws
 */
export async function exportModel(options: ExportModelOptions): Promise<ExportedModel> {
  const { model, adapter, out, threads, onProgress, signal } = requireRequest(options);
  const folder = requireEmpty(requireText("out", out));
  const watch = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const files = await resolveModel(model, watch);
  await using engine = await openEngine({ model, ...watch, ...(adapter === undefined ? {} : { adapter }), ...(threads === undefined ? {} : { threads }) });
  return await writeModelFolder(engine, files, folder, options);
}

export interface WriteModelOptions extends SaveModelOptions {
  /** Whether `folder` goes with all that is in it; otherwise it must be empty still when all is written. */
  replace?: boolean;
  signal?: AbortSignal;
}

/**
 * Writes the weights of an open engine as a Hugging Face folder, with what belongs to them from `files`; in place of `folder` where that is there.
 * @throws AzrError AZR_INPUT_INVALID (values beyond float16), AZR_RUN_FOLDER (cannot be written), AZR_ABORTED
 */
export async function writeModelFolder(
  engine: Pick<Engine, "saveModel" | "stats">,
  files: Pick<ResolvedModel, "config" | "tokenizer">,
  folder: string,
  { dtype = "f32", maxShardBytes, replace = false, signal }: WriteModelOptions,
): Promise<ExportedModel> {
  const partial = join(dirname(folder), `.${folder.split("/").at(-1)}.${process.pid}.partial`);
  try {
    mkdirSync(dirname(folder), { recursive: true });
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial);
    await engine.saveModel(partial, { dtype, ...(maxShardBytes === undefined ? {} : { maxShardBytes }) });
    writeConfig(files.config, partial, typeNames[dtype]);
    writeTokenizer(files.tokenizer, partial);
    if (signal?.aborted) throw new AzrError("AZR_ABORTED", "The export was aborted.", { cause: signal.reason });
    const names = readdirSync(partial).sort();
    for (const name of names) syncPath(join(partial, name));
    syncPath(partial);
    if (replace) rmSync(folder, { recursive: true, force: true });
    // Somebody else may have written into it meanwhile.
    else if (existsSync(requireEmpty(folder))) rmdirSync(folder);
    renameSync(partial, folder);
    syncPath(dirname(folder));
    return { folder, files: names.map((name) => ({ name, bytes: statSync(join(folder, name)).size })), parameters: engine.stats().parameters };
  } catch (error) {
    if (existsSync(partial)) rmSync(partial, { recursive: true, force: true });
    if (AzrError.isInstance(error)) throw error;
    throw new AzrError("AZR_RUN_FOLDER", `Cannot write ${folder}: ${(error as Error).message}`, { hint: "Free disk space or choose another folder.", cause: error });
  }
}
