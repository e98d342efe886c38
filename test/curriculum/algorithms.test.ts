// Each named algorithm against the table that test/truth/make_algorithm_truth.py computes from the papers' formulas: advantages and weights here, losses
// by the engine in test/engine/algorithm-losses.test.ts. And what no algorithm's advantages depend on.
import t from "tap";
import { algorithmNames, algorithms } from "../../src/config/algorithms.ts";
import { configSchema } from "../../src/config/index.ts";
import { type AdvantageSettings, advantages, type RewardedSequence, tokenAdvantages } from "../../src/curriculum/advantage.ts";
import { klEstimate } from "../../src/curriculum/compare-models.ts";
import { overlongPenalty } from "../../src/curriculum/score-groups.ts";
import { packUpdate } from "../../src/curriculum/update-batch.ts";
import { createRandom } from "../../src/random.ts";
import { bundlesOf, configOf, sequencesOf, table } from "./support/algorithm-table.ts";

const closeTo = (actual: number, expected: number, tolerance: number) => Math.abs(actual - expected) <= tolerance * (1 + Math.abs(expected));

for (const name of algorithmNames) {
  t.test(name, async (t) => {
    const expected = table.algorithms[name];
    const now = table.sequences.map(({ logRatios }) => logRatios.map(() => -2));
    for (const [coefficient, wanted] of [[0, expected.advantages], [table.klCoefficient, expected.withKl.advantages]] as const) {
      const sequences = sequencesOf(now, configOf(name, coefficient));
      sequences.forEach(({ advantage, advantages }, at) => {
        const found = advantages ?? wanted[at]!.map(() => advantage);
        // Penalties are sums of what single precision holds of log-probabilities.
        wanted[at]!.forEach((value, token) => t.ok(closeTo(found[token]!, value, coefficient > 0 ? 1e-5 : 1e-9), `advantage ${at}.${token}: ${found[token]} is ${value}`));
      });
    }
    const config = configOf(name);
    const sequences = sequencesOf(now, config).map((sequence) => ({ ...sequence, advantage: 1 }));
    const { weights } = packUpdate(bundlesOf(sequences), config)!;
    const wanted = table.sequences.flatMap(({ logRatios }, at) => logRatios.map(() => expected.weights[at]!));
    t.ok(weights.every((weight, at) => closeTo(weight, wanted[at]!, 1e-7)), "weights");
  });
}

t.test("without a name the settings are those of trr++, and every name sets every choice", async (t) => {
  const { advantage, clip, aggregation, aggregationLength, kl } = configSchema.parse({}).update;
  const { coefficient, reference, ...term } = kl;
  t.same({ advantage, clip, aggregation, aggregationLength, kl: term }, algorithms["trr++"]);
  t.same([coefficient, reference], [0, ""]);
  for (const name of algorithmNames) t.same(Object.keys(algorithms[name].advantage).sort(), Object.keys(advantage).sort(), name);
});

/** A random batch: groups, tasks, rewards of a few values, lengths. */
function batch(seed: number): RewardedSequence[] {
  const random = createRandom(seed, "batch");
  return Array.from({ length: 40 }, () => ({
    group: `g${random.integer(3)}`,
    reward: random.integer(12) === 0 ? null : [-1, -0.5, 0.3, 1][random.integer(4)]!,
    tokens: 1 + random.integer(9),
    ...(random.integer(5) === 0 ? {} : { task: `t${random.integer(6)}` }),
  }));
}

const each = <Key extends keyof AdvantageSettings>(_: Key, values: AdvantageSettings[Key][]) => values;
const everySetting: AdvantageSettings[] = each("scope", ["batch", "group", "task"]).flatMap((scope) =>
  each("baseline", ["mean", "leave-one-out", "none"]).flatMap((baseline) =>
    each("scale", ["none", "task", "group", "batch"]).flatMap((scale) =>
      each("whiten", ["none", "group", "batch"]).flatMap((whiten) => each("weights", ["sequence", "token"]).map((weights) => ({ scope, baseline, scale, whiten, weights }))),
    ),
  ),
);

