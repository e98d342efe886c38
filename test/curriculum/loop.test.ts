// The loop driven by fakes: twenty steps with a golden file, independence of what finishes first, and each rule of a step by a small
// scripted case whose rewards, weights and advantages are worked out by hand.
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import type { ConfigInput } from "../../src/config/index.ts";
import { mapBounded } from "../../src/curriculum/bounded.ts";
import type { RolloutRecord } from "../../src/curriculum/step-context.ts";
import type { Task } from "../../src/curriculum/task.ts";
import { cutRows, packRows } from "../../src/curriculum/token-rows.ts";
import type { UpdateRequest } from "../../src/engine/engine.ts";
import { AzrError } from "../../src/errors.ts";
import { collect, fakeEngine, fakeExecutor, fakeTokenizer } from "../../src/testing/index.ts";
import { fakes, lines, metricsText, rollouts, trainFake } from "../run/support/fake-run.ts";

const goldenPath = fileURLToPath(new URL("./fixtures/loop-golden.json", import.meta.url));

t.test("twenty steps give the golden metrics, whatever the executor finishes first", async (t) => {
  t.testdir({});
  const runs = await Promise.all([undefined, 1, 2].map(async (delaySeed, at) => {
    const run = trainFake(t.testdirName, { steps: 20, run: { name: `r${at}` } }, fakes(delaySeed));
    const events = await collect(run);
    return { events, dir: run.dir!, text: await metricsText(run.dir!) };
  }));
  const [plain, ...delayed] = runs;
  for (const { text, dir } of delayed) {
    t.equal(text, plain!.text, "metrics");
    t.equal(await readFile(join(dir, "tasks.jsonl"), "utf8"), await readFile(join(plain!.dir, "tasks.jsonl"), "utf8"), "tasks");
    t.same(await rollouts(dir, 20), await rollouts(plain!.dir, 20), "rollouts");
  }
  const metrics = plain!.text.split("\n").filter(Boolean).map((line) => JSON.parse(line) as Record<string, number>);
  const golden = { sha256: createHash("sha256").update(plain!.text).digest("hex"), first: metrics[0], last: metrics.at(-1) };
  // AZR_UPDATE_GOLDEN=1 writes the file anew after an intended change; look at its difference before committing.
  if (process.env.AZR_UPDATE_GOLDEN) await writeFile(goldenPath, `${JSON.stringify(golden, null, 2)}\n`);
  const expected = JSON.parse(await readFile(goldenPath, "utf8")) as typeof golden;
  t.same(golden.first, expected.first, "step 1");
  t.same(golden.last, expected.last, "step 20");
  t.equal(golden.sha256, expected.sha256, "every byte");
  t.notMatch(plain!.text, /seconds|"time|share/i, "no clock in the metrics");

  const counts = new Map<string, number>();
  for (const { type } of plain!.events) counts.set(type, (counts.get(type) ?? 0) + 1);
  const of = (type: string) => counts.get(type) ?? 0;
  t.same(["run-start", "step-start", "step-end", "update-end", "run-end"].map(of), [1, 20, 20, 20, 1]);
  t.same([of("rollout-end"), of("reward-end")], [120, 120], "six groups a step");
  t.equal(of("task-proposed"), 20 * 3 * 8);
  t.equal(of("task-accepted") + of("task-rejected"), of("task-proposed"), "each proposal is accepted or rejected");
  t.ok(of("task-accepted") > 150 && of("task-rejected") > 100, "both happen a lot");
  const logged = await lines<{ type: string }>(join(plain!.dir, "events.jsonl"));
  t.same(logged.map(({ type }) => type), plain!.events.map(({ type }) => type), "events.jsonl holds what the iterator gave");
  const tasks = await lines<Task>(join(plain!.dir, "tasks.jsonl"));
  t.equal(new Set(tasks.map(({ id }) => id)).size, tasks.length, "ids are unique");
  const known = new Set(tasks.map(({ id }) => id));
  t.ok(tasks.every(({ origin }) => origin.parents.every((id) => known.has(id))), "parents are tasks of the run");
  const programs = await lines<{ key: string }>(join(plain!.dir, "programs.jsonl"));
  const seeds = tasks.filter(({ origin }) => origin.seed).length;
  t.equal(new Set(programs.slice(seeds).map(({ key }) => key)).size, programs.length - seeds, "no task is accepted twice");
});

const prompts = (request: { prompts: { tokens: Int32Array; lengths: Int32Array } }) =>
  cutRows(request.prompts.tokens, request.prompts.lengths).map((row) => fakeTokenizer().decode(row));

interface Scripted {
  config?: ConfigInput;
  /** Proposals of deduction, in order; the last repeats. */
  proposals: string[];
  /** Answers to a task, by its program and sample. */
  answer?: (prompt: string, sample: number) => string;
  executor?: ReturnType<typeof fakeExecutor>;
  engine?: Parameters<typeof fakeEngine>[0];
  steps?: number;
  /** The frozen proposer. */
  proposer?: ReturnType<typeof fakeEngine>;
}

let folders = 0;

/** One step of deduction alone with a scripted model, in a new folder under the test's own. */
async function scripted(t: Fixture, { config = {}, proposals, answer = () => "0", executor = fakeExecutor(), steps = 1, engine: engineOptions = {}, proposer }: Scripted) {
  let proposed = 0;
  const engine = fakeEngine({
    ...engineOptions,
    answer: (prompt, sample) => {
      if (!prompt.startsWith("<|propose")) return `${answer(prompt, sample)}<|end|>`;
      return proposals[Math.min(proposed++, proposals.length - 1)];
    },
  });
  const run = trainFake(join(t.testdirName, String(folders++)), {
    steps,
    kinds: ["deduction"],
    ...config,
    curriculum: { proposals: proposals.length, rollouts: { n: 2 }, baseline: "sequence", replay: 0, ...config.curriculum },
  }, { engine, executor, tokenizer: fakeTokenizer(), ...(proposer === undefined ? {} : { proposer }) });
  const events = await collect(run);
  const updates = engine.calls.flatMap((call) => (call.method === "update" ? [call.request] : []));
  const records = await rollouts(run.dir!, steps);
  return { run, events, engine, executor, updates, records, metrics: (await lines<Record<string, number>>(join(run.dir!, "metrics.jsonl")))[0]! };
}
type Fixture = Pick<typeof t, "testdirName">;

const plus = (n: number, input = 1) => `def f(a):\n    return a + ${n}<|input|>${input}<|end|>`;
const proposers = (records: RolloutRecord[]) => records.filter(({ role }) => role === "propose");
const solvers = (records: RolloutRecord[]) => records.filter(({ role }) => role === "solve");
const near = (actual: ArrayLike<number>, expected: number[]) =>
  actual.length === expected.length && expected.every((value, at) => Math.abs(value - actual[at]!) < 1e-6);

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
    "update/maxLogProbabilityGap": 0,
  });
  const rewardEnd = events.filter((event) => event.type === "reward-end");
  t.match(rewardEnd, [
    { role: "propose", outcomes: { accepted: 2, duplicate: 1, wrapper: 1 }, solveRates: [{ task: "t-1-d-0", solveRate: 0.5 }, { task: "t-1-d-1", solveRate: 1 }] },
    { role: "solve", outcomes: { correct: 3, wrong: 1 }, rewardMean: 0.625 },
  ]);
});

