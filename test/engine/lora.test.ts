// Low-rank adapters in the engine against what the Python package peft computed (test/truth/make_lora_truth.py): ten steps, files in its form,
// merged weights; then checkpoints, and folders that hold adapters alone.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Engine, LoraTarget, UpdateRequest } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open.ts";
import { resolveModel } from "../../src/engine/resolve-model.ts";
import { createSafetensorsHeader, readSafetensorsHeader } from "../../src/engine/safetensors.ts";
import { estimateMemory } from "../../src/model-memory.ts";
import { readLoraTruth, readTruth, truthTensors, writeModelFolder } from "../truth/model-folder.ts";
import type { Truth } from "../truth/model-folder.ts";
import { readSafetensors } from "./support/read-safetensors.ts";
import { relativeError } from "./support/relative-error.ts";
import { rejects } from "./support/tiny-model.ts";

const tolerance = 1e-4;
const names = ["llama-untied", "qwen3", "gemma3"] as const;
/** Where they are not all. */
const targetsOf: { [Name in (typeof names)[number]]?: LoraTarget[] } = { qwen3: ["q_proj", "v_proj", "down_proj"] };
const configOf = (name: (typeof names)[number]): string => readLoraTruth(name).config;

/** Adapters as peft writes them, from the truth. */
function writeAdapter(folder: string, config: string, tensors: [name: string, shape: number[], values: Float32Array][]): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "adapter_config.json"), config);
  const header = createSafetensorsHeader(tensors.map(([name, shape]) => ({ name, dtype: "F32" as const, shape })), { format: "pt" });
  writeFileSync(join(folder, "adapter_model.safetensors"), Buffer.concat([header, ...tensors.map(([, , { buffer, byteOffset, byteLength }]) => Buffer.from(buffer, byteOffset, byteLength))]));
  return folder;
}

/** The update of the truth, which goes on for ten steps. */
function updateOf({ arrays, numbers }: Truth): UpdateRequest {
  const [, length] = arrays["tokens"]!.shape as [number, number];
  const tokens = Int32Array.from(arrays["tokens"]!.values);
  const promptLengths = Int32Array.from(arrays["prompts"]!.values);
  const part = (inPrompt: boolean) => tokens.filter((_, i) => i % length < promptLengths[Math.floor(i / length)]! === inPrompt);
  const completions = { tokens: part(false), lengths: promptLengths.map((prompt) => length - prompt) };
  const { learning_rate, beta1, beta2, epsilon, weight_decay, clip_norm } = numbers as Record<string, number>;
  return {
    prompts: { tokens: part(true), lengths: promptLengths },
    completions,
    completionPrompt: promptLengths.map((_, row) => row),
    weights: new Float32Array(completions.tokens.length).fill(1 / completions.tokens.length),
    loss: "cross-entropy",
    optimizer: { learningRate: learning_rate!, beta1: beta1!, beta2: beta2!, epsilon: epsilon!, weightDecay: weight_decay!, clipNorm: clip_norm! },
  };
}

const sequences = { tokens: Int32Array.of(1, 5, 9, 13, 2, 30, 7, 7, 21, 4), lengths: Int32Array.of(6, 4) };
const scoresOf = async (engine: Engine) => (await engine.score({ sequences })).logProbabilities;

