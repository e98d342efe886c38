import t, { type Test } from "tap";
import { advantages, type RewardedSequence } from "../../src/curriculum/advantage.ts";
import { proposerReward, solveRate, solverReward, type AnswerOutcome, type Fidelity, type ProposalOutcome } from "../../src/curriculum/reward.ts";
import { createRandom } from "../../src/random.ts";

const columns: Fidelity[] = ["paper", "reference", "tuned"];

t.test("proposer rewards", async (t) => {
  const accepted = (rate: number | null): ProposalOutcome => ({ accepted: true, solveRate: rate });
  const table: [string, ProposalOutcome, (number | null)[]][] = [
    ["wrong wrapper", { accepted: false, reason: "wrapper" }, [-1, -1, -1]],
    ["unparsable", { accepted: false, reason: "malformed" }, [-1, -1, -1]],
    ["invalid", { accepted: false, reason: "nondeterministic" }, [-1, -1, -1]],
    ["duplicate, where rejected", { accepted: false, reason: "duplicate" }, [-1, -1, -1]],
    ["executor failed", { accepted: false, reason: "sandbox-error" }, [null, null, null]],
    ["nobody solves it", accepted(0), [0, -0.5, 0]],
    ["everybody solves it", accepted(1), [0, -0.5, 0]],
    ["one of eight solves it", accepted(1 / 8), [0.875, 0.875, 0.875]],
    ["half solve it", accepted(0.5), [0.5, 0.5, 0.5]],
    ["seven of eight solve it", accepted(7 / 8), [0.125, 0.125, 0.125]],
    ["no rollout decided", accepted(null), [null, null, null]],
  ];
  for (const [name, outcome, want] of table) t.same(columns.map((column) => proposerReward(outcome, { fidelity: column })), want, name);
});

t.test("solver rewards", async (t) => {
  const table: [AnswerOutcome, (number | null)[]][] = [
    ["wrapper", [-1, -1, -1]],
    ["malformed", [-0.5, -0.5, -0.5]],
    ["wrong", [-0.5, -0.5, -0.5]],
    ["correct", [1, 1, 1]],
    ["undecided", [null, null, null]],
    ["contradicted", [null, null, null]],
  ];
  for (const [outcome, want] of table) t.same(columns.map((column) => solverReward(outcome, column)), want, outcome);
});

t.test("solve rate counts decided answers", async (t) => {
  t.equal(solveRate(["correct", "wrong", "wrapper", "malformed"]), 0.25);
  t.equal(solveRate(["correct", "undecided"]), 1);
  t.equal(solveRate(["undecided", "contradicted"]), null);
  t.equal(solveRate([]), null);
});

const close = (t: Test, found: Float64Array, want: number[]): void => {
  t.equal(found.length, want.length);
  found.forEach((value, at) => t.ok(Math.abs(value - want[at]!) < 1e-6, `${at}: ${value} is ${want[at]}`));
};

t.test("advantages, worked by hand", async (t) => {
  const sequences: RewardedSequence[] = [
    // Rewards 1, 1, -0.5, -0.5: mean 0.25, population variance 0.5625 = 0.75^2.
    { group: "deduction/solve", reward: 1, tokens: 3 },
    { group: "deduction/solve", reward: 1, tokens: 1 },
    { group: "deduction/solve", reward: -0.5, tokens: 1 },
    { group: "deduction/solve", reward: -0.5, tokens: 1 },
    // Another baseline: 0.5 and -1, mean -0.25, deviation 0.75.
    { group: "deduction/propose", reward: 0.5, tokens: 4 },
    { group: "deduction/propose", reward: -1, tokens: 2 },
    // No variance; 0.1 three times has a mean that is not exactly 0.1 in floating point.
    { group: "induction/solve", reward: 0.1, tokens: 5 },
    { group: "induction/solve", reward: 0.1, tokens: 5 },
    { group: "induction/solve", reward: 0.1, tokens: 5 },
    { group: "abduction/solve", reward: 1, tokens: 5 },
    // Left out of its group.
    { group: "deduction/solve", reward: null, tokens: 9 },
  ];
  const found = advantages(sequences);
  close(t, found, [1, 1, -1, -1, 1, -1, 0, 0, 0, 0, 0]);
  t.ok([6, 7, 8, 9, 10].every((at) => found[at] === 0), "exactly zero without variance");

  // By tokens: 1 (x3), 1, -0.5, -0.5 over 6 tokens: mean 0.5, squares 4 * 0.25 + 2 * 1 = 3, unbiased variance 3 / 5 = 0.6.
  // Proposers: 0.5 (x4), -1 (x2): mean 0, squares 4 * 0.25 + 2 * 1 = 3, the same variance.
  const s = Math.sqrt(0.6);
  close(t, advantages(sequences, { weights: "token" }), [0.5 / s, 0.5 / s, -1 / s, -1 / s, 0.5 / s, -1 / s, 0, 0, 0, 0, 0]);
  t.same(advantages([]), new Float64Array(0));
});