t.test("an answer that a task got before is not judged again", async (t) => {
  t.testdir({});
  const executor = fakeExecutor();
  // Eight rollouts each of two equal-looking tasks: five distinct answers, of which one is the task's own input.
  const { records } = await scripted(t, {
    executor,
    proposals: [plus(10), plus(20)],
    answer: (_, sample) => ["1", "2", "2 ", "3", "3", "2", "x", "3"][sample]!,
    config: { kinds: ["abduction"], curriculum: { rollouts: { n: 8 } } },
  });
  const judged = executor.calls.flatMap((call) => (call.method === "run" && call.request.determinism === "pair" ? [`${call.request.program.slice(-2)}: ${call.request.inputs}`] : []));
  t.same(judged.sort(), ["10: 2", "10: 3", "10: x", "20: 2", "20: 3", "20: x"]);
  const outcomes = solvers(records).map(({ outcome, answer }) => [answer, outcome]);
  t.same(outcomes.slice(0, 8), ["1", "2", "2", "3", "3", "2", "x", "3"].map((answer) => [answer, answer === "1" ? "correct" : "wrong"]));
  t.same(outcomes.slice(8), outcomes.slice(0, 8), "every rollout has its verdict, in its place");
});

t.test("settings that change what is trained", async (t) => {
  t.testdir({});
  const base = { proposals: [plus(10), plus(20)], answer: (prompt: string, sample: number) => (sample === 0 ? (prompt.includes("a + 20") ? "21" : "11") : "12") };
  const promptsOf = (updates: UpdateRequest[]) => updates.flatMap((update) => prompts(update).map((text) => text.slice(0, 9)));

  const untrained = await scripted(t, { ...base, proposals: [plus(10), "x"], config: { curriculum: { proposer: "untrained" } } });
  t.same(promptsOf(untrained.updates), ["<|deduce|"], "an untrained proposer is left out of the loss");
  t.ok(near(untrained.updates[0]!.weights, [...untrained.updates[0]!.completions.lengths].flatMap((length) => Array<number>(length).fill(1 / 2 / length))));

  const copy = fakeEngine({ answer: () => plus(20) });
  const frozen = await scripted(t, { ...base, proposer: copy, proposals: [plus(10), plus(10)], config: { curriculum: { proposer: "frozen" } } });
  t.same(proposers(frozen.records).map(({ task }) => task), ["t-1-d-0", undefined], "the frozen copy proposes: one program, twice");
  t.same(promptsOf(frozen.updates), ["<|deduce|"], "and is left out of the loss");
  t.same(copy.calls.map(({ method }) => method), ["generate"], "nothing trains or loads it");

  const token = await scripted(t, { ...base, proposals: [plus(10), "x"], config: { update: { normalise: "token" } } });
  const total = token.updates[0]!.completions.tokens.length;
  t.ok(near(token.updates[0]!.weights, Array<number>(total).fill(1 / total)), "token mean");

  const two = await scripted(t, { ...base, proposals: [plus(10), "x", plus(20)], config: { update: { minibatches: 2 } } });
  t.equal(two.updates.length, 2, "two gradient steps");
  for (const { weights } of two.updates) t.ok(weights.reduce((sum, value) => sum + value, 0) <= 1 + 1e-6, "each normalised by itself");
  t.equal(two.metrics["update/gradientSteps"], 2);

  const flat = await scripted(t, { ...base, proposals: ["x", "x"] });
  t.equal(flat.updates.length, 0, "nothing to learn: no gradient step");
  t.equal(flat.metrics["update/trainedTokens"], 0);

  const repeated = await scripted(t, { ...base, proposals: [plus(10), plus(10)], config: { curriculum: { deduplicate: false } } });
  t.same(proposers(repeated.records).map(({ outcome }) => outcome), ["accepted", "accepted"], "duplicates count without deduplicate");

  const reference = await scripted(t, { ...base, proposals: [plus(10)], answer: () => "11", config: { curriculum: { fidelity: "reference" } } });
  t.equal(proposers(reference.records)[0]!.reward, -0.5, "the reference code's column");

  const shuffled = await scripted(t, { ...base, proposals: [plus(1), plus(2), plus(3), plus(4), "x", "x", "x", "x"], answer: () => "7", config: { reward: { shuffle: true } } });
  const pairs = proposers(shuffled.records).map(({ reward, advantage }) => [reward!, Math.sign(advantage)]);
  t.same(pairs.map(([reward]) => reward), [0, 0, 0, 0, -1, -1, -1, -1], "the rewards stay with their sequences in the record");
  t.ok(pairs.some(([reward, sign]) => (reward === 0) !== (sign === 1)), "the advantages are those of permuted rewards");
  t.equal(pairs.filter(([, sign]) => sign === 1).length, 4);
});

