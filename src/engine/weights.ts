// Moves weights and optimizer state between files and the engine: matches a folder's tensors to the engine's parameters
// by Hugging Face name, and writes files that transformers loads. Used by open.ts; the bytes are moved by native code.
import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { AzrError } from "../errors.ts";
import type { LayoutEntry, NativeEngine, OptimizerSource, TensorSource } from "./load-addon.ts";
import { createSafetensorsHeader, readSafetensorsHeader } from "./safetensors.ts";
import type { SafetensorsOptions, TensorEntry } from "./safetensors.ts";

const readable = ["F32", "F16", "BF16"];

// The files of a model folder: one, or the shards that the index names.
function weightFiles(folder: string, options: SafetensorsOptions): string[] {
  const index = join(folder, "model.safetensors.index.json");
  if (existsSync(join(folder, "model.safetensors")) || !existsSync(index)) return [join(folder, "model.safetensors")];
  try {
    const map = JSON.parse(readFileSync(index, "utf8")).weight_map as Record<string, string>;
    return [...new Set(Object.values(map))].map((name) => join(folder, name));
  } catch (cause) {
    throw new AzrError(options.checkpoint ? "AZR_CHECKPOINT_CORRUPT" : "AZR_MODEL_FORMAT", `${index} cannot be read: ${(cause as Error).message}`, {
      hint: "Download or copy the model again.",
      cause,
    });
  }
}

/**
 * Matches every parameter of the engine to its bytes in a folder.
 * @throws AzrError AZR_MODEL_FORMAT (AZR_CHECKPOINT_CORRUPT with `checkpoint`) for a missing tensor or another shape or type
 */
export function findWeights(folder: string, layout: LayoutEntry[], options: SafetensorsOptions = {}): TensorSource[] {
  const code = options.checkpoint ? "AZR_CHECKPOINT_CORRUPT" : "AZR_MODEL_FORMAT";
  const found = new Map<string, TensorEntry & { path: string }>();
  for (const path of weightFiles(folder, options)) {
    for (const tensor of readSafetensorsHeader(path, options).tensors) found.set(tensor.name, { ...tensor, path });
  }
  const hint = "Check that config.json and the weights belong to the same model.";
  return layout.map((entry, index) => {
    const tensor = found.get(entry.name);
    if (!tensor) throw new AzrError(code, `${folder} lacks the tensor ${entry.name} that its config.json calls for.`, { hint });
    if (tensor.shape.join() !== entry.dimensions.join()) {
      throw new AzrError(code, `The tensor ${entry.name} is [${tensor.shape.join(", ")}] in ${tensor.path} but config.json calls for [${entry.dimensions.join(", ")}].`, { hint });
    }
    if (!readable.includes(tensor.dtype)) {
      throw new AzrError(code, `The tensor ${entry.name} in ${tensor.path} has type ${tensor.dtype}; ${readable.join(", ")} can be read.`, { hint });
    }
    return { index, path: tensor.path, offset: tensor.begin, dtype: tensor.dtype as TensorSource["dtype"] };
  });
}

/** Writes `model.safetensors` in float32 under Hugging Face names, synced to disk. */
export async function saveModel(native: NativeEngine, folder: string): Promise<void> {
  const header = createSafetensorsHeader(
    native.layout().map(({ name, dimensions }) => ({ name, dtype: "F32" as const, shape: dimensions })),
    { format: "pt" },
  );
  await native.saveParameters(join(folder, "model.safetensors"), header);
}

// Tensors of optimizer.safetensors: first moments, second moments, and the number of steps taken.
function optimizerTensors(layout: LayoutEntry[]) {
  const moments = (prefix: string) => layout.map(({ name, dimensions }) => ({ name: `${prefix}.${name}`, dtype: "F32" as const, shape: dimensions }));
  return [...moments("first_moment"), ...moments("second_moment"), { name: "steps", dtype: "I64" as const, shape: [1] }];
}

/** Writes `optimizer.safetensors`, synced to disk. */
export async function saveOptimizer(native: NativeEngine, folder: string): Promise<void> {
  await native.saveOptimizer(join(folder, "optimizer.safetensors"), createSafetensorsHeader(optimizerTensors(native.layout())));
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