t.test("all 216 choices: order changes nothing, one penalty a token that is the same is a lower reward, a shift of all rewards goes with the baseline", async (t) => {
  t.equal(everySetting.length, 216);
  const faults: string[] = [];
  for (const seed of [1, 2]) {
    const sequences = batch(seed);
    const order = createRandom(seed, "order").shuffle(sequences.map((_, at) => at));
    for (const settings of everySetting) {
      const fault = (what: string) => faults.push(`${what}: ${JSON.stringify(settings)}`);
      const plain = advantages(sequences, settings);
      if (!plain.every(Number.isFinite)) fault("finite");
      const mixed = advantages(order.map((at) => sequences[at]!), settings);
      if (!order.every((at, place) => closeTo(mixed[place]!, plain[at]!, 1e-9))) fault("order");
      const lowered = sequences.map((sequence) => ({ ...sequence, reward: sequence.reward === null ? null : sequence.reward - 0.25 }));
      const penalised = sequences.map((sequence) => ({ ...sequence, penalties: new Float64Array(sequence.tokens).fill(0.25) }));
      const below = advantages(lowered, settings);
      const perToken = tokenAdvantages(penalised, settings);
      if (!perToken.every((values, at) => values.length === sequences[at]!.tokens && values.every((value) => closeTo(value, below[at]!, 1e-9)))) fault("penalty");
      if (settings.baseline !== "none" && !below.every((value, at) => closeTo(value, plain[at]!, 1e-9))) fault("shift");
    }
  }
  t.same(faults, []);
});

t.test("scopes without spread give exactly 0, and what is not rewarded moves nothing", async (t) => {
  const flat: RewardedSequence[] = [0.1, 0.1, 0.1].map((reward) => ({ group: "g", reward, tokens: 2, task: "t" }));
  for (const settings of everySetting.filter(({ baseline }) => baseline !== "none")) t.same(advantages(flat, settings), new Float64Array(3), JSON.stringify(settings));
  const sequences = batch(3);
  const more = [...sequences, { group: "g0", reward: null, tokens: 5, task: "t1" }];
  for (const settings of everySetting) t.same(advantages(more, settings).subarray(0, sequences.length), advantages(sequences, settings));
});

t.test("estimates of the divergence are 0 for equal models, and k1 and k3 have its mean", async (t) => {
  for (const estimator of ["k1", "k2", "k3"] as const) t.ok(Math.abs(klEstimate(estimator, 0)) === 0);
  // Two outcomes: policy 3/4 and 1/4, reference 1/2 each: KL = 3/4 log(3/2) + 1/4 log(1/2).
  const kl = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
  for (const estimator of ["k1", "k3"] as const) t.ok(closeTo(0.75 * klEstimate(estimator, Math.log(2 / 3)) + 0.25 * klEstimate(estimator, Math.log(2)), kl, 1e-12), estimator);
  t.equal(klEstimate("k2", 0.5), 0.125);
});

t.test("the penalty on length, worked by hand", async (t) => {
  // Limit 20, the last 8 tokens: free up to 12, half the penalty at 16, all of it at 20.
  for (const [length, penalty] of [[1, 0], [12, 0], [13, 0.125], [16, 0.5], [20, 1]] as const) t.equal(overlongPenalty(length, 20, { tokens: 8, penalty: 1 }), penalty, String(length));
  t.equal(overlongPenalty(16, 20, { tokens: 8, penalty: 3 }), 1.5);
  t.equal(overlongPenalty(20, 20, { tokens: 0, penalty: 1 }), 0, "off");
  t.equal(overlongPenalty(5, 10, { tokens: 50, penalty: 1 }), 0.5, "a stretch longer than the limit begins at the first token");
});
