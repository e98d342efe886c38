// What proposals earn beside the fixed table: rules of learnability, intrinsic terms and how they combine, and early stop.
import { join } from "node:path";
import t from "tap";
import { type Config, type ConfigInput, resolveConfig } from "../../src/config/index.ts";
import { type IntrinsicMeasures, intrinsicTerms, surprise, type ValueCounts, withIntrinsic } from "../../src/curriculum/intrinsic.ts";
import { literalType } from "../../src/curriculum/literal-type.ts";
import { type Fidelity, learnabilities, type Learnability, proposerReward } from "../../src/curriculum/reward.ts";
import { rounds } from "../../src/curriculum/solve-early.ts";
import type { RunEvent } from "../../src/events.ts";
import { collect, failingDisk } from "../../src/testing/index.ts";
import { fakes, metricsText, resultFiles, resumeFake, rollouts, trainFake } from "../run/support/fake-run.ts";

const columns: Fidelity[] = ["paper", "reference", "tuned"];

t.test("learnability by solve rate, and extremes from the table", async (t) => {
  // A row: s, then what `paper`, `reference` and `tuned` give.
  const table: Record<Learnability, [s: number, ...want: number[]][]> = {
    "one-minus": [[0, 0, -0.5, 0], [1 / 8, 0.875, 0.875, 0.875], [0.5, 0.5, 0.5, 0.5], [7 / 8, 0.125, 0.125, 0.125], [1, 0, -0.5, 0]],
    variance: [[0, 0, -0.5, 0], [1 / 8, 7 / 64, 7 / 64, 7 / 64], [0.5, 0.25, 0.25, 0.25], [7 / 8, 7 / 64, 7 / 64, 7 / 64], [1, 0, -0.5, 0]],
    inverse: [[0, 1, 1, 1], [1 / 8, 0.875, 0.875, 0.875], [0.5, 0.5, 0.5, 0.5], [7 / 8, 0.125, 0.125, 0.125], [1, 0, -0.5, 0]],
    mixed: [[0, 0, -0.5, 0], [1 / 8, 1, 1, 1], [0.5, 1, 1, 1], [7 / 8, 1, 1, 1], [1, 0, -0.5, 0]],
  };
  t.same(Object.keys(table), Object.keys(learnabilities));
  for (const [learnability, rows] of Object.entries(table) as [Learnability, (typeof table)[Learnability]][]) {
    for (const [s, ...want] of rows) {
      const outcome = { accepted: true as const, solveRate: s };
      t.same(columns.map((fidelity) => proposerReward(outcome, { fidelity, learnability })), want, `${learnability} ${s}`);
    }
  }
  const doubled = (solveRate: number | null) => proposerReward({ accepted: true, solveRate }, { fidelity: "reference", further: (worth) => 2 * worth });
  t.same([0, 0.25, 1, null].map(doubled), [-0.5, 1.5, -0.5, null], "only what can be learnt from earns further terms");
  t.equal(proposerReward({ accepted: false, reason: "syntax" }, { fidelity: "paper", learnability: "inverse", further: () => 9 }), -1);
});

t.test("intrinsic terms: coefficients, caps and four ways to combine", async (t) => {
  const settings = (intrinsic: NonNullable<NonNullable<ConfigInput["reward"]>["intrinsic"]>) => resolveConfig({ argument: { reward: { intrinsic } } }).config.reward.intrinsic;
  const measures: IntrinsicMeasures = { complexity: 0.4, editDistance: 0.9, halstead: 0.2 };
  const two = { complexity: { coefficient: 0.5 }, editDistance: { coefficient: 1 } };
  const rows: [Parameters<typeof settings>[0], IntrinsicMeasures, number][] = [
    [{}, measures, 0.25],
    [{ complexity: { log: true } }, measures, 0.25],
    [two, measures, 0.25 + 0.2 + 0.5],
    [{ ...two, editDistance: { coefficient: 1, max: 2 } }, measures, 0.25 + 0.2 + 0.9],
    [{ ...two, combine: "multiply" }, measures, 0.25 * 0.2 * 0.5],
    [{ ...two, combine: "sum-multiply" }, measures, 0.25 + 0.2 * 0.5],
    [{ ...two, combine: "multiply-sum" }, measures, 0.25 * (0.2 + 0.5)],
    [{ ...two, combine: "multiply" }, { editDistance: 0.1 }, 0.25 * 0.1],
    [{ ...two, combine: "multiply-sum" }, {}, 0.25],
  ];
  for (const [intrinsic, found, want] of rows) t.ok(Math.abs(withIntrinsic(0.25, found, settings(intrinsic)) - want) < 1e-12, JSON.stringify(intrinsic));
  const off = resolveConfig({}).config.reward.intrinsic;
  t.ok(intrinsicTerms.every((term) => off[term].coefficient === 0 && !off[term].log && off[term].max === 0.5), "off by default, with the cap of the authors' code");
});