for (const name of names) {
  t.test(`${name}: ten steps beside torch and peft`, async (t) => {
    const folder = t.testdir({ model: {}, out: {}, merged: {} });
    const truth = readTruth(name);
    const adapted = readLoraTruth(name);
    const model = writeModelFolder(join(folder, "model"), truth);
    const start = writeAdapter(join(folder, "start"), configOf(name), truthTensors(adapted, "adapter"));
    const lora = { rank: adapted.numbers["rank"]!, alpha: adapted.numbers["alpha"]!, ...(targetsOf[name] && { targets: targetsOf[name] }) };
    await using engine = await openEngine({ model, threads: 1, lora });
    await engine.load(start, { optimizer: false });
    for (const [step, loss] of adapted.arrays["losses"]!.values.entries()) {
      const result = await engine.update(updateOf(truth));
      t.ok(Math.abs(result.loss - loss) < tolerance * loss, `loss of step ${step}: ${result.loss} beside ${loss}`);
      const norm = adapted.arrays["gradient-norms"]!.values[step]!;
      t.ok(Math.abs(result.gradientNorm - norm) < tolerance * norm, `gradient norm of step ${step}: ${result.gradientNorm} beside ${norm}`);
    }
    await engine.saveAdapter(join(folder, "out"));
    const saved = readSafetensors(join(folder, "out", "adapter_model.safetensors"));
    const final = truthTensors(adapted, "final");
    t.same(Object.keys(saved).sort(), final.map(([tensor]) => tensor).sort(), "the names that peft gives");
    for (const [tensor, , values] of final) t.ok(relativeError(saved[tensor]!, values) < tolerance, `${tensor} after ten steps`);
    await engine.saveModel(join(folder, "merged"));
    const merged = readSafetensors(join(folder, "merged", "model.safetensors"));
    for (const [tensor, , values] of truthTensors(adapted, "merged")) t.ok(relativeError(merged[tensor]!, values) < tolerance, `${tensor} as peft merges it`);
    t.same(merged["model.norm.weight"], truthTensors(truth, "weight").find(([tensor]) => tensor === "model.norm.weight")![2], "what has no adapter is as it was");
  });
}

t.test("sampler and trainer agree to the bit, and the merged model with them", async (t) => {
  for (const weights of ["f32", "bf16"] as const) {
    const folder = t.testdir({ model: {}, out: {}, merged: {} });
    const model = writeModelFolder(join(folder, "model"), readTruth("qwen3"));
    await using engine = await openEngine({ model, threads: 1, weights, lora: { rank: 4, seed: 3 } });
    const prompts = { tokens: Int32Array.of(1, 2, 3, 4, 5, 6), lengths: Int32Array.of(4, 2) };
    for (let seed = 1; seed <= 4; seed++) {
      const { completions, logProbabilities, parity } = await engine.generate({ prompts, samples: 8, maxTokens: 20, seed, stopTokens: [7] });
      t.ok(parity);
      const { maxLogProbabilityGap, gradientNorm } = await engine.update({
        prompts,
        completions,
        completionPrompt: completions.lengths.map((_, row) => Math.floor(row / 8)),
        weights: new Float32Array(completions.tokens.length).fill(1 / completions.tokens.length),
        loss: "policy",
        advantages: logProbabilities.map((_, i) => (i % 2 ? 1 : -1)),
        oldLogProbabilities: logProbabilities,
        maxGap: 0,
        optimizer: { learningRate: 1e-2, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 },
      });
      t.equal(maxLogProbabilityGap, 0, `${weights}, step ${seed}`);
      t.ok(gradientNorm > 0);
    }
    const scores = await scoresOf(engine);
    await engine.saveAdapter(join(folder, "out"));
    await engine.saveModel(join(folder, "merged"));
    writeFileSync(join(folder, "merged", "config.json"), readFileSync(join(model, "config.json")));
    writeFileSync(join(folder, "merged", "tokenizer.json"), "{}");
    for (const trainable of [true, false]) {
      await using merged = await openEngine({ model: join(folder, "merged"), threads: 1, weights, trainable });
      await using folded = await openEngine({ model, adapter: join(folder, "out"), threads: 1, weights, trainable });
      await using alone = await openEngine({ model: join(folder, "out"), threads: 1, weights, trainable });
      t.same(await scoresOf(merged), scores, "the saved model");
      t.same(await scoresOf(folded), scores, "the model with its adapters");
      t.same(await scoresOf(alone), scores, "the folder of adapters, which names its model");
    }
  }
});

