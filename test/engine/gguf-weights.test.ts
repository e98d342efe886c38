// Models in GGUF files through the engine: the same log-probabilities as the Hugging Face folder of the same weights, to the bit;
// there and back through saved safetensors too; and a real one.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { readGguf } from "../../src/engine/gguf.ts";
import { readGgufModel } from "../../src/engine/gguf-model.ts";
import { openEngine } from "../../src/engine/open.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { readTruth, truthNames, truthTensors, writeModelFolder } from "../truth/model-folder.ts";
import { truthParts, writeGguf } from "./support/gguf-file.ts";
import { smolLm2 } from "./support/smollm.ts";
import { rejects, rows } from "./support/tiny-model.ts";

const sequences = rows([1, 2, 3, 30, 29, 5, 6, 7], [34, 0, 11, 12, 13]);
const scores = async (engine: Engine): Promise<Float32Array> => (await engine.score({ sequences })).logProbabilities;

// No GGUF file says that a Mistral or a Qwen has windows. Of Gemma's scale of attention it says nothing either: that is the head size.
for (const name of truthNames.filter((name) => !name.endsWith("-window"))) {
  t.test(`${name} as GGUF`, async (t) => {
    const folder = t.testdir({ hf: {}, back: {} });
    const read = readTruth(name);
    const truth = { ...read, config: read.config.replace(/"query_pre_attn_scalar": 24/, `"query_pre_attn_scalar": 16`) };
    await using original = await openEngine({ model: writeModelFolder(join(folder, "hf"), truth), threads: 1 });
    const { ropeFactors } = original.shape;
    const parts = truthParts(truth);
    const divided = ropeFactors !== undefined && name !== "gemma3";
    const path = writeGguf(join(folder, "model.gguf"), divided ? withDivisors(parts, ropeFactors) : parts);
    await using engine = await openEngine({ model: path, threads: 1 });
    const [actual, expected] = [await scores(engine), await scores(original)];
    // The factors of a stretched rotary embedding are single precision in a GGUF file, and Gemma's norms are stored as 1 + w: there, and only
    // there, the last bits differ.
    if (ropeFactors === undefined) t.same(actual, expected);
    else t.ok(actual.every((value, index) => Math.abs(value - expected[index]!) < 1e-5), "up to the rounding of the factors");
    await engine.saveModel(join(folder, "back"));
    writeFileSync(join(folder, "back", "config.json"), JSON.stringify(readGgufModel(path).config));
    writeFileSync(join(folder, "back", "tokenizer.json"), "{}");
    await using back = await openEngine({ model: join(folder, "back"), threads: 1 });
    t.same(await scores(back), actual, "GGUF, saved as safetensors, and loaded");
  });
}

function withDivisors(parts: ReturnType<typeof truthParts>, divisors: number[]): ReturnType<typeof truthParts> {
  parts.tensors.push({ name: "rope_freqs.weight", shape: [divisors.length], data: new Uint8Array(Float32Array.from(divisors).buffer) });
  return parts;
}

t.test("matrices of two bytes", async (t) => {
  const folder = t.testdir({ hf: {} });
  const truth = readTruth("llama-untied");
  for (const [, shape, values] of truthTensors(truth, "weight")) {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    if (shape.length === 2) for (const [index, word] of bits.entries()) bits[index] = word & 0xffff0000;
  }
  await using narrow = await openEngine({ model: writeGguf(join(folder, "bf16.gguf"), truthParts(truth, 30)), threads: 1 });
  await using original = await openEngine({ model: writeModelFolder(join(folder, "hf"), truth), threads: 1 });
  t.same(await scores(narrow), await scores(original));
});

t.test("files whose weights do not suit", async (t) => {
  const path = join(t.testdir(), "model.gguf");
  const parts = () => truthParts(readTruth("llama-untied"));
  const cases: [string, (model: ReturnType<typeof truthParts>) => void, RegExp][] = [
    ["a tensor missing", ({ tensors }) => void tensors.splice(4, 1), /lacks the tensor model\.layers\.0\.\S+ that its metadata/],
    ["another shape", ({ tensors }) => void (tensors[1]!.shape = [tensors[1]!.shape[0]!, 1, tensors[1]!.shape.at(-1)!]), /but its metadata calls for/],
    ["values that are no numbers", ({ tensors }) => void new Float32Array(tensors[2]!.data.buffer, tensors[2]!.data.byteOffset, 1).fill(Infinity), /not finite/],
    ["a larger model", ({ metadata }) => void (metadata[1] = ["llama.block_count", "u32", 3]), /lacks the tensor model\.layers\.2/],
  ];
  for (const [name, change, message] of cases) {
    const model = parts();
    change(model);
    writeGguf(path, model);
    await rejects(t, () => openEngine({ model: path, threads: 1 }), "AZR_MODEL_FORMAT", message);
    t.pass(name);
  }
});

const smol = await smolLm2();
t.test("SmolLM2-135M goes on in English", { skip: smol.reason ?? false }, async (t) => {
  const path = smol.path!;
  const words = readGguf(path).metadata.get("tokenizer.ggml.tokens") as string[];
  const ids = (...text: string[]): number[] => text.map((word) => words.indexOf(word));
  const start = performance.now();
  await using engine = await openEngine({ model: path, threads: 2 });
  t.comment(`opened in ${(performance.now() - start).toFixed(0)} ms`);
  t.match(engine.shape, { layers: 30, hiddenSize: 576, vocabularySize: 49_152, tiedHead: true });
  t.equal(engine.stats().parameters, 134_515_008);
  const { completions } = await engine.generate({ prompts: rows(ids("The", "Ġcapital", "Ġof", "ĠFrance", "Ġis")), maxTokens: 4, temperature: 0, seed: 0, stopTokens: [2] });
  t.match([...completions.tokens].map((id) => words[id]).join("").replaceAll("Ġ", " "), /^ Paris/);
  // What is likely in English, beside what is not.
  const likely = ids("The", "Ġsun", "Ġrises", "Ġin", "Ġthe", "Ġeast");
  const { logProbabilities } = await engine.score({ sequences: rows(likely, likely.with(-1, ids("Ġspoon")[0]!)) });
  t.ok(logProbabilities[4]! > logProbabilities[9]! + 8, `log p of east ${logProbabilities[4]}, of spoon ${logProbabilities[9]}`);
});
