// What the settings of the update add to its request and to the rewards: divergence, importance, entropy bonus, dual clip, length, tasks drawn anew.
import t from "tap";
import type { UpdateRequest } from "../../src/engine/engine.ts";
import { cutRows } from "../../src/curriculum/token-rows.ts";
import { fakeEngine } from "../../src/testing/index.ts";
import { near, plus, prompts, proposers, scripted, solvers } from "./support/scripted-step.ts";

const answer = (prompt: string, sample: number) => (sample === 0 ? (prompt.includes("a + 20") ? "21" : "11") : "12");
const base = { proposals: [plus(10), "x"], answer };

/** What the fake says of each completion's tokens when it scores whole sequences with no training behind it. */
function scored({ prompts, completions, completionPrompt }: UpdateRequest): number[] {
  const begins = [...completionPrompt].map((prompt) => prompts.lengths[prompt]!);
  const rows = cutRows(completions.tokens, completions.lengths);
  return rows.flatMap((row, at) => Array.from(row, (token, position) => -0.5 - 0.1 * ((token + begins[at]! + position) % 7)));
}

t.test("by default the request has none of these, and what has no advantage is left out", async (t) => {
  t.testdir({});
  const { updates, metrics } = await scripted(t, { ...base, proposals: [plus(10), plus(20)], answer: (prompt) => (prompt.includes("a + 20") ? "21" : "12") });
  t.same(Object.keys(updates[0]!).filter((key) => key !== "maxGap").sort(), ["advantages", "clipHigh", "clipLow", "completionPrompt", "completions", "loss", "oldLogProbabilities", "optimizer", "prompts", "signal", "weights"].sort());
  t.notOk(Object.keys(metrics).some((name) => /reference|importance|leftOut/.test(name)));
});

t.test("divergence in the loss", async (t) => {
  t.testdir({});
  const model = fakeEngine();
  const shift = 0.25;
  const score: typeof model.score = async (request) => ({ logProbabilities: (await model.score(request)).logProbabilities.map((value) => value - shift) });
  const reference = { ...model, score };
  const config = { update: { kl: { coefficient: 0.04 } } };
  const { updates, metrics, records } = await scripted(t, { ...base, answer: () => "11", reference, config });
  const { kl, completions, advantages } = updates[0]!;
  t.match(kl, { coefficient: 0.04, estimator: "k3" });
  t.ok(near(kl!.referenceLogProbabilities, scored(updates[0]!).map((value) => value - shift)), "the reference's log-probabilities");
  t.equal(completions.lengths.length, 4, "sequences without an advantage have a gradient now");
  t.ok([...advantages!].some((value) => value === 0));
  t.equal(records.length, 4);
  t.ok(Math.abs(metrics["update/referenceKl"]! - (Math.expm1(-shift) + shift)) < 1e-6);

  const frozen = fakeEngine({ answer: () => plus(20) });
  const shared = await scripted(t, { ...base, proposer: frozen, config: { curriculum: { proposer: "frozen" }, ...config } });
  t.ok(near(shared.updates[0]!.kl!.referenceLogProbabilities, scored(shared.updates[0]!)), "a frozen proposer is the run's first model already");

  const other = { ...fakeEngine(), shape: { ...reference.shape, vocabularySize: 7 } };
  await t.rejects(scripted(t, { ...base, reference: other, config }), { code: "AZR_CONFIG_INVALID", message: /vocabulary of 7 tokens/ });
});

t.test("divergence in the reward: the tokens before it answer for it", async (t) => {
  t.testdir({});
  const { updates } = await scripted(t, {
    ...base,
    reference: fakeEngine(),
    config: { update: { kl: { coefficient: 0.5, estimator: "k1", in: "reward" }, advantage: { scope: "group", baseline: "none", scale: "none" } } },
  });
  const update = updates[0]!;
  t.equal(update.kl, undefined, "no term of the loss");
  const reference = scored(update);
  const rewards = [1, -0.5]; // of the two answers; proposals follow below
  let end = update.completions.tokens.length;
  for (let row = update.completions.lengths.length - 1; row >= 0; row--) {
    const begin = end - update.completions.lengths[row]!;
    let later = 0;
    const wanted: number[] = [];
    for (let at = end - 1; at >= begin; at--) wanted.unshift(-0.5 * (later += update.oldLogProbabilities![at]! - reference[at]!));
    const found = [...update.advantages!.subarray(begin, end)];
    const reward = found.at(-1)! - wanted.at(-1)!;
    t.ok(near(found, wanted.map((value) => reward + value)), `row ${row}`);
    if (prompts(update)[update.completionPrompt[row]!]!.startsWith("<|deduce|>")) t.ok(rewards.some((value) => Math.abs(value - reward) < 1e-6));
    end = begin;
  }
});