t.test("types of literals by their text", async (t) => {
  const table: Record<string, string[]> = {
    int: ["0", "-12", " 1_000 ", "0x1F", "(3)"],
    float: ["1.5", "-2e-3", ".5", "1.", "inf", "nan"],
    complex: ["2j", "-1.5j"],
    bool: ["True", "False"],
    NoneType: ["None"],
    str: ["'a, b'", '"x"', "'''a'b'''", "r'\\d'", "", "hello", "[1, 2", "'a' 'b'", "'a' + 'b'", "<object>", "]"],
    bytes: ["b'x'", 'rb"y"'],
    list: ["[]", "[1, (2, 3)]", "['[', ']']"],
    tuple: ["()", "(1,)", "1, 2", "[1], k", "(1), (2)", "'a', 'b'"],
    dict: ["{}", "{1: 2}", "{'a': {1}}"],
    set: ["{1}", "{':'}", "{(1, 2), 3}"],
    Counter: ["Counter({'a': 1})"],
    frozenset: ["frozenset({1, 2})"],
  };
  for (const [type, texts] of Object.entries(table)) for (const text of texts) t.equal(literalType(text), type, JSON.stringify(text));
});

t.test("how rare a value is", async (t) => {
  const counts: ValueCounts = { total: 8, types: new Map([["int", new Map([["1", 3], ["2", 1]])], ["str", new Map([["'a'", 4]])]]) };
  const rows: [text: string, flat: number, hierarchical: number][] = [
    ["1", 5 / 8, (1 / 2 + 1 / 4) / 2],
    ["2", 7 / 8, (1 / 2 + 3 / 4) / 2],
    ["'a'", 1 / 2, (1 / 2 + 0) / 2],
    ["3", 1, (1 / 2 + 1) / 2],
    ["[1]", 1, 1],
  ];
  for (const [text, flat, hierarchical] of rows) {
    t.equal(surprise(text, counts, false), flat, text);
    t.equal(surprise(text, counts, true), hierarchical, `${text}, by type`);
  }
  t.equal(surprise("1", { total: 0, types: new Map() }, false), 1);
});

const metricsOf = async (dir: string) => (await metricsText(dir)).split("\n").filter(Boolean).map((line) => JSON.parse(line) as Record<string, number>);
const unnamed = (text: string) => text.split("\n").map((line) => line.replace(/"propose\/\w+\/(complexity|editDistance|halstead|\w+Diversity)":[^,}]+,?/g, "")).join("\n");

t.test("terms that are logged change nothing but the log; terms that earn change rewards; each batch is one request", async (t) => {
  t.testdir({});
  const run = async (name: string, intrinsic: Config["reward"]["intrinsic"] | object) => {
    const parts = fakes();
    const one = trainFake(t.testdirName, { steps: 6, reward: { intrinsic }, run: { name } }, parts);
    await collect(one);
    return { dir: one.dir!, calls: parts.executor.calls };
  };
  const plain = await run("plain", {});
  t.notOk(plain.calls.some(({ method }) => method === "measure"), "nothing is measured when nothing is asked for");
  const logged = await run("logged", Object.fromEntries(intrinsicTerms.map((term) => [term, { log: true }])));
  t.equal(unnamed(await metricsText(logged.dir)), await metricsText(plain.dir), "logging alone changes no step");
  t.equal(logged.calls.filter(({ method }) => method === "measure").length, 12, "one batch for each kind that writes programs");
  const last = (await metricsOf(logged.dir)).at(-1)!;
  for (const term of ["complexity", "editDistance", "halstead", "answerDiversity"]) t.type(last[`propose/deduction/${term}`], "number", term);
  t.same([last["propose/induction/complexity"], last["propose/deduction/inputDiversity"]], [undefined, undefined], "only where they apply");
  t.ok(last["propose/induction/inputDiversity"]! > 0 && last["propose/induction/outputDiversity"]! > 0);

  const earning = await run("earning", { halstead: { coefficient: 1 } });
  const before = (await rollouts(plain.dir, 1)).filter(({ role, kind }) => role === "propose" && kind === "deduction");
  const after = (await rollouts(earning.dir, 1)).filter(({ role, kind }) => role === "propose" && kind === "deduction");
  const gains = after.map(({ reward }, at) => reward! - before[at]!.reward!);
  const learnt = before.map(({ solveRate }) => typeof solveRate === "number" && solveRate > 0 && solveRate < 1);
  t.ok(learnt.includes(true) && learnt.includes(false));
  t.ok(gains.every((gain, at) => (learnt[at] ? gain > 0 && gain <= 0.5 : gain === 0)), "only tasks that can be learnt from gain, by half a point at most");
});

