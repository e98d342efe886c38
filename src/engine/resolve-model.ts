// What `--model` means: `seedling`, a Hugging Face folder, a GGUF file, a run folder (its latest checkpoint, with the tokenizer and
// config of the model it started from when the checkpoint has none of its own), or a name on the hub (see hub-model.ts, docs/models.md).
// What lies here wins over a name of the hub. Used by open.ts, the loop and the command line.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { AzrError } from "../errors.ts";
import { baseOfAdapter, hasAdapter } from "./adapter.ts";
import { requireText } from "./arguments.ts";
import { fetchHubModel, hubFolder, pinnedName } from "./hub-model.ts";
import type { HubOptions } from "./hub-model.ts";
import { parseHubName } from "./hub-name.ts";

export interface ResolvedModel {
  /** The value that was asked for. */
  name: string;
  /** Folder with model.safetensors (or its index and shards). */
  weights: string;
  /** Folder with config.json. */
  config: string;
  /** Folder with tokenizer.json. */
  tokenizer: string;
  /** Set when the weights are a run's checkpoint. */
  checkpoint?: { run: string; step: number };
  /** Set when the model is a GGUF file: its path. `weights`, `config` and `tokenizer` are that path too; of a run that began with it, the last two. */
  gguf?: string;
  /** Folders of adapters that become part of the weights, in this order. */
  adapters?: string[];
  /** Set when the model is of the hub: the name with the commit that was taken, which always means the same files. */
  pinned?: string;
}

/** The folder of the model that comes with the package. */
export function seedlingFolder(): string {
  return resolve(dirname(fileURLToPath(import.meta.url)), "..", "..", "models", "seedling");
}

const what = "Give the path of a Hugging Face folder, a GGUF file or a run folder, a name of the hub such as Qwen/Qwen3-0.6B, or the name seedling.";

function notFound(message: string, hint: string): AzrError {
  return new AzrError("AZR_MODEL_NOT_FOUND", message, { hint });
}

export interface ResolveOptions extends HubOptions {
  /** What relative paths count from. Default: the working directory. */
  from?: string;
  /** False when the model is about to get fresh weights, so that none need be there. Default true. */
  weights?: boolean;
}

/**
 * Finds the files behind a `--model` value. A model of the hub is downloaded as far as it is not in the cache; nothing else uses the network.
 * @throws AzrError AZR_MODEL_NOT_FOUND, AZR_MODEL_FORMAT (kinds of model that are not supported), AZR_RUN_FOLDER (run without checkpoint), AZR_CHECKPOINT_CORRUPT (one that is not there),
 *   AZR_INPUT_INVALID for what is no name, and for models of the hub AZR_DOWNLOAD_FAILED, AZR_ABORTED
 */
export async function resolveModel(name: string, options: ResolveOptions = {}): Promise<ResolvedModel> {
  return resolveName(requireText("model", name), options, 0);
}

/** A name of the hub with the commit that this process took of it, so that it means the same later; other values as they are. */
export function pinnedModel(name: string): string {
  const hub = parseHubName(name);
  return (hub && pinnedName(hub)) ?? name;
}

async function resolveName(name: string, options: ResolveOptions, depth: number): Promise<ResolvedModel> {
  const { from = process.cwd(), weights = true } = options;
  if (name === "seedling") return modelFolder(name, seedlingFolder(), weights);
  const path = resolve(from, name);
  const hub = parseHubName(name);
  if (!existsSync(path)) {
    if (hub !== undefined) return hubModel(name, hub, path, options);
    throw notFound(`There is no model ${name.toLowerCase().endsWith(".gguf") ? "file" : "folder"} ${path}.`, what);
  }
  if (hub !== undefined && existsSync(hubFolder(hub, options.env))) {
    options.onProgress?.({ type: "note", model: name, message: `${name} is a path here and a model of the hub in the cache: taking ${path}.` });
  }
  if (!statSync(path).isDirectory()) {
    if (/\.gguf$/i.test(path)) return ggufFile(name, path);
    throw notFound(`${path} is a file, and no GGUF file.`, existsSync(join(dirname(path), "config.json")) ? `Give the folder it is in: ${dirname(path)}` : what);
  }
  if (isRunFolder(path)) return runFolder(name, path, options, depth);
  if (hasAdapter(path) && !hasWeights(path)) return adapterFolder(name, path, options, depth);
  return modelFolder(name, path, weights);
}

// Adapters by themselves: the model that their config names, with them.
async function adapterFolder(name: string, folder: string, options: ResolveOptions, depth: number): Promise<ResolvedModel> {
  const base = baseOfAdapter(folder);
  if (base === undefined || depth > 20) throw notFound(`The adapters in ${folder} do not say which model they belong to.`, "Give the model, and the folder as its adapter.");
  const origin = await resolveName(base, options, depth + 1);
  const { pinned: _pinned, ...files } = origin; // it would name the model without them
  return { ...files, name, adapters: [...(origin.adapters ?? []), folder] };
}

function ggufFile(name: string, path: string): ResolvedModel {
  return { name, weights: path, config: path, tokenizer: path, gguf: path };
}

