// One step from proposals to the update: rewards, advantages and token weights against values worked out by hand.
import t from "tap";
import { near, plus, prompts, proposers, scripted, solvers } from "./support/scripted-step.ts";

t.test("rewards, advantages and token weights of one step, by hand", async (t) => {
  t.testdir({});
  // Four proposals: solved by one of two rollouts, by both, the first again, and a broken one. Input 1: f gives 11, 21.
  const { records, updates, metrics, events } = await scripted(t, {
    proposals: [plus(10), plus(20), plus(10), "def f(a):\n    return a<|end|>"],
    answer: (prompt, sample) => (prompt.includes("a + 20") ? "21" : sample === 0 ? "11" : "12"),
  });
  t.same(proposers(records).map(({ outcome, reward, solveRate }) => [outcome, reward, solveRate]), [
    ["accepted", 0.5, 0.5],
    ["accepted", 0, 1],
    ["duplicate", -1, undefined],
    ["wrapper", -1, undefined],
  ]);
  t.same(solvers(records).map(({ task, index, outcome, reward }) => [task, index, outcome, reward]), [
    ["t-1-d-0", 0, "correct", 1],
    ["t-1-d-0", 1, "wrong", -0.5],
    ["t-1-d-1", 0, "correct", 1],
    ["t-1-d-1", 1, "correct", 1],
  ]);
  // Group means and population deviations: (.5, 0, -1, -1) has -.375 and .6495; (1, -.5, 1, 1) has .625 and .6495.
  const deviation = Math.sqrt(0.421875 + 1e-8);
  const expected = [0.875, 0.375, -0.625, -0.625, 0.375, -1.125, 0.375, 0.375].map((value) => value / deviation);
  t.ok(near(records.map(({ advantage }) => advantage), expected), "advantages");
  t.equal(updates.length, 1);
  const update = updates[0]!;
  const lengths = [...update.completions.lengths];
  t.same(lengths, records.map(({ tokens }) => tokens));
  t.ok(near(update.advantages!, expected.flatMap((value, at) => Array<number>(lengths[at]!).fill(value))), "one advantage a sequence, on each token");
  t.ok(near(update.weights, lengths.flatMap((length) => Array<number>(length).fill(1 / 8 / length))), "mean over sequences of token means");
  t.same([...update.completionPrompt], [0, 1, 2, 3, 4, 4, 5, 5], "rollouts of a task share its prompt");
  t.same(prompts(update).slice(4), ["<|deduce|><|program|>def f(a):\n    return a + 10<|input|>1<|output|>", "<|deduce|><|program|>def f(a):\n    return a + 20<|input|>1<|output|>"]);
  t.match(metrics, {
    "propose/deduction/reward": -0.375,
    "propose/deduction/accepted": 0.5,
    "propose/deduction/rejected/duplicate": 0.25,
    "propose/deduction/rejected/wrapper": 0.25,
    "propose/deduction/solveRate": 0.75,
    "propose/deduction/learnable": 0.5,
    "solve/deduction/reward": 0.625,
    "solve/deduction/correct": 0.75,
    "solve/deduction/wrong": 0.25,
    "buffer/deduction/size": 3,
    "program/deduction/statements": 1,
    "update/meanLogProbabilityGap": 0,
    "update/maxLogProbabilityGap": 0,
  });
  const rewardEnd = events.filter((event) => event.type === "reward-end");
  t.match(rewardEnd, [
    { role: "propose", outcomes: { accepted: 2, duplicate: 1, wrapper: 1 }, solveRates: [{ task: "t-1-d-0", solveRate: 0.5 }, { task: "t-1-d-1", solveRate: 1 }] },
    { role: "solve", outcomes: { correct: 3, wrong: 1 }, rewardMean: 0.625 },
  ]);
});