t.test("a checkpoint holds adapters and goes on to the bit", async (t) => {
  const folder = t.testdir({ model: {}, half: {}, whole: {}, again: {} });
  const truth = readTruth("llama-untied");
  const options = { model: writeModelFolder(join(folder, "model"), truth), threads: 1, lora: { rank: 2, targets: ["q_proj", "up_proj"] as LoraTarget[] } };
  const save = async (engine: Engine, to: string) => {
    await engine.saveAdapter(join(folder, to));
    await engine.saveOptimizer(join(folder, to));
  };
  await using engine = await openEngine(options);
  for (let step = 0; step < 6; step++) {
    if (step === 3) await save(engine, "half");
    await engine.update(updateOf(truth));
  }
  await save(engine, "whole");
  await using other = await openEngine(options);
  await other.load(join(folder, "half"));
  for (let step = 3; step < 6; step++) await other.update(updateOf(truth));
  await save(other, "again");
  for (const file of ["adapter_model.safetensors", "adapter_config.json", "optimizer.safetensors"]) t.same(readFileSync(join(folder, "again", file)), readFileSync(join(folder, "whole", file)), file);

  const { lora, parameters, memory } = other.stats();
  t.match(lora, { rank: 2, alpha: 32, targets: ["q_proj", "up_proj"], parameters: 2 * 2 * (64 + 20 + 16 + 20) });
  t.equal(memory.gradients, 4 * lora!.parameters);
  t.equal(memory.moments, 8 * lora!.parameters);
  const estimate = estimateMemory(other.shape, parameters, { length: 1, batch: 1, microBatchTokens: 40, lora: lora! });
  t.same([estimate.lora.parameters, estimate.lora.f32.weights, estimate.lora.f32.gradients, estimate.lora.f32.moments], [lora!.parameters, memory.weights, memory.gradients, memory.moments], "as azr inspect model says");

  await using wider = await openEngine({ ...options, lora: { ...options.lora, rank: 3 } });
  await rejects(t, () => wider.load(join(folder, "half")), "AZR_CHECKPOINT_CORRUPT", /is \[2, 20\].*\[3, 20\]|\[2, 20\].*calls for \[3, 20\]/);
  await rejects(t, () => wider.load(options.model), "AZR_CHECKPOINT_CORRUPT", /holds no adapters/);
  await using plain = await openEngine({ ...options, lora: undefined } as never);
  await rejects(t, () => plain.saveAdapter(folder), "AZR_INPUT_INVALID", /without adapters/);
});

t.test("it scores without its adapters, as the model that never had any", async (t) => {
  const model = writeModelFolder(join(t.testdir({ model: {} }), "model"), readTruth("qwen3"));
  for (const weights of ["f32", "bf16"] as const) {
    await using base = await openEngine({ model, threads: 1, weights, trainable: false });
    await using engine = await openEngine({ model, threads: 1, weights, lora: { rank: 4, targets: ["q_proj", "down_proj"] } });
    const expected = await scoresOf(base);
    for (let step = 0; step < 2; step++) {
      await engine.update(updateOf(readTruth("qwen3")));
      const adapted = await scoresOf(engine);
      t.notSame(adapted, expected);
      t.same((await engine.score({ sequences, adapters: false })).logProbabilities, expected, `${weights}, step ${step}`);
      t.same(await scoresOf(engine), adapted, "and with them again");
    }
    await rejects(t, () => base.score({ sequences, adapters: false }), "AZR_INPUT_INVALID", /opened without adapters/);
    await rejects(t, () => engine.score({ sequences, adapters: "off" as never }), "AZR_INPUT_INVALID", /true or false for adapters/);
  }
});

t.test("the checkpoint of a run with adapters is a model, and the start of another run", async (t) => {
  const folder = t.testdir({ model: {}, second: {}, run: { checkpoints: { "step-000003": {} }, latest: "step-000003\n" } });
  const truth = readTruth("llama-untied");
  const model = writeModelFolder(join(folder, "model"), truth);
  const run = join(folder, "run");
  writeFileSync(join(run, "config.json"), JSON.stringify({ config: { model } }));
  await using engine = await openEngine({ model, threads: 1, lora: { rank: 2 } });
  for (let step = 0; step < 3; step++) await engine.update(updateOf(truth));
  await engine.saveAdapter(join(run, "checkpoints", "step-000003"));
  t.match(await resolveModel(run), { weights: model, checkpoint: { run, step: 3 }, adapters: [join(run, "checkpoints", "step-000003")] });
  const scores = await scoresOf(engine);
  await using sampler = await openEngine({ model: run, threads: 1, trainable: false });
  t.same(await scoresOf(sampler), scores);
  const path = join(model, "model.safetensors");
  const bytes = readFileSync(path);
  const moved = Buffer.from(bytes);
  moved.writeFloatLE(0.5, readSafetensorsHeader(path).tensors.at(-1)!.begin);
  writeFileSync(path, moved);
  await rejects(t, () => openEngine({ model: run, threads: 1 }), "AZR_CHECKPOINT_INCOMPATIBLE", /trained over other weights/);
  await using other = await openEngine({ model, threads: 1, lora: { rank: 2 } });
  await rejects(t, () => other.load(join(run, "checkpoints", "step-000003"), { optimizer: false }), "AZR_CHECKPOINT_INCOMPATIBLE", /trained over other weights/);
  writeFileSync(path, bytes);
  await using next = await openEngine({ model: run, threads: 1, lora: { rank: 2 } });
  t.same(await scoresOf(next), scores, "new adapters add nothing yet");
  await next.update(updateOf(truth));
  const later = await scoresOf(next);
  t.notSame(later, scores);
  await next.saveAdapter(join(folder, "second"));
  t.same((await resolveModel(join(folder, "second"))).adapters, [join(run, "checkpoints", "step-000003"), join(folder, "second")]);
  await using both = await openEngine({ model: join(folder, "second"), threads: 1, trainable: false });
  t.same(await scoresOf(both), later, "adapters over adapters");
});

