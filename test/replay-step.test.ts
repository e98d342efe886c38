// `replayStep` on runs of the fakes: from a checkpoint, over steps between, from the first model; what is changed is found, and what is missing is told.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import t from "tap";
import type { ConfigInput } from "../src/config/index.ts";
import { replayStep, type ReplayStepOptions } from "../src/replay-step.ts";
import { readRollouts, rolloutPath, rolloutText } from "../src/run/rollout-file.ts";
import { fakeEngine, fakeTokenizer } from "../src/testing/index.ts";
import { lines, trainFake } from "./run/support/fake-run.ts";

const again = (dir: string, options: ReplayStepOptions) => replayStep(dir, { engine: fakeEngine(), tokenizer: fakeTokenizer(), ...options });

async function runOf(dir: string, config: ConfigInput = {}, engine = fakeEngine()): Promise<string> {
  const run = trainFake(dir, { steps: 5, ...config, run: { name: "run", checkpointEvery: 2, keepEvery: 2, ...config.run } }, { engine });
  await run.result;
  return run.dir!;
}

t.test("the updates of a run, done again from its records, give its numbers", async (t) => {
  const dir = await runOf(t.testdir({}));
  for (const [step, from, updates] of [[1, null, 1], [3, "step-000002", 1], [4, "step-000002", 2], [5, "step-000004", 1]] as const) {
    const { equal, from: started, updates: done, samples } = await again(dir, { step });
    t.same([equal, started, done.length, samples.length], [true, from, updates, 0], `step ${step}`);
    const figures = Object.fromEntries(done.at(-1)!.figures.map(({ name, recorded }) => [name, recorded]));
    const metrics = (await lines<Record<string, number>>(join(dir, "metrics.jsonl")))[step - 1]!;
    t.same([figures["loss"], figures["entropy"], figures["trainedTokens"]], ["loss", "entropy", "trainedTokens"].map((name) => metrics[`update/${name}`]));
  }
});

t.test("with minibatches, terms of other models, a penalty a token, and proposals that are older than the answers", async (t) => {
  const dir = t.testdir({});
  const cases: [string, ConfigInput, ReturnType<typeof fakeEngine>?][] = [
    ["minibatches", { update: { minibatches: 3 } }],
    ["importance", {}, fakeEngine({ parity: false })],
    ["kl-loss", { update: { kl: { coefficient: 0.1 } } }],
    ["kl-reward", { update: { kl: { coefficient: 0.1, in: "reward" } } }],
    ["separate", { curriculum: { rollouts: { n: 4, reuse: false } } }],
    ["overlap", { curriculum: { overlap: true } }],
    ["frozen", { curriculum: { proposer: "frozen" } }],
    ["watched", { oversight: { levels: { "entropy-collapse": "pause", "code-in-answer": "quarantine" } } }],
    ["early", { curriculum: { rollouts: { n: 6, reuse: false, earlyStop: true } }, reward: { learnability: "mixed" } }],
    ["token", { algorithm: "dapo", curriculum: { dynamicSampling: 2 } }],
  ];
  for (const [name, config, engine] of cases) {
    const needs = { ...(name.startsWith("kl") ? { reference: fakeEngine() } : {}), ...(name === "frozen" ? { proposer: fakeEngine() } : {}) };
    const run = trainFake(dir, { steps: 3, ...config, run: { name, checkpointEvery: 1, keepEvery: 1 } }, { engine: engine ?? fakeEngine(), ...needs });
    await run.result;
    const options = { engine: fakeEngine({ parity: name !== "importance" }), ...(name === "frozen" ? { proposer: fakeEngine() } : {}) };
    const updated = await again(run.dir!, { step: 3, ...options });
    t.ok(updated.equal && updated.updates.length >= 1, `${name}: the update`);
    t.equal(updated.updates.length, name === "minibatches" ? 3 : 1);
    const sampled = await again(run.dir!, { step: 3, sample: true, ...options });
    t.ok(sampled.equal && sampled.samples.every(({ completions }) => completions > 0), `${name}: the samples`);
    const streams = new Set(sampled.samples.map(({ stream }) => stream));
    t.ok(streams.has("propose") && streams.has("rollouts") && streams.has("attempts") === ["separate", "early"].includes(name), [...streams].join(" "));
  }
});

