// How an engine holds its weights: the same tokens without the trainable copy, training in bfloat16 with the sampler's own log-probabilities, q8
// for sampling and scoring alone, and what each refuses.
import t from "tap";
import type { WeightFormat } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open.ts";
import { model, policyRequest, rejects, request, rows } from "./support/tiny-model.ts";

const sequences = rows([1, 2, 3, 4, 5, 6, 7], [9, 8, 7]);
const open = (weights: WeightFormat, trainable?: boolean) => openEngine({ model, threads: 1, weights, ...(trainable === undefined ? {} : { trainable }) });

t.test("without the trainable copy", async (t) => {
  for (const weights of ["f32", "bf16"] as const) {
    await using whole = await open(weights);
    await using light = await open(weights, false);
    t.match(whole.stats(), { weights, trainable: true });
    t.match(light.stats(), { weights, trainable: false, parameters: whole.stats().parameters });
    t.same(await light.generate(request), await whole.generate(request), `${weights}: the same tokens and log-probabilities`);
    t.same(await light.score({ sequences }), await whole.score({ sequences }));
    const update = await policyRequest(light);
    for (const call of [() => light.update(update), () => light.saveModel(t.testdir()), () => light.saveOptimizer(t.testdir())]) {
      await rejects(t, call, "AZR_INPUT_INVALID", /trainable: true/);
    }
  }
});

t.test("bfloat16 is trained on what it sampled", async (t) => {
  await using engine = await open("bf16");
  const before = await engine.score({ sequences });
  const update = await policyRequest(engine);
  const result = await engine.update(update);
  t.equal(result.maxLogProbabilityGap, 0, "the trainer computes the sampler's log-probabilities bit for bit");
  t.ok(result.gradientNorm > 0);
  t.notSame(await engine.score({ sequences }), before, "the step changed the model");
  const folder = t.testdir();
  await engine.saveModel(folder);
  await engine.saveOptimizer(folder);
  await using again = await open("bf16");
  await again.load(folder);
  t.same(await again.score({ sequences }), await engine.score({ sequences }), "a checkpoint holds the single precision that bfloat16 is rounded from");
  t.same(await again.update(update), await engine.update(update));
});

t.test("eight bits", async (t) => {
  await using exact = await open("f32");
  await using engine = await open("q8");
  t.match(engine.stats(), { weights: "q8", trainable: false });
  const [theirs, ours] = [await exact.score({ sequences }), await engine.score({ sequences })];
  const gaps = ours.logProbabilities.map((value, i) => Math.abs(value - theirs.logProbabilities[i]!));
  t.ok(Math.max(...gaps) < 0.2 && Math.max(...gaps) > 1e-6, `off by ${Math.max(...gaps)} at most`);
  const sampled = await engine.generate(request);
  t.equal(sampled.parity, false, "nothing trains these weights");
  t.equal((await exact.generate(request)).parity, true);
  t.same(await engine.generate(request), sampled);
});