t.test("adapters that cannot be used are refused in a sentence", async (t) => {
  const folder = t.testdir({ model: {} });
  const model = writeModelFolder(join(folder, "model"), readTruth("qwen3"));
  const tensors = truthTensors(readLoraTruth("qwen3"), "adapter");
  const config = JSON.parse(configOf("qwen3")) as Record<string, unknown>;
  const open = (changes: object, held = tensors) => () => openEngine({ model, threads: 1, adapter: writeAdapter(join(folder, "adapter"), JSON.stringify({ ...config, ...changes }), held) });
  await rejects(t, open({ peft_type: "IA3" }), "AZR_MODEL_FORMAT", /not of a LoRA/);
  await rejects(t, open({ base_model_name_or_path: 5 }), "AZR_MODEL_FORMAT", /is no text/);
  await rejects(t, open({ r: 0 }), "AZR_MODEL_FORMAT", /numbers above 0/);
  await rejects(t, open({ use_dora: true, bias: "all" }), "AZR_MODEL_FORMAT", /use_dora, bias are not supported/);
  await rejects(t, open({ rank_pattern: { q_proj: 4 } }), "AZR_MODEL_FORMAT", /rank_pattern is not supported/);
  await rejects(t, open({}, tensors.slice(1)), "AZR_MODEL_FORMAT", /lacks the tensor base_model.model.model.layers.0/);
  await rejects(t, open({ r: 3 }), "AZR_MODEL_FORMAT", /calls for \[3, 20\]/);
  await rejects(t, open({}, [...tensors, ["base_model.model.lm_head.weight", [1], Float32Array.of(1)]]), "AZR_MODEL_FORMAT", /lm_head.weight, which the model does not have/);
  await rejects(t, open({}, tensors.map(([name, shape, values]) => [name, shape, values.map(() => NaN)])), "AZR_MODEL_FORMAT", /not finite/);
  await rejects(t, () => openEngine({ model, adapter: model }), "AZR_MODEL_NOT_FOUND", /holds no adapters/);
  await rejects(t, () => openEngine({ model, lora: { rank: 0 } }), "AZR_INPUT_INVALID", /lora.rank/);
  await rejects(t, () => openEngine({ model, lora: { targets: ["lm_head" as LoraTarget] } }), "AZR_INPUT_INVALID", /lora.targets/);
  await rejects(t, () => openEngine({ model, trainable: false, lora: {} }), "AZR_INPUT_INVALID", /for training/);
  const rooted = await openEngine({ model, threads: 1, adapter: writeAdapter(join(folder, "rooted"), JSON.stringify({ ...config, use_rslora: true, lora_alpha: 5 / Math.SQRT2 }), tensors) });
  const plain = await openEngine({ model, threads: 1, adapter: writeAdapter(join(folder, "plain"), JSON.stringify(config), tensors) });
  t.ok(relativeError(await scoresOf(rooted), await scoresOf(plain)) < 1e-6, "alpha over the root of the rank");
  await rooted.dispose();
  await plain.dispose();
});