t.test("the task baseline: each answer against the others to its task, in units of its group's deviation", async (t) => {
  // Mean 0.4; squares 3 * 0.36 + 2 * 0.81 = 2.7: variance 0.54. Of task x the others give 0.25, 0.25, 1; y is alone, the last has no task.
  const rewards: [reward: number, task?: string][] = [[1, "x"], [1, "x"], [-0.5, "x"], [-0.5, "y"], [1]];
  const sequences = rewards.map(([reward, task]) => ({ group: "deduction/solve", reward, tokens: 3, ...(task === undefined ? {} : { task }) }));
  const want = [0.75, 0.75, -1.5, -0.9, 0.6].map((value) => value / Math.sqrt(0.54));
  close(t, advantages(sequences, { scope: "task", baseline: "leave-one-out" }), want);
  const elsewhere = sequences.map((sequence) => ({ ...sequence, group: "abduction/solve", reward: -sequence.reward }));
  close(t, advantages([...sequences, ...elsewhere], { scope: "task", baseline: "leave-one-out" }), [...want, ...want.map((value) => -value)]);

  const easyAndHard = [1, 1, -0.5, -0.5].map((reward, at) => ({ group: "deduction/solve", reward, tokens: 3, task: at < 2 ? "easy" : "hard" }));
  close(t, advantages(easyAndHard, { scope: "task", baseline: "leave-one-out" }), [0, 0, 0, 0]);
  close(t, advantages(easyAndHard), [1, 1, -1, -1]);
});

t.test("six baselines: what one kind or role earns moves no other", async (t) => {
  // Each row: rewards of a group, and (reward - mean) / deviation worked by hand. Population deviations: 0.75, 0.5, 0.25 * sqrt(2), sqrt(3) / 2, 0, 1.
  const groups: [group: string, rewards: number[], want: number[]][] = [
    ["deduction/propose", [0.5, -1, 0.5, -1], [1, -1, 1, -1]],
    ["deduction/solve", [1, 1, 0, 0], [1, 1, -1, -1]],
    // Mean 0.5; squares 1/4, 0, 1/4, 0: variance 1/8.
    ["abduction/propose", [0.75 + 0.25, 0.5, 0, 0.5], [Math.SQRT2, 0, -Math.SQRT2, 0]],
    // Mean -0.5; squares 9/4, 1/4, 1/4, 1/4: variance 3/4.
    ["abduction/solve", [1, -1, -1, -1], [1.5, -0.5, -0.5, -0.5].map((value) => value / Math.sqrt(0.75))],
    ["induction/propose", [-1, -1, -1, -1], [0, 0, 0, 0]],
    ["induction/solve", [1, -1, 1, -1], [1, -1, 1, -1]],
  ];
  // Interleaved, as no group may depend on where its members stand.
  const sequences = [0, 1, 2, 3].flatMap((at) => groups.map(([group, rewards]) => ({ group, reward: rewards[at]!, tokens: 1 + at })));
  const want = [0, 1, 2, 3].flatMap((at) => groups.map(([, , values]) => values[at]!));
  close(t, advantages(sequences), want);
  const shared = advantages(sequences.map((sequence) => ({ ...sequence, group: "all" })));
  t.notOk([...shared].every((value, at) => Math.abs(value - want[at]!) < 1e-3), "one baseline for all is another thing");
  const moved = sequences.map((sequence) => (sequence.group === "abduction/solve" ? { ...sequence, reward: 7 * sequence.reward + 3 } : sequence));
  close(t, advantages(moved), want);
});

t.test("shuffled rewards stay in their group and lose their places", async (t) => {
  const sequences: RewardedSequence[] = Array.from({ length: 40 }, (_, at) => ({
    group: at % 2 === 0 ? "a" : "b",
    reward: at % 2 === 0 ? at : at % 4 === 1 ? 1 : 0,
    tokens: 1,
  }));
  const plain = advantages(sequences);
  const shuffled = advantages(sequences, { shuffle: createRandom(5, "shuffle") });
  const half = (values: Float64Array, parity: number) => [...values].filter((_, at) => at % 2 === parity).map((value) => value.toFixed(6)).sort();
  t.same(half(shuffled, 0), half(plain, 0));
  t.same(half(shuffled, 1), half(plain, 1));
  t.notSame(shuffled, plain);
  t.same(advantages(sequences, { shuffle: createRandom(5, "shuffle") }), shuffled, "equal streams shuffle alike");
  const withGap = sequences.map((sequence, at) => (at === 0 ? { ...sequence, reward: null } : sequence));
  t.equal(advantages(withGap, { shuffle: createRandom(5, "shuffle") })[0], 0, "what left its group stays out");
});