t.test("past tasks are replayed: answered and trained beside the new ones, worth nothing to their proposers", async (t) => {
  t.testdir({});
  const answer = (prompt: string, sample: number) => (sample === 0 ? (prompt.includes("a + 20") ? "21" : "11") : "12");
  const { run, updates } = await scripted(t, { proposals: [plus(10), plus(20)], answer, steps: 2, config: { curriculum: { proposals: 1, replay: 4 } } });
  const [first, second] = [await rollouts(run.dir!, 1), await rollouts(run.dir!, 2)];
  // Step 1 has the seed task to replay, step 2 also what step 1 made.
  t.same(solvers(first).map(({ task }) => task), ["t-1-d-0", "t-1-d-0", "t-0-d-0", "t-0-d-0"]);
  t.same(solvers(second).map(({ task }) => task).sort(), ["t-0-d-0", "t-0-d-0", "t-1-d-0", "t-1-d-0", "t-2-d-0", "t-2-d-0"]);
  t.same(proposers(second).map(({ task, solveRate }) => [task, solveRate]), [["t-2-d-0", 0.5]], "a proposal's solve rate is that of its own task");
  t.equal(prompts(updates[1]!).filter((text) => text.startsWith("<|deduce|>")).length, 3, "all three are trained");
});

t.test("without rollouts.reuse the solver is trained on answers of their own", async (t) => {
  t.testdir({});
  for (const [solverTasks, expected] of [["this-step", ["t-1-d-0", "t-1-d-1"]], ["previous-step", ["t-0-d-0"]]] as const) {
    const { records, metrics, updates } = await scripted(t, {
      proposals: [plus(10), plus(20)],
      answer: (prompt, sample) => (prompt.includes("a + 10") && sample === 0 ? "11" : "5"),
      config: { curriculum: { rollouts: { n: 4, reuse: false }, solverTasks } },
    });
    t.same(solvers(records).map(({ task }) => task).sort(), [...expected], `${solverTasks}: one answer a task`);
    t.equal(metrics["solve/deduction/completions"], expected.length);
    t.equal(metrics["propose/deduction/solveRate"], 0.125, "difficulty is still measured on n rollouts");
    t.notOk(updates.some((update) => update.completions.lengths.length > 4), "the rollouts are not in the update");
  }
});

