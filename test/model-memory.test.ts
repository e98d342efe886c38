// The memory that a model needs: figures that can be worked out by hand.
import t from "tap";
import { activationNumbers, countAdapters, countParameters, estimateMemory } from "../src/model-memory.ts";
import type { ModelShape } from "../src/engine/engine.ts";

// SmolLM2-135M and Qwen2.5-0.5B and Qwen3-0.6B, as their config.json gives them.
const common = { ropeTheta: 1e5, normEpsilon: 1e-5, tiedHead: true, maxPositions: 8192, qkvBias: false, qkNorm: false };
const smol: ModelShape = { ...common, vocabularySize: 49_152, hiddenSize: 576, layers: 30, heads: 9, keyValueHeads: 3, headSize: 64, feedForwardSize: 1536 };
const qwen2: ModelShape = { ...common, vocabularySize: 151_936, hiddenSize: 896, layers: 24, heads: 14, keyValueHeads: 2, headSize: 64, feedForwardSize: 4864, qkvBias: true };
const qwen3: ModelShape = { ...common, vocabularySize: 151_936, hiddenSize: 1024, layers: 28, heads: 16, keyValueHeads: 8, headSize: 128, feedForwardSize: 3072, qkNorm: true };

t.test("parameters are those that the models are known to have", async (t) => {
  t.equal(countParameters(smol), 134_515_008);
  t.equal(countParameters(qwen2), 494_032_768);
  t.equal(countParameters(qwen3), 596_049_920);
  t.equal(countParameters({ ...smol, tiedHead: false }) - countParameters(smol), 49_152 * 576);
});

// gemma-3-270m, as its config.json gives it.
const gemma3: ModelShape = {
  ...common, vocabularySize: 262_144, hiddenSize: 640, layers: 18, heads: 4, keyValueHeads: 1, headSize: 256, feedForwardSize: 2048, qkNorm: true, postNorms: true,
  windows: Array.from({ length: 18 }, (_, layer) => ((layer + 1) % 6 === 0 ? 0 : 512)),
};

t.test("layers with a window", async (t) => {
  t.equal(countParameters(gemma3), 268_098_176);
  const perToken = activationNumbers(gemma3, 2000) - activationNumbers(gemma3, 1000);
  t.equal(perToken, 1000 * (18 * (2 * 640 + 2 + 2 * 1024 + 2 * 256 + 4 + 2 * 2048 + 1024 + 256 + 4 + 1 + 2 * 640 + 2) + 4 * 640 + 4 * 1024 + 4 * 256 + 4 * 2048 + 2 * 640));
  t.equal(activationNumbers(gemma3, 200) - activationNumbers(gemma3, 128), 72 * (perToken / 1000), "128 rows of logits at most");
  const cache = (length: number) => estimateMemory(gemma3, 1, { length, batch: 2, microBatchTokens: 1 }).rollout.cache;
  t.equal(cache(500), 2 * 18 * 2 * 256 * 4 * 500, "short of the window all layers keep everything");
  t.equal(cache(10_000), 2 * 2 * 256 * 4 * (3 * 10_000 + 15 * 1056), "beyond it, twice the window in blocks of 16");
});

t.test("memory", async (t) => {
  const memory = estimateMemory(smol, countParameters(smol), { length: 100, batch: 8, microBatchTokens: 1000 });
  const [vectors, matrices] = [576 + 30 * 2 * 576, 134_515_008 - 576 - 30 * 2 * 576];
  const held = matrices + 49_152 * 576;
  t.same(memory.weights, { f32: 4 * (held + vectors), bf16: 2 * held + 4 * vectors, q8: (34 / 32) * held + 4 * vectors }, "the tied embedding twice");
  const untied = estimateMemory({ ...smol, tiedHead: false }, countParameters({ ...smol, tiedHead: false }), { length: 1, batch: 1, microBatchTokens: 1 });
  t.same(untied.weights, memory.weights, "as much as one that is not tied");
  t.equal(memory.cachePerToken, 46_080, "2 x 30 layers x 3 heads x 64 numbers");
  t.equal(memory.rollout.cache, 46_080 * 800);
  t.equal(memory.rollout.total.bf16, memory.weights.bf16 + memory.rollout.cache);
  for (const [format, width] of [["f32", 4], ["bf16", 2]] as const) {
    const { weights, gradients, moments, copies, activations, total } = memory.training[format];
    t.same([weights, gradients, moments, copies], [4 * 134_515_008, 4 * 134_515_008, 8 * 134_515_008, width * matrices]);
    t.equal(total, weights + gradients + moments + copies + activations);
  }
  const perToken = activationNumbers(smol, 2000) - activationNumbers(smol, 1000);
  t.equal(perToken, 1000 * (30 * (2 * 576 + 2 + 2 * 576 + 2 * 192 + 9 + 2 * 1536) + 4 * 576 + 4 * 576 + 4 * 192 + 4 * 1536), "logits do not grow with the tokens");
});

t.test("checkpointed activations: each layer's input, and all of one layer", async (t) => {
  for (const shape of [smol, qwen3, gemma3]) {
    const perToken = (checkpoint: boolean) => (activationNumbers(shape, 2000, checkpoint) - activationNumbers(shape, 1000, checkpoint)) / 1000;
    const one = { ...shape, layers: 1 };
    const ofLayer = (activationNumbers({ ...shape, layers: 2 }, 1000) - activationNumbers(one, 1000)) / 1000;
    t.equal(perToken(false) - perToken(true), shape.layers * ofLayer - (shape.layers * shape.hiddenSize + ofLayer));
  }
  const request = { length: 1, batch: 1, microBatchTokens: 1000 };
  const [kept, again] = [false, true].map((checkpointActivations) => estimateMemory(smol, countParameters(smol), { ...request, checkpointActivations }));
  for (const format of ["f32", "bf16"] as const) {
    t.equal(again!.training[format].activations, 4 * activationNumbers(smol, 1000, true));
    t.equal(kept!.training[format].total - again!.training[format].total, kept!.training[format].activations - again!.training[format].activations);
    t.equal(again!.lora[format].activations, again!.training[format].activations);
  }
});

t.test("adapters", async (t) => {
  const lora = { rank: 8, targets: ["q_proj" as const, "k_proj" as const, "down_proj" as const] };
  const parameters = countParameters(smol);
  const memory = estimateMemory(smol, parameters, { length: 1, batch: 1, microBatchTokens: 1000, lora });
  const adapters = 30 * 8 * (576 + 576 + 192 + 576 + 576 + 1536);
  t.same([countAdapters(smol, lora), memory.lora.parameters, memory.lora.rank], [adapters, adapters, 8]);
  for (const format of ["f32", "bf16"] as const) {
    const [all, few] = [memory.training[format], memory.lora[format]];
    t.match(few, { weights: 4 * (parameters + adapters), gradients: 4 * adapters, moments: 8 * adapters, activations: all.activations });
    t.equal(few.copies - all.copies, 4 * (2 * 1536 * 576 + 1000 * 8 + 32 * 1536), "merged weights of gate and up, tokens x rank, one packed A");
  }
  t.ok(estimateMemory(smol, parameters, { length: 1, batch: 1, microBatchTokens: 1 }).lora.f32.total < 0.45 * memory.training.f32.total, "by default rank 16 over all matrices");
});
