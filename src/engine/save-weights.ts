// Writes weights and optimizer state as files that transformers loads: safetensors, in several shards with an index when
// they are large. A file appears whole or not at all: it is written under another name, synced, and renamed. Used by open.ts.
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AzrError } from "../errors.ts";
import { requireInteger } from "./arguments.ts";
import type { SaveModelOptions } from "./engine.ts";
import type { LayoutEntry, NativeEngine } from "./load-addon.ts";
import { createSafetensorsHeader, elementBytes } from "./safetensors.ts";
import { optimizerTensors } from "./weights.ts";

const indexName = "model.safetensors.index.json";
const types = { f32: "F32", bf16: "BF16", f16: "F16" } as const;
/** Bytes of a shard at most, as transformers writes them. */
const defaultShardBytes = 5_000_000_000;

interface Shard {
  first: number;
  entries: LayoutEntry[];
  bytes: number;
}

// Tensors in order, as many to a shard as fit; one that is larger by itself gets its own.
function shardsOf(layout: LayoutEntry[], elementSize: number, maxBytes: number): Shard[] {
  const shards: Shard[] = [];
  for (const [index, entry] of layout.entries()) {
    const bytes = entry.size * elementSize;
    const last = shards.at(-1);
    if (last === undefined || last.bytes + bytes > maxBytes) shards.push({ first: index, entries: [entry], bytes });
    else {
      last.entries.push(entry);
      last.bytes += bytes;
    }
  }
  return shards;
}

/** Waits until a file, or the names in a folder, are on the disk. */
export function syncPath(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

// Runs `write` for each name with the temporary path to write to; when all are there, gives them their names, in order.
export async function replaceFiles(folder: string, files: [name: string, write: (path: string) => Promise<void> | void][], after?: () => void): Promise<void> {
  const temporary = (name: string): string => join(folder, `.${name}.${process.pid}.partial`);
  const system = (cause: unknown): unknown =>
    // Native code's errors have a code of ours already.
    AzrError.isInstance(cause) || (cause as { code?: string }).code?.startsWith("AZR_") ? cause : new AzrError("AZR_RUN_FOLDER", `Cannot write into ${folder}: ${(cause as Error).message}`, { hint: "Free disk space or choose another folder; earlier files are whole.", cause });
  try {
    for (const [name, write] of files) await write(temporary(name));
    for (const [name] of files) renameSync(temporary(name), join(folder, name));
    after?.();
    syncPath(folder);
  } catch (error) {
    for (const [name] of files) rmSync(temporary(name), { recursive: true, force: true });
    throw system(error);
  }
}

function writeSynced(path: string, text: string): void {
  writeFileSync(path, text, { flush: true });
}

/**
 * Writes the weights under Hugging Face names into an existing folder: `model.safetensors`, or shards with an index.
 * Weights of an earlier call in another number of files are removed.
 * @throws AzrError AZR_RUN_FOLDER (cannot be written), AZR_INPUT_INVALID (options; values beyond float16)
 */
export async function saveModel(native: NativeEngine, folder: string, options: SaveModelOptions = {}): Promise<void> {
  const { dtype = "f32", maxShardBytes = defaultShardBytes } = options;
  if (!Object.hasOwn(types, dtype)) throw new AzrError("AZR_INPUT_INVALID", `Expected ${Object.keys(types).join(", ")} for dtype but received ${String(dtype)}.`, { hint: "Use f32, the default, when unsure." });
  const type = types[dtype];
  const shards = shardsOf(native.layout(), elementBytes[type], requireInteger("maxShardBytes", maxShardBytes, 1));
  const count = String(shards.length).padStart(5, "0");
  const nameOf = (index: number): string => (shards.length === 1 ? "model.safetensors" : `model-${String(index + 1).padStart(5, "0")}-of-${count}.safetensors`);
  const files = shards.map(({ first, entries }, index): [string, (path: string) => Promise<void> | void] => {
    const header = createSafetensorsHeader(entries.map(({ name, dimensions }) => ({ name, dtype: type, shape: dimensions })), { format: "pt" });
    return [nameOf(index), (path) => native.saveParameters(path, header, type, first, entries.length)];
  });
  if (shards.length > 1) {
    const index = {
      metadata: { total_size: shards.reduce((sum, { bytes }) => sum + bytes, 0) },
      weight_map: Object.fromEntries(shards.flatMap(({ entries }, number) => entries.map(({ name }) => [name, nameOf(number)]))),
    };
    files.push([indexName, (path) => writeSynced(path, `${JSON.stringify(index, undefined, 2)}\n`)]);
  }
  const written = new Set(files.map(([name]) => name));
  const stale = (name: string): boolean => name === indexName || /^model(-\d{5}-of-\d{5})?\.safetensors$/.test(name);
  await replaceFiles(folder, files, () => {
    for (const name of readdirSync(folder)) if (stale(name) && !written.has(name)) rmSync(join(folder, name));
  });
}

/** Writes `optimizer.safetensors`, with the moments of what is `trained`, synced to disk. Throws AZR_RUN_FOLDER. */
export async function saveOptimizer(native: NativeEngine, folder: string, trained: LayoutEntry[]): Promise<void> {
  const header = createSafetensorsHeader(optimizerTensors(trained));
  await replaceFiles(folder, [["optimizer.safetensors", (path) => native.saveOptimizer(path, header)]]);
}