t.test("held-out programs, long prompts, sandbox failures, seed growth", async (t) => {
  const heldOut = { id: "h", kind: "deduction", program: "def f(zz):\n    return zz + 10", input: "1", output: "11" };
  const path = join(t.testdir({ "held-out.jsonl": `${JSON.stringify(heldOut)}\n` }), "held-out.jsonl");
  const held = await scripted(t, { proposals: [plus(10), plus(20)], config: { curriculum: { heldOut: [path] } } });
  t.same(proposers(held.records).map(({ outcome }) => outcome), ["held-out", "accepted"], "a renamed copy is the same program");
  await t.rejects(scripted(t, { proposals: [plus(1)], config: { curriculum: { heldOut: ["/nowhere.jsonl"] } } }), { code: "AZR_INPUT_INVALID" });

  const long = await scripted(t, { proposals: [plus(1), plus(2)], steps: 1, engine: { maxPositions: 96 + 40 } });
  t.ok(long.engine.calls.some((call) => call.method === "generate" && prompts(call.request).some((prompt) => prompt === "<|propose-deduction|><|new|><|program|>")), "references that do not fit are left out");

  const executor = fakeExecutor({ override: (call) => {
    if (call.method === "run" && call.request.program.includes("a + 20")) throw new AzrError("AZR_EXECUTOR_FAILED", "the sandbox failed");
    if (call.method === "parse") throw new AzrError("AZR_EXECUTOR_FAILED", "the sandbox failed");
    return undefined;
  } });
  const failed = await scripted(t, { proposals: [plus(10), plus(20)], executor, answer: (_, sample) => (sample === 0 ? "11" : "1 1") });
  t.same(proposers(failed.records).map(({ outcome, reward, trained }) => [outcome, reward, trained]), [["accepted", 0, true], ["sandbox-error", null, false]]);
  t.same(solvers(failed.records).map(({ outcome, reward, trained }) => [outcome, reward, trained]), [["correct", 1, true], ["undecided", null, false]]);
  t.match(failed.events.find(({ type }) => type === "warning"), { code: "AZR_EXECUTOR_FAILED", message: /2 completions/ });

  const grown = trainFake(join(t.testdirName, "grown"), { steps: 1, curriculum: { seedTasks: 12 } });
  await grown.result;
  const tasks = await lines<Task>(join(grown.dir!, "tasks.jsonl"));
  const before = tasks.filter(({ origin }) => origin.step === 0);
  for (const kind of ["deduction", "abduction", "induction"]) t.equal(before.filter((task) => task.kind === kind).length, 12, `12 seeds of ${kind}`);
  t.equal(new Set(tasks.map(({ id }) => id)).size, tasks.length, "ids stay unique");
  const stuck = await scripted(t, { proposals: ["x"], config: { curriculum: { seedTasks: 3 } } });
  t.match(stuck.events.find(({ type }) => type === "warning"), { code: "SEEDS_FEW", message: /1 of kind deduction/ });
});