t.test("what is not the same is found", async (t) => {
  const dir = await runOf(t.testdir({}));
  const { head, records } = (await readRollouts(dir, 5))!;
  const at = records.findIndex(({ update, advantage }) => update !== undefined && advantage > 0);
  const write = (change: object) => writeFile(rolloutPath(dir, 5), gzipSync(rolloutText(head!, records.map((record, index) => (index === at ? { ...record, ...change } : record)))));
  await write({ advantage: records[at]!.advantage * 1.001 });
  const { equal, updates } = await again(dir, { step: 5 });
  t.equal(equal, false);
  t.equal(updates[0]!.figures.find(({ name }) => name === "loss")!.equal, false);
  t.equal(updates[0]!.figures.find(({ name }) => name === "trainedTokens")!.equal, true);
  t.ok((await again(dir, { step: 5, sample: true })).equal, "the samples are the same all the same");
  await write({ responseTokens: records[at]!.responseTokens!.map((token) => token + 1) });
  const sampled = await again(dir, { step: 5, sample: true });
  t.equal(sampled.equal, false);
  t.same(sampled.samples.flatMap(({ first }) => (first === null ? [] : [first.id])), [records[at]!.id], "by its id");
  t.equal(sampled.samples.reduce((sum, { completions, same }) => sum + completions - same, 0), 1);
});

t.test("what is missing is told, with what to do", async (t) => {
  const dir = await runOf(t.testdir({}));
  const fails = (step: number, hint: RegExp, message: RegExp, sample = false) => t.rejects(again(dir, { step, sample }), { code: "AZR_INPUT_INVALID", message, hint });
  await fails(6, /folder rollouts/, /no rollouts of step 6/);
  await mkdir(join(dir, "failures", "step-000006"), { recursive: true });
  await fails(6, /azr debug update .*step-000006/, /step 6 .*failed/);
  await rm(rolloutPath(dir, 3));
  await fails(4, /from step-000002 by the steps between.*run\.keepEvery=1/s, /no rollouts of step 3/);
  await writeFile(rolloutPath(dir, 3), gzipSync('{"role":"solve","kind":"deduction","task":null,"index":0,"prompt":"p","response":"r","outcome":"wrong","detail":"","reward":0,"advantage":0,"trained":true,"tokens":1,"logProbability":-1}\n'));
  await fails(3, /this version/, /without token ids/);
  await writeFile(rolloutPath(dir, 3), "x");
  await t.rejects(again(dir, { step: 3 }), { code: "AZR_RUN_FOLDER", message: /damaged/ });

  const lean = await runOf(join(dir, "lean"), { run: { recordRollouts: false } });
  await t.rejects(again(lean, { step: 2 }), { code: "AZR_INPUT_INVALID", hint: /run\.recordRollouts/ });
  await t.rejects(again(t.testdirName, { step: 2 }), { code: "AZR_RUN_FOLDER" });
});

t.test("ids link what happened, in events, tasks and records", async (t) => {
  const dir = await runOf(t.testdir({}), { steps: 3 });
  interface Line { type: string; step: number; proposal?: string; id?: string; task?: { id: string }; answers?: { id: string; task: string; outcomes: Record<string, number> }[]; rewards?: Record<string, number>; completions?: number }
  const events = await lines<Line>(join(dir, "events.jsonl"));
  const tasks = new Set((await readFile(join(dir, "tasks.jsonl"), "utf8")).split("\n").filter(Boolean).map((line) => (JSON.parse(line) as { id: string }).id));
  for (let step = 1; step <= 3; step++) {
    const { records } = (await readRollouts(dir, step))!;
    const byId = new Map(records.map((record) => [record.id!, record]));
    t.equal(byId.size, records.length, "ids are unique");
    const here = events.filter((event) => event.step === step);
    const proposed = here.filter(({ type }) => type === "task-proposed").map(({ proposal }) => proposal!);
    t.same(records.filter(({ role }) => role === "propose").map(({ id }) => id).sort(), [...proposed].sort(), "each proposal has a record");
    for (const { proposal, task } of here.filter(({ type }) => type === "task-accepted")) {
      t.equal(task!.id, proposal!.replace("p-", "t-"));
      t.ok(tasks.has(task!.id) && byId.get(proposal!)!.task === task!.id);
    }
    for (const { answers } of here.filter(({ type }) => type === "answers-judged")) {
      for (const { id, task, outcomes } of answers!) {
        t.ok(tasks.has(task));
        const own = records.filter((record) => record.role === "solve" && record.id!.startsWith(`${id}-`));
        t.ok(own.every((record) => record.task === task) && own.length === Object.values(outcomes).reduce((sum, count) => sum + count, 0), "answers of a task");
      }
    }
    const rewards = Object.assign({}, ...here.filter(({ type }) => type === "reward-end").map((event) => event.rewards)) as Record<string, number>;
    for (const id of proposed) t.equal(rewards[id], byId.get(id)!.reward);
    for (const { id, completions } of here.filter(({ type }) => type === "update-end")) t.equal(records.filter(({ update }) => update === id).length, completions, "records tell their update");
  }
});
