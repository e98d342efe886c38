// Finds the weights and the optimizer state of a model in its files: matches their tensors to the engine's parameters by
// Hugging Face name. Used by open.ts; the bytes are moved by native code, and written by save-weights.ts.
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { basename, join } from "node:path";
import { AzrError } from "../errors.ts";
import { ggufTensors, readGgufModel } from "./gguf-model.ts";
import { isReadable } from "./gguf-types.ts";
import { isGguf } from "./gguf.ts";
import type { LayoutEntry, OptimizerSource, TensorSource } from "./load-addon.ts";
import { readModelText } from "./model-file.ts";
import { readSafetensorsHeader } from "./safetensors.ts";
import type { SafetensorsOptions } from "./safetensors.ts";

const readable = ["F32", "F16", "BF16"];

/** A tensor in a file, under its Hugging Face name. */
interface FoundTensor extends Pick<TensorSource, "path" | "pairedRows" | "shift"> {
  shape: number[];
  type: string;
  begin: number;
}

// The file that holds each tensor, as the index of a sharded model says.
function readIndex(path: string, options: SafetensorsOptions): [tensor: string, file: string][] {
  const fault = (why: string, cause?: unknown): AzrError =>
    new AzrError(options.checkpoint ? "AZR_CHECKPOINT_CORRUPT" : "AZR_MODEL_FORMAT", `${path} cannot be read: ${why}`, { hint: "Download or copy the model again.", cause });
  let map: unknown;
  try {
    map = (JSON.parse(readModelText(path)) as { weight_map?: unknown } | null)?.weight_map;
  } catch (cause) {
    throw fault((cause as Error).message, cause);
  }
  if (typeof map !== "object" || map === null || Array.isArray(map)) throw fault("it has no weight_map.");
  return Object.entries(map).map(([tensor, file]) => {
    // A name with a path in it could point anywhere.
    if (typeof file !== "string" || ["", ".", ".."].includes(file) || file !== basename(file) || file.includes("\0")) {
      throw fault(`it gives ${typeof file === "object" ? "an object" : JSON.stringify(file)} as the file of ${tensor}.`);
    }
    return [tensor, file];
  });
}

// The tensors of a folder: of its one file, or those that the index names, each from the shard that it names.
function safetensorsOf(folder: string, options: SafetensorsOptions): Map<string, FoundTensor> {
  const read = (path: string): Map<string, FoundTensor> =>
    new Map(readSafetensorsHeader(path, options).tensors.map(({ name, dtype, shape, begin }) => [name, { path, shape, type: dtype, begin }]));
  const single = join(folder, "model.safetensors");
  const index = join(folder, "model.safetensors.index.json");
  if (existsSync(single) || !existsSync(index)) return read(single);
  const shards = new Map<string, Map<string, FoundTensor>>();
  const found = new Map<string, FoundTensor>();
  for (const [name, file] of readIndex(index, options)) {
    const shard = shards.get(file) ?? read(join(folder, file));
    shards.set(file, shard);
    const tensor = shard.get(name);
    if (tensor !== undefined) found.set(name, tensor);
  }
  return found;
}

// Where a parameter may be found: also as part of a model that is more than a language model, named the old way or the new.
function namesOf(name: string): string[] {
  return [name, `language_model.${name}`, name.replace(/^model\./, "model.language_model.")];
}

/**
 * Matches every parameter of the engine to its bytes in a folder or a GGUF file.
 * @throws AzrError AZR_MODEL_NOT_FOUND; AZR_MODEL_FORMAT (AZR_CHECKPOINT_CORRUPT with `checkpoint`) for a missing tensor or
 *   another shape or type
 */
export function findWeights(place: string, layout: LayoutEntry[], options: SafetensorsOptions = {}): TensorSource[] {
  const code = options.checkpoint ? "AZR_CHECKPOINT_CORRUPT" : "AZR_MODEL_FORMAT";
  const gguf = isGguf(place);
  const found: Map<string, FoundTensor> = gguf ? ggufTensors(readGgufModel(place)) : safetensorsOf(place, options);
  const config = gguf ? "metadata" : "config.json";
  const hint = gguf ? "Download or copy the model again." : "Check that config.json and the weights belong to the same model.";
  return layout.map((entry, index) => {
    const tensor = namesOf(entry.name).map((name) => found.get(name)).find((one) => one !== undefined);
    if (!tensor) throw new AzrError(code, `${place} lacks the tensor ${entry.name} that its ${config} calls for.`, { hint });
    const { path, shape, type, begin, pairedRows, shift } = tensor;
    if (shape.join() !== entry.dimensions.join()) {
      throw new AzrError(code, `The tensor ${entry.name} is [${shape.join(", ")}] in ${path} but its ${config} calls for [${entry.dimensions.join(", ")}].`, { hint });
    }
    if (!isReadable(type) || !(gguf || readable.includes(type))) {
      throw new AzrError(code, `The tensor ${entry.name} in ${path} has type ${type}; ${readable.join(", ")} can be read.`, { hint });
    }
    return { index, path, offset: begin, dtype: type, ...(pairedRows ? { pairedRows } : {}), ...(shift ? { shift } : {}) };
  });
}

/** Tensors of optimizer.safetensors: first moments, second moments, and the number of steps taken. */
export function optimizerTensors(layout: LayoutEntry[]) {
  const moments = (prefix: string) => layout.map(({ name, dimensions }) => ({ name: `${prefix}.${name}`, dtype: "F32" as const, shape: dimensions }));
  return [...moments("first_moment"), ...moments("second_moment"), { name: "steps", dtype: "I64" as const, shape: [1] }];
}

/** Finds the optimizer's state in a folder's `optimizer.safetensors`. @throws AzrError AZR_CHECKPOINT_CORRUPT */
export function findOptimizer(folder: string, layout: LayoutEntry[]): OptimizerSource {
  const path = join(folder, "optimizer.safetensors");
  const corrupt = (why: string, cause?: unknown) =>
    new AzrError("AZR_CHECKPOINT_CORRUPT", `${path} ${why}.`, { hint: "Resume from an older checkpoint of the run, under its checkpoints/ folder.", cause });
  if (!existsSync(path)) throw corrupt("is missing");
  const expected = optimizerTensors(layout);
  const { tensors } = readSafetensorsHeader(path, { checkpoint: true });
  const same = tensors.length === expected.length && tensors.every((tensor, i) => tensor.name === expected[i]!.name && tensor.dtype === expected[i]!.dtype && tensor.shape.join() === expected[i]!.shape.join());
  if (!same) throw corrupt("belongs to another model");
  const last = tensors.at(-1)!;
  const buffer = Buffer.alloc(8);
  const descriptor = openSync(path, "r"); // the file is large: only the count is read here
  try {
    readSync(descriptor, buffer, 0, 8, last.begin);
  } finally {
    closeSync(descriptor);
  }
  const steps = Number(buffer.readBigInt64LE());
  if (!Number.isSafeInteger(steps) || steps < 0) throw corrupt("holds no sound step count");
  return { path, firstOffset: tensors[0]!.begin, secondOffset: tensors[layout.length]!.begin, steps };
}