t.test("failures of a step come out once and leave the buffers as they were", async (t) => {
  const broken = fakeEngine();
  broken.update = async () => {
    throw new AzrError("AZR_NUMERICS", "the loss is not finite", { hint: "Lower the rate." });
  };
  const run = trainFake(t.testdir({}), { steps: 3 }, { engine: broken });
  await t.rejects(run.result, { code: "AZR_NUMERICS" });
  const events = await lines<{ type: string }>(join(run.dir!, "events.jsonl"));
  t.match(events.at(-1), { type: "run-end", status: "failed", error: { code: "AZR_NUMERICS", hint: "Lower the rate." } });
  t.equal((await lines<Task>(join(run.dir!, "tasks.jsonl"))).length, 3, "only the seeds were kept");

  const odd = trainFake(t.testdir({}), { steps: 1 }, { executor: fakeExecutor({ override: (call) => { if (call.method === "run") throw new TypeError("odd"); return undefined; } }) });
  await t.rejects(odd.result, { code: "AZR_INTERNAL", message: /odd/ });

  const sinkEvents: string[] = [];
  let closed = 0;
  const sinks = [
    { write: ({ type }: { type: string }) => void sinkEvents.push(type), close: () => void (closed += 1) },
    { write: async () => { throw new Error("sink is full"); } },
  ];
  const watched = trainFake(t.testdir({}), { steps: 1 }, { sinks, onEvent: () => { throw new Error("callback"); } });
  await watched.result;
  t.ok(sinkEvents.includes("step-end") && sinkEvents.at(-1) === "run-end");
  t.equal(closed, 1);
  const warnings = (await lines<{ type: string; code: string }>(join(watched.dir!, "events.jsonl"))).filter(({ type }) => type === "warning");
  t.same(warnings.map(({ code }) => code).sort(), ["CALLBACK_FAILED", "SINK_FAILED"]);
});

t.test("small parts: bounded mapping, rows", async (t) => {
  let running = 0;
  let most = 0;
  const results = await mapBounded([5, 1, 3, 2, 4], 2, async (value) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < value; turn++) await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return value * 2;
  });
  t.same(results, [10, 2, 6, 4, 8]);
  t.equal(most, 2);
  const started: number[] = [];
  await t.rejects(mapBounded([1, 2, 3, 4], 1, async (value) => { started.push(value); if (value === 2) throw new Error("no"); }), /no/);
  t.same(started, [1, 2], "nothing is started after a failure");
  const packed = packRows([[1, 2], [], [3]]);
  t.same([[...packed.tokens], [...packed.lengths]], [[1, 2, 3], [2, 0, 1]]);
  t.same(cutRows(packed.tokens, packed.lengths).map((row) => [...row]), [[1, 2], [], [3]]);
});
