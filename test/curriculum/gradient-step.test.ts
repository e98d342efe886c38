// What a gradient step asks of the engine, from the settings: defaults ask for nothing special, groups and checkpoints arrive.
import t from "tap";
import { loadConfig } from "../../src/config/index.ts";
import { gradientStep } from "../../src/curriculum/gradient-step.ts";
import { learningRateAt } from "../../src/curriculum/learning-rate.ts";

t.test("from the settings to the request", async (t) => {
  const { update } = (await loadConfig({})).config;
  const { learningRate, betas, epsilon, weightDecay, clipNorm } = update;
  t.same(gradientStep(update, 1, 10), { optimizer: { learningRate, beta1: betas[0], beta2: betas[1], epsilon, weightDecay, clipNorm } });
  const changed = { ...update, schedule: "cosine" as const, microBatchTokens: 77, checkpointActivations: true, groups: [{ match: "norm", learningRateScale: undefined, weightDecay: 0 }] };
  t.match(gradientStep(changed, 6, 10), { microBatchTokens: 77, checkpointActivations: true, optimizer: { learningRate: learningRateAt(changed, 6, 10), groups: [{ match: "norm", weightDecay: 0 }] } });
});