t.test("importance: only where the sampler is not the trainer", async (t) => {
  t.testdir({});
  const { updates, metrics } = await scripted(t, { ...base, engine: { parity: false } });
  const { importance, oldLogProbabilities } = updates[0]!;
  t.equal(importance!.cap, 2);
  t.ok(near(oldLogProbabilities!, scored(updates[0]!)), "the old policy is the trainer's, as it scores before the step");
  const positions = cutRows(updates[0]!.completions.tokens, updates[0]!.completions.lengths).flatMap((row) => [...row.keys()]);
  const reported = scored(updates[0]!).map((value, at) => value - (positions[at]! % 2 ? 0 : 0.5));
  t.ok(near(importance!.samplerLogProbabilities, reported), "beside what the sampler reported");
  const ratios = reported.map((value, at) => Math.exp(oldLogProbabilities![at]! - value));
  const weights = ratios.map((ratio) => Math.min(2, ratio));
  t.ok(Math.abs(metrics["update/importanceMean"]! - weights.reduce((sum, weight) => sum + weight, 0) / weights.length) < 1e-6);
  t.ok(Math.abs(metrics["update/importanceMax"]! - Math.max(...weights)) < 1e-6);
  t.ok(Math.abs(metrics["update/importanceCapped"]! - ratios.filter((ratio) => ratio > 2).length / ratios.length) < 1e-6);

  const off = await scripted(t, { ...base, engine: { parity: false }, config: { update: { importanceCap: 0 } } });
  t.equal(off.updates[0]!.importance, undefined);
  t.notOk("update/importanceMean" in off.metrics);
});

t.test("entropy bonus, dual clip, bounds and lengths of a named algorithm", async (t) => {
  t.testdir({});
  const { updates } = await scripted(t, { ...base, config: { algorithm: "dr-grpo", generation: { maxTokens: { propose: 50, solve: 40 } }, update: { entropyBonus: 0.01, clip: { high: 0.28, dual: 3 } } } });
  t.match(updates[0], { entropyBonus: 0.01, clipLow: 0.2, clipHigh: 0.28, dualClip: 3 });
  t.ok(near(updates[0]!.weights, Array<number>(updates[0]!.weights.length).fill(1 / 4 / 50)), "sums over the longest completion there may be");
});

t.test("soft penalty on length", async (t) => {
  t.testdir({});
  const { records } = await scripted(t, { ...base, answer: (_, sample) => (sample === 0 ? "11" : "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"), config: { generation: { maxTokens: { solve: 20 } }, reward: { overlong: { tokens: 8, penalty: 0.5 } } } });
  t.same(solvers(records).map(({ reward, outcome, tokens }) => [outcome, tokens, reward]), [["correct", 3, 1], ["wrapper", 20, -1.5]]);
  t.equal(proposers(records)[0]!.solveRate, 0.5, "difficulty is not touched");
});

t.test("dynamic sampling", async (t) => {
  t.testdir({});
  // Steps 1 to 3 propose tasks that some answers solve and some do not; step 4 one that none does.
  const proposals = [plus(1), plus(2), plus(3), plus(40)];
  const answers = (prompt: string, sample: number) => (prompt.includes("a + 40") ? "0" : sample === 0 ? String(1 + Number(/a \+ (\d+)/.exec(prompt)?.[1] ?? 0)) : "0");
  const options = { proposals, answer: answers, steps: 4 };
  const config = { kinds: ["deduction"], curriculum: { proposals: 1, dynamicSampling: 2 } };
  const { records, updates, run, engine } = await scripted(t, { ...options, config });
  const solved = solvers(records);
  const own = solved.filter(({ prompt }) => prompt.includes("a + 40"));
  t.same(own.map(({ reward, trained, advantage }) => [reward, trained, advantage]), [[-0.5, false, 0], [-0.5, false, 0]], "left out");
  const others = solved.filter(({ prompt }) => !prompt.includes("a + 40"));
  t.ok(others.length >= 2 && others.length <= 4, "answers to a past task, and to another where that one had no spread either");
  t.same([...new Set(others.filter(({ trained }) => trained).map(({ reward }) => reward))].sort(), [-0.5, 1], "one with a spread took its place");
  t.equal((await run.result).metrics!["solve/deduction/leftOut"], solved.filter(({ trained }) => !trained).length / solved.length);
  t.notOk(prompts(updates.at(-1)!).some((text) => text.includes("a + 40") && text.startsWith("<|deduce")), "the update does not see it");
  const again = await scripted(t, { ...options, config });
  t.same(again.records, records, "equal runs draw equally");
  t.equal(again.engine.calls.length, engine.calls.length);
  await t.rejects(scripted(t, { ...options, config: { curriculum: { ...config.curriculum, rollouts: { n: 2, reuse: false } } } }), { code: "AZR_CONFIG_INVALID", message: /dynamicSampling: needs/ });
});