const early: ConfigInput = { curriculum: { rollouts: { n: 8, reuse: false, earlyStop: true } }, reward: { learnability: "mixed" } };

t.test("early stop: rounds, what it saves, rewards of contrast, and nothing hangs on what ends first", async (t) => {
  t.same([1, 2, 3, 4, 8, 11].map(rounds), [[1], [2], [2, 1], [2, 2], [2, 2, 4], [2, 2, 4, 3]]);
  t.testdir({});
  const asked = (events: RunEvent[]) => events.flatMap((event) => (event.type === "answers-judged" && event.stream.startsWith("rollouts") ? event.answers : [])).reduce((sum, { outcomes }) => sum + Object.values(outcomes).reduce((a, b) => a + b, 0), 0);
  const runOf = (name: string, config: ConfigInput, delaySeed?: number) => trainFake(t.testdirName, { steps: 8, ...config, run: { name } }, fakes(delaySeed));
  const stopping = runOf("stopping", early);
  const events = await collect(stopping);
  const whole = runOf("whole", { ...early, curriculum: { rollouts: { n: 8, reuse: false } } });
  const all = await collect(whole);
  t.ok(asked(events) < 0.8 * asked(all), `${asked(events)} answers in place of ${asked(all)}`);

  const delayed = runOf("delayed", early, 3);
  await collect(delayed);
  t.equal(await metricsText(delayed.dir!), await metricsText(stopping.dir!), "whatever the executor finishes first");
  t.same(await resultFiles(delayed.dir!), await resultFiles(stopping.dir!));
  const metrics = await metricsOf(stopping.dir!);
  t.ok(metrics.every((line) => !("propose/deduction/solveRate" in line) && "propose/deduction/learnable" in line), "a biased mean is not logged");
  const rates = (await rollouts(stopping.dir!, 8)).filter(({ role, outcome }) => role === "propose" && outcome === "accepted");
  t.ok(rates.every(({ reward, solveRate }) => reward === (solveRate! > 0 && solveRate! < 1 ? 1 : 0)));

  const byTask = new Map<string, number>();
  for (const event of events) {
    if (event.type !== "answers-judged" || !event.stream.startsWith("rollouts")) continue;
    for (const { task, outcomes } of event.answers) {
      const contrast = (outcomes.correct ?? 0) > 0 && Object.keys(outcomes).length > 1;
      t.ok(!contrast || event.stream === "rollouts" || byTask.get(task) !== undefined, "later rounds follow earlier ones");
      byTask.set(task, (byTask.get(task) ?? 0) + Object.values(outcomes).reduce((a, b) => a + b, 0));
    }
  }
  t.ok([...byTask.values()].every((count) => [2, 4, 8].includes(count)));
  t.ok(new Set(byTask.values()).size === 3, "some stop after two, some after four, some never");
});

t.test("runs with early stop and measures that break go on to the same bytes", async (t) => {
  t.testdir({});
  const config: ConfigInput = { ...early, steps: 6, reward: { learnability: "mixed", intrinsic: { editDistance: { coefficient: 0.5 }, answerDiversity: { log: true } } }, run: { checkpointEvery: 2, name: "run" } };
  const whole = trainFake(join(t.testdirName, "whole"), config);
  await collect(whole);
  const expected = await resultFiles(whole.dir!);
  for (const bytes of [60_000, 130_000, 220_000]) {
    const parent = join(t.testdirName, String(bytes));
    const disk = failingDisk({ bytes, as: "dead" });
    await trainFake(parent, config, { disk }).result.catch(() => undefined);
    t.ok(disk.failed(), `breaks after ${bytes} bytes`);
    await resumeFake(join(parent, "run"), fakes(bytes)).result;
    t.same(await resultFiles(join(parent, "run")), expected);
  }
});

t.test("early stop is refused where it would bias what is learnt", async (t) => {
  const refused = (argument: ConfigInput, fault: RegExp) => t.throws(() => resolveConfig({ argument }), { code: "AZR_CONFIG_INVALID", message: fault });
  for (const learnability of ["one-minus", "variance", "inverse"] as const) refused({ ...early, reward: { learnability } }, /earlyStop: needs reward\.learnability=mixed, not /);
  refused({ curriculum: { rollouts: { reuse: true, earlyStop: true } }, reward: { learnability: "mixed" } }, /earlyStop: does not go with curriculum\.rollouts\.reuse: .*Set reuse=false/);
  t.ok(resolveConfig({ argument: early }));
  t.equal(resolveConfig({}).config.curriculum.rollouts.earlyStop, false);
});
