// Reads the stored truth (make_llama_truth.py describes the format) and lays its model out as a Hugging Face folder, so that
// tests can open it as users open theirs. Used by test/engine.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createSafetensorsHeader } from "../../src/engine/safetensors.ts";

export interface Truth {
  numbers: Record<string, number>;
  arrays: Record<string, { shape: number[]; values: Float32Array }>;
}

export function readTruth(name: "llama-tied" | "llama-untied"): Truth {
  const path = join(dirname(fileURLToPath(import.meta.url)), "data", name);
  const bytes = readFileSync(`${path}.data`);
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const truth: Truth = { numbers: {}, arrays: {} };
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
  const { tied, ...numbers } = truth.numbers;
  const config = { architectures: ["LlamaForCausalLM"], model_type: "llama", hidden_act: "silu", tie_word_embeddings: tied === 1, ...numbers };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "tokenizer.json"), "{}");
  const tensors = truthTensors(truth, "weight");
  const header = createSafetensorsHeader(tensors.map(([name, shape]) => ({ name, dtype: "F32" as const, shape })), { format: "pt" });
  const data = tensors.map(([, , values]) => Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  writeFileSync(join(folder, "model.safetensors"), Buffer.concat([header, ...data]));
  return folder;
}
