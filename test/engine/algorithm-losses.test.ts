// The loss that the engine computes for each named algorithm's batch, against the table of test/truth/make_algorithm_truth.py: probabilities now are the
// model's own, those of the sampler and the reference lie beside them as the table says. And what the loss does not depend on.
import t from "tap";
import { algorithmNames } from "../../src/config/algorithms.ts";
import { packUpdate } from "../../src/curriculum/update-batch.ts";
import { createRandom } from "../../src/random.ts";
import { bundlesOf, configOf, sequencesOf, table } from "../curriculum/support/algorithm-table.ts";
import { model, openEngineOn, optimizer, rows } from "./support/tiny-model.ts";

const still = { ...optimizer, learningRate: 0 };

t.test("losses of the named algorithms", async (t) => {
  await using engine = await openEngineOn(model);
  const unknown = sequencesOf(table.sequences.map(({ logRatios }) => logRatios.map(() => 0)), configOf("trr++"));
  const { logProbabilities } = await engine.score({ sequences: rows(...unknown.map(({ prompt, completion }) => [...Array.from(prompt.tokens), ...completion.tokens])) });
  let at = 0;
  const now = table.sequences.map(({ logRatios }) => logRatios.map(() => logProbabilities[at++]!));
  for (const name of algorithmNames) {
    for (const coefficient of [0, table.klCoefficient]) {
      const config = configOf(name, coefficient);
      const { clip } = config.update;
      const step = { loss: "policy", clipLow: clip.low, clipHigh: clip.high, optimizer: still } as const;
      const bundles = bundlesOf(sequencesOf(now, config));
      const result = await engine.update({ ...packUpdate(bundles, config)!, ...step });
      const expected = coefficient === 0 ? table.algorithms[name].loss : table.algorithms[name].withKl.loss;
      t.ok(Math.abs(result.loss - expected) < 1e-5 * (1 + Math.abs(expected)), `${name}, divergence ${coefficient}: ${result.loss} is ${expected}`);
      t.same([result.importanceMean, result.importanceMax, result.importanceCapped], [1, 1, 0]);

      const mixed = await engine.update({ ...packUpdate(createRandom(1, name).shuffle(bundles), config)!, ...step, microBatchTokens: 5 });
      t.ok(Math.abs(mixed.loss - result.loss) < 1e-6 * (1 + Math.abs(result.loss)), `${name}: neither order nor micro-batches`);
      t.ok(Math.abs(mixed.gradientNorm - result.gradientNorm) < 1e-5 * result.gradientNorm, `${name}: nor the gradient`);
    }
  }
});

t.test("dual clip, entropy bonus and importance reach the engine", async (t) => {
  await using engine = await openEngineOn(model);
  const one = { prompts: rows([1]), completions: rows([2]), completionPrompt: Int32Array.of(0), weights: Float32Array.of(1), loss: "policy", optimizer: still } as const;
  const { logProbabilities } = await engine.score({ sequences: rows([1, 2]) });
  const now = logProbabilities[0]!;
  const step = (change: object) => engine.update({ ...one, advantages: Float32Array.of(-1), oldLogProbabilities: Float32Array.of(now - Math.log(4)), ...change });
  const near = (actual: number, expected: number) => t.ok(Math.abs(actual - expected) < 1e-4, `${actual} is ${expected}`);
  const plain = await step({});
  near(plain.loss, 4);
  const held = await step({ dualClip: 3 });
  near(held.loss, 3);
  t.equal(held.gradientNorm, 0, "no gradient beyond it");
  near((await step({ entropyBonus: 0.5 })).loss, 4 - 0.5 * plain.entropy);
  const importance = (sampler: number, cap: number) => ({ importance: { samplerLogProbabilities: Float32Array.of(now - Math.log(4) - sampler), cap } });
  const half = await step(importance(Math.log(0.5), 2));
  near(half.loss, 2);
  near(half.gradientNorm, plain.gradientNorm / 2);
  t.equal(half.importanceCapped, 0);
  const capped = await step(importance(Math.log(8), 2));
  near(capped.loss, 8);
  t.same([capped.importanceMean, capped.importanceMax, capped.importanceCapped], [2, 2, 1]);
  t.equal((await step(importance(0, 2))).loss, plain.loss, "the sampler's own: exactly 1");
});
