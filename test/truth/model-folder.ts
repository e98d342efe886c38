// Reads the stored truth (make_model_truth.py describes the format) and lays its model out as a Hugging Face folder, so that
// tests can open it as users open theirs. Used by test/engine.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createSafetensorsHeader } from "../../src/engine/safetensors.ts";

export interface Truth {
  /** Text of the model's config.json, as transformers wrote it. */
  config: string;
  numbers: Record<string, number>;
  arrays: Record<string, { shape: number[]; values: Float32Array }>;
}

/** Names of the models that there is truth of. */
export const truthNames = ["llama-tied", "llama-untied", "llama3", "mistral", "qwen2", "qwen3", "mistral-window", "qwen2-window", "gemma3"] as const;

export const readTruth = (name: (typeof truthNames)[number]): Truth => read(name);

/** What make_lora_truth.py stored of adapters over such a model; `config` is their adapter_config.json. */
export const readLoraTruth = (name: (typeof truthNames)[number]): Truth => read(`lora-${name}`);

function read(name: string): Truth {
  const path = join(dirname(fileURLToPath(import.meta.url)), "data", name);
  const bytes = readFileSync(`${path}.data`);
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const truth: Truth = { config: readFileSync(`${path}.json`, "utf8"), numbers: {}, arrays: {} };
  for (const line of readFileSync(`${path}.index`, "utf8").trim().split("\n")) {
    const [first, second, ...rest] = line.split(" ") as [string, string, ...string[]];
    if (first === "set") truth.numbers[second] = Number(rest[0]);
    else {
      const shape = rest.map(Number);
      const begin = Number(second);
      truth.arrays[first] = { shape, values: all.subarray(begin, begin + shape.reduce((product, side) => product * side, 1)) };
    }
  }
  return truth;
}

/** Names and values of the arrays whose name begins with `prefix:`. */
export function truthTensors({ arrays }: Truth, prefix: string): [name: string, shape: number[], values: Float32Array][] {
  return Object.entries(arrays)
    .filter(([name]) => name.startsWith(`${prefix}:`))
    .map(([name, { shape, values }]) => [name.slice(prefix.length + 1), shape, values]);
}

/** Writes config.json, model.safetensors and a tokenizer.json that nobody reads into an existing folder; returns its path. */
export function writeModelFolder(folder: string, truth: Truth): string {
  writeFileSync(join(folder, "config.json"), truth.config);
  writeFileSync(join(folder, "tokenizer.json"), "{}");
  const tensors = truthTensors(truth, "weight");
  const header = createSafetensorsHeader(tensors.map(([name, shape]) => ({ name, dtype: "F32" as const, shape })), { format: "pt" });
  const data = tensors.map(([, , values]) => Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  writeFileSync(join(folder, "model.safetensors"), Buffer.concat([header, ...data]));
  return folder;
}