async function hubModel(name: string, hub: NonNullable<ReturnType<typeof parseHubName>>, path: string, options: ResolveOptions): Promise<ResolvedModel> {
  try {
    const { folder, gguf, pinned } = await fetchHubModel(hub, options);
    return { ...(gguf === undefined ? modelFolder(name, folder, options.weights ?? true) : ggufFile(name, gguf)), pinned };
  } catch (error) {
    // The name may have been meant as a path.
    if (!AzrError.isInstance(error) || !["AZR_MODEL_NOT_FOUND", "AZR_DOWNLOAD_FAILED"].includes(error.code)) throw error;
    const { code, message, hint, details, cause } = error;
    throw new AzrError(code, message, { details: { ...details, attempts: [{ source: path, result: "there is no such file or folder" }, { source: `the hub's ${hub.repo}`, result: message }] }, cause, ...(hint === undefined ? {} : { hint }) });
  }
}

function hasWeights(folder: string): boolean {
  return existsSync(join(folder, "model.safetensors")) || existsSync(join(folder, "model.safetensors.index.json"));
}

/** What to give in place of a folder that is no model: a GGUF file or a folder in it that may be meant. */
function insteadOf(folder: string): string {
  const names = readdirSync(folder).sort();
  const files = names.filter((entry) => /\.gguf$/i.test(entry));
  const near = files.length > 0 ? files : names.filter((entry) => existsSync(join(folder, entry, "config.json")));
  const listed = near.slice(0, 5).map((entry) => join(folder, entry)).join(", ");
  const some = near.length === 0 ? "" : ` Is ${near.length === 1 ? "this" : "one of these"} meant: ${listed}${near.length > 5 ? " ..." : ""}?`;
  return `Give a folder that holds config.json, tokenizer.json and model.safetensors, or a GGUF file.${some}`;
}

function modelFolder(name: string, folder: string, weights: boolean): ResolvedModel {
  for (const [file, there] of [
    ["config.json", existsSync(join(folder, "config.json"))],
    ["tokenizer.json", existsSync(join(folder, "tokenizer.json"))],
    ["model.safetensors", !weights || hasWeights(folder)],
  ] as const) {
    if (!there) throw notFound(`${folder} is not a model folder: ${file} is missing.`, insteadOf(folder));
  }
  return { name, weights: folder, config: folder, tokenizer: folder };
}

function isRunFolder(folder: string): boolean {
  return existsSync(join(folder, "checkpoints")) || (existsSync(join(folder, "config.json")) && existsSync(join(folder, "events.jsonl")));
}

// The `latest` pointer names a folder under checkpoints/; without one the highest finished step counts. One that names nothing is damage: other
// weights must not pass for those that it names.
function latestCheckpoint(run: string): { folder: string; step: number } {
  const root = join(run, "checkpoints");
  const steps = (existsSync(root) ? readdirSync(root) : []).filter((entry) => /^step-\d+$/.test(entry) && (hasWeights(join(root, entry)) || hasAdapter(join(root, entry)))).sort(byStep);
  const pointer = join(run, "latest");
  const named = existsSync(pointer) && statSync(pointer).isFile() ? readFileSync(pointer, "utf8").trim().replace(/^checkpoints\//, "") : undefined;
  if (named !== undefined && !steps.includes(named)) {
    const others = steps.length === 0 ? "" : ` Or go on from the newest that is there: azr resume ${run} --checkpoint ${steps.at(-1)}`;
    throw new AzrError("AZR_CHECKPOINT_CORRUPT", `${pointer} names ${JSON.stringify(named.slice(0, 100))}, which is no checkpoint of the run with weights in it.`, { hint: `Restore that checkpoint.${others}` });
  }
  const chosen = named ?? steps.at(-1);
  if (chosen === undefined) {
    throw new AzrError("AZR_RUN_FOLDER", `The run ${run} has no finished checkpoint.`, { hint: "Let the run reach its first checkpoint, or use the model it started from." });
  }
  return { folder: join(root, chosen), step: stepOf(chosen) };
}

function stepOf(entry: string): number {
  return Number(entry.slice("step-".length));
}

function byStep(left: string, right: string): number {
  return stepOf(left) - stepOf(right);
}

// config.json of a run holds its settings under `config`; `model` there is the --model value that it started from.
function baseOf(run: string): string | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(run, "config.json"), "utf8")).config.model;
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

async function runFolder(name: string, run: string, options: ResolveOptions, depth: number): Promise<ResolvedModel> {
  const { folder, step } = latestCheckpoint(run);
  const checkpoint = { run, step };
  const complete = existsSync(join(folder, "config.json")) && existsSync(join(folder, "tokenizer.json"));
  if (complete) return { name, weights: folder, config: folder, tokenizer: folder, checkpoint };
  const base = baseOf(run);
  // A run may start from another run; a chain that never ends in a model is a mistake in the files.
  if (base === undefined || depth > 20) {
    throw new AzrError("AZR_RUN_FOLDER", `The config.json of the run ${run} does not say which model it started from.`, { hint: "Restore the run's config.json; it is written when the run starts." });
  }
  const { from: _from, ...rest } = options;
  const adapters = hasAdapter(folder) && !hasWeights(folder);
  const origin = await resolveName(base, { ...rest, weights: adapters && (options.weights ?? true) }, depth + 1);
  if (adapters) {
    const { pinned: _pinned, ...files } = origin; // it would name the model without them
    return { ...files, name, checkpoint, adapters: [...(origin.adapters ?? []), folder] };
  }
  return { name, weights: folder, config: origin.config, tokenizer: origin.tokenizer, checkpoint };
}
