// What `--model` means: `seedling`, a Hugging Face folder, or a run folder (its latest checkpoint, with the tokenizer and
// config of the model it started from when the checkpoint has none of its own). Used by open.ts, the loop and the command line.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { AzrError } from "../errors.ts";

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
}

/** The folder of the model that comes with the package. */
export function seedlingFolder(): string {
  return resolve(dirname(fileURLToPath(import.meta.url)), "..", "..", "models", "seedling");
}

function notFound(message: string, hint: string): AzrError {
  return new AzrError("AZR_MODEL_NOT_FOUND", message, { hint });
}

export interface ResolveOptions {
  /** What relative paths count from. Default: the working directory. */
  from?: string;
  /** False when the model is about to get fresh weights, so that none need be there. Default true. */
  weights?: boolean;
}

/**
 * Finds the files behind a `--model` value.
 * @throws AzrError AZR_MODEL_NOT_FOUND, AZR_MODEL_FORMAT (kinds of model that are not supported), AZR_RUN_FOLDER (run without checkpoint)
 */
export function resolveModel(name: string, options: ResolveOptions = {}): ResolvedModel {
  return resolveName(name, options, 0);
}

function resolveName(name: string, options: ResolveOptions, depth: number): ResolvedModel {
  const { from = process.cwd(), weights = true } = options;
  if (name === "seedling") return modelFolder(name, seedlingFolder(), weights);
  const path = resolve(from, name);
  if (name.endsWith(".gguf")) {
    throw new AzrError("AZR_MODEL_FORMAT", `${name}: GGUF files are not supported yet.`, { hint: "Use the Hugging Face folder (safetensors) of the same model." });
  }
  if (!existsSync(path)) {
    // "owner/name" that is no path here is most likely a name on the Hugging Face hub.
    if (/^[\w.-]+\/[\w.-]+$/.test(name) && !name.startsWith(".")) {
      throw new AzrError("AZR_MODEL_NOT_FOUND", `There is no folder ${path}, and downloading models by hub name is not supported yet.`, {
        hint: `Download it first, for example with: hf download ${name} --local-dir ${name.split("/")[1]}`,
      });
    }
    throw notFound(`There is no model folder ${path}.`, "Give the path of a Hugging Face folder or of a run folder, or the name seedling.");
  }
  if (!statSync(path).isDirectory()) throw notFound(`${path} is a file, not a model folder.`, `Give the folder it is in: ${dirname(path)}`);
  if (isRunFolder(path)) return runFolder(name, path, depth);
  return modelFolder(name, path, weights);
}

function hasWeights(folder: string): boolean {
  return existsSync(join(folder, "model.safetensors")) || existsSync(join(folder, "model.safetensors.index.json"));
}

function modelFolder(name: string, folder: string, weights: boolean): ResolvedModel {
  for (const [file, there] of [
    ["config.json", existsSync(join(folder, "config.json"))],
    ["tokenizer.json", existsSync(join(folder, "tokenizer.json"))],
    ["model.safetensors", !weights || hasWeights(folder)],
  ] as const) {
    if (!there) throw notFound(`${folder} is not a model folder: ${file} is missing.`, "Give --model a folder that holds config.json, tokenizer.json and model.safetensors.");
  }
  return { name, weights: folder, config: folder, tokenizer: folder };
}

function isRunFolder(folder: string): boolean {
  return existsSync(join(folder, "checkpoints")) || (existsSync(join(folder, "config.json")) && existsSync(join(folder, "events.jsonl")));
}

// The `latest` pointer names a folder under checkpoints/; without one the highest finished step counts.
function latestCheckpoint(run: string): { folder: string; step: number } {
  const root = join(run, "checkpoints");
  const steps = (existsSync(root) ? readdirSync(root) : []).filter((entry) => /^step-\d+$/.test(entry) && hasWeights(join(root, entry))).sort(byStep);
  const pointer = join(run, "latest");
  const named = existsSync(pointer) && statSync(pointer).isFile() ? readFileSync(pointer, "utf8").trim().replace(/^checkpoints\//, "") : undefined;
  const chosen = named !== undefined && steps.includes(named) ? named : steps.at(-1);
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

function runFolder(name: string, run: string, depth: number): ResolvedModel {
  const { folder, step } = latestCheckpoint(run);
  const checkpoint = { run, step };
  const complete = existsSync(join(folder, "config.json")) && existsSync(join(folder, "tokenizer.json"));
  if (complete) return { name, weights: folder, config: folder, tokenizer: folder, checkpoint };
  const base = baseOf(run);
  // A run may start from another run; a chain that never ends in a model is a mistake in the files.
  if (base === undefined || depth > 20) {
    throw new AzrError("AZR_RUN_FOLDER", `The config.json of the run ${run} does not say which model it started from.`, { hint: "Restore the run's config.json; it is written when the run starts." });
  }
  const origin = resolveName(base, { weights: false }, depth + 1);
  return { name, weights: folder, config: origin.config, tokenizer: origin.tokenizer, checkpoint };
}
