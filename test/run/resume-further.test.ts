// Runs with more to remember than the plain one (resume-real.test.ts), killed by SIGKILL and resumed to the bytes of one that nothing happened to:
// adapters with the divergence from the weights under them; all weights with the divergence from a second model and sampling that is repeated
// until tasks have spread. Their children come from node:child_process.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { killAndCompare, killsSkipped } from "./support/kills.ts";

const steps = 5;

t.test("adapters", { skip: killsSkipped, timeout: 280_000 }, async (t) => {
  const plan = [
    { point: "update", step: 2, count: 1 },
    { point: "save", step: 3, count: 1 },
  ];
  const config = { update: { learningRate: 2e-3, lora: { rank: 4 }, kl: { coefficient: 0.05 } } };
  const { metrics, dir } = await killAndCompare(t, { steps, plan, config });
  t.same((await readdir(join(dir, "checkpoints", "step-000005"))).sort(), ["adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors", "state.json"]);
  const divergence = metrics.map((line) => line["update/referenceKl"]!);
  // Scoring rounds otherwise than sampling.
  t.ok(divergence[0]! < 1e-9, "at first the adapters add nothing");
  t.ok(divergence.at(-1)! > 1e-6, divergence.join(" "));
});

t.test("a divergence and dynamic sampling", { skip: killsSkipped, timeout: 280_000 }, async (t) => {
  const plan = [
    { point: "generate", step: 2, count: 4 },
    { point: "update", step: 4, count: 1 },
  ];
  const config = { curriculum: { proposals: 4, rollouts: { n: 4 }, dynamicSampling: 2 }, update: { kl: { coefficient: 0.05, in: "reward" as const, estimator: "k1" as const } } };
  const { metrics } = await killAndCompare(t, { steps, plan, config });
  t.ok(metrics.some((line) => Math.abs(line["update/referenceKl"] ?? 0) > 1e-6), "the divergence was there");
  t.ok(metrics.some((line) => line["solve/deduction/leftOut"]! > 0), "tasks without spread were left out");
});
