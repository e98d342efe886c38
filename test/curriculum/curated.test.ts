// Curated tasks: which a step takes, alone and mixed with self-play, resumed to the byte, and what is wrong with files.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { type ConfigInput, resolveConfig } from "../../src/config/index.ts";
import { curatedBatch, curatedCount } from "../../src/curriculum/curated.ts";
import type { Task } from "../../src/curriculum/task.ts";
import { replayStep } from "../../src/replay-step.ts";
import { renderReport } from "../../src/report/page.ts";
import { readRun } from "../../src/report/read-run.ts";
import { summarise } from "../../src/sinks/step-summary.ts";
import { collect, fakeEngine, fakeTokenizer } from "../../src/testing/index.ts";
import { lines, resultFiles, resumeFake, rollouts, trainFake } from "../run/support/fake-run.ts";

const program = (n: number) => `def f(a):\n    return a + ${n}`;
const deduction = (n: number) => ({ id: `t-1-d-${n}`, kind: "deduction", program: program(n), input: "1", output: String(1 + n) });
const abduction = (n: number) => ({ id: `a${n}`, kind: "abduction", program: program(n), input: "2", output: String(2 + n) });
const jsonl = (tasks: object[]) => tasks.map((task) => `${JSON.stringify(task)}\n`).join("");
const mixed = jsonl([...Array(5).keys()].flatMap((n) => [deduction(n), abduction(n)]));

const taskList = (count: number): Task[] => Array.from({ length: count }, (_, at) => ({ ...deduction(at), origin: { step: 0, parents: [] } }));
const idsOf = (tasks: Task[]) => tasks.map(({ id }) => id);
const settings = (tasks: object, more: object = {}) => resolveConfig({ argument: { preset: "tiny-cpu", curriculum: { tasks: { files: ["x"], ...tasks }, ...more } } }).config;

t.test("each task comes once an epoch, in an order of the epoch's own, whatever the step's size", async (t) => {
  for (const [count, perStep] of [[7, 3], [6, 3], [5, 5], [4, 10]] as const) {
    const config = settings({ perStep });
    const tasks = taskList(count);
    const all = Array.from({ length: count * 2 }, (_, at) => curatedBatch({ tasks, perStep }, config, at + 1)).flat();
    t.ok(curatedBatch({ tasks, perStep }, config, 2).length === perStep);
    const epochs = Array.from({ length: 2 * perStep }, (_, epoch) => idsOf(all.slice(epoch * count, (epoch + 1) * count)));
    for (const epoch of epochs) t.same([...epoch].sort(), idsOf(tasks).sort());
    t.ok(new Set(epochs.map((epoch) => epoch.join())).size > 1, "orders differ");
  }
  const tasks = taskList(8);
  t.same(idsOf(curatedBatch({ tasks, perStep: 3 }, settings({ perStep: 3, shuffle: false }), 3)), ["t-1-d-6", "t-1-d-7", "t-1-d-0"], "the order of the files");
  const [one, other] = [0, 1].map((seed) => idsOf(curatedBatch({ tasks, perStep: 8 }, { ...settings({ perStep: 8 }), seed }, 1)).join());
  t.not(one, other, "the seed orders");
  t.same([curatedCount(settings({ share: 0.25 })), curatedCount(settings({ share: 1 })), curatedCount(settings({ share: 0.5, perStep: 7 }))], [6, 24, 7], "8 proposals of three kinds");
});

const run = async (dir: string, config: ConfigInput) => {
  const started = trainFake(dir, { steps: 4, ...config }, { engine: fakeEngine() });
  const events = await collect(started);
  const metrics = await lines<Record<string, number>>(join(started.dir!, "metrics.jsonl"));
  return { dir: started.dir!, events, metrics, names: Object.keys(metrics[0]!) };
};

t.test("alone: the same loop without proposals", async (t) => {
  const dir = t.testdir({ "tasks.jsonl": mixed });
  const files = [join(dir, "tasks.jsonl")];
  const { dir: folder, events, metrics, names } = await run(dir, { curriculum: { tasks: { files, share: 1, perStep: 6 } }, run: { checkpointEvery: 1, keepEvery: 1 } });
  t.same([...new Set(names.map((name) => name.split("/")[0]))].sort(), ["buffer", "curated", "step", "update"]);
  t.same(metrics.map((line) => line["curated/epoch"]), [0.6, 1.2, 1.8, 2.4]);
  for (const line of metrics) t.equal(line["curated/deduction/completions"]! + (line["curated/abduction/completions"] ?? 0), 24, "n answers to each of six tasks");
  t.ok(metrics.every((line) => line["update/trainedTokens"]! > 0 && line["curated/deduction/solveRate"]! === line["curated/deduction/correct"]!), "all answers are decided: the rate is their share");
  t.notOk(events.some(({ type }) => type === "task-proposed"));
  t.ok(events.filter((event) => event.type === "reward-end").every((event) => "source" in event && event.source === "curated"));
  const records = await rollouts(folder, 1);
  t.ok(records.every(({ source, id, task }) => source === "curated" && id!.startsWith("curated-1-") && task!.startsWith("c:")));
  const report = await readRun(folder);
  t.match(report.summary, /^4 steps on tasks of files from \S+ \([\d.]+ million parameters\) in [\d.]+ minutes\.$/);
  const text = renderReport(report);
  t.ok(text.includes("Solve rate of curated tasks") && !text.includes("What became of the proposals"));
  t.equal(events.map(summarise()).find((summary) => summary !== null)!.solveRate! > 0, true, "where there are no others they are the line's");
  for (const sample of [false, true]) t.ok((await replayStep(folder, { step: 3, sample, engine: fakeEngine(), tokenizer: fakeTokenizer() })).equal, "replayed");

  const single = await run(join(dir, "single"), { curriculum: { tasks: { files, perStep: 5, share: 1 }, rollouts: { n: 4, reuse: false } } });
  t.equal(single.metrics[0]!["curated/deduction/completions"]! + single.metrics[0]!["curated/abduction/completions"]!, 5, "without reuse one answer each");
  const dynamic = await run(join(dir, "dynamic"), { curriculum: { tasks: { files, perStep: 4, share: 1 }, dynamicSampling: 3 } });
  t.ok((await rollouts(dynamic.dir, 1)).some(({ id }) => id!.startsWith("curated-redraw-1-1-")), "tasks without spread are replaced by others of the files");
  t.ok((await replayStep(dynamic.dir, { step: 1, sample: true, engine: fakeEngine(), tokenizer: fakeTokenizer() })).equal);
});

t.test("mixed: so many proposals fewer, and baselines and metrics of their own", async (t) => {
  const dir = t.testdir({ "tasks.jsonl": mixed });
  const config = { curriculum: { tasks: { files: [join(dir, "tasks.jsonl")], share: 0.25 } } };
  const { dir: folder, events, metrics, names } = await run(dir, config);
  t.same(metrics.map((line) => line["propose/deduction/completions"]), [6, 6, 6, 6]);
  for (const name of ["solve/deduction/correct", "curated/deduction/correct", "propose/induction/solveRate", "buffer/deduction/size"]) t.ok(names.includes(name), name);
  const tasks = await lines<Task>(join(folder, "tasks.jsonl"));
  t.ok(tasks.length > 0 && tasks.every(({ id }) => !id.startsWith("c:")), "they do not enter the buffers");
  const records = await rollouts(folder, 2);
  // An id of the files that is one of self-play too stays apart.
  t.equal(new Set(records.map(({ id }) => id)).size, records.length);
  t.equal(records.filter(({ source }) => source === "curated").length, 6 * 4);
  const report = await readRun(folder);
  t.match(report.summary, /^4 steps of self-play and on tasks of files from/);
  t.same(report.solveRate["deduction"], metrics.map((line) => line["solve/deduction/correct"]), "the report tells them apart too");
  t.same(report.curatedRate["abduction"], metrics.map((line) => line["curated/abduction/solveRate"] ?? null));
  const take = summarise();
  const summaries = events.map(take).filter((summary) => summary !== null);
  const own = metrics.map((line) => ["deduction", "abduction", "induction"].map((kind) => [line[`solve/${kind}/correct`]!, line[`solve/${kind}/completions`]!] as const));
  for (const [at, kinds] of own.entries()) {
    const total = kinds.reduce((sum, [, count]) => sum + count, 0);
    t.ok(Math.abs(summaries[at]!.solveRate! - kinds.reduce((sum, [share, count]) => sum + share * count, 0) / total) < 1e-9, "and so does the live line");
  }
});

t.test("a broken run, resumed, has the bytes of an unbroken one", async (t) => {
  const dir = t.testdir({ "tasks.jsonl": mixed, "others.jsonl": jsonl([deduction(1)]) });
  const config = (name: string): ConfigInput => ({ steps: 6, curriculum: { tasks: { files: [join(dir, "tasks.jsonl")], share: 0.5 } }, run: { name, checkpointEvery: 2 } });
  const whole = trainFake(dir, config("whole"));
  await whole.result;
  const broken = trainFake(dir, config("broken"));
  for await (const event of broken) if (event.type === "step-end" && event.step === 3) await broken.stop({ when: "now" });
  await broken.result;
  await resumeFake(broken.dir!).result;
  t.same(await resultFiles(broken.dir!), await resultFiles(whole.dir!));
  await writeFile(join(dir, "tasks.jsonl"), jsonl([deduction(1)]));
  await t.rejects(resumeFake(whole.dir!, { change: { steps: 8 } }).result, { code: "AZR_CHECKPOINT_INCOMPATIBLE", message: /do not hold what the run began with/ });
});

t.test("what is wrong is told before the first step", async (t) => {
  const invented = { ...deduction(7), id: "x", kind: "invented" };
  const dir = t.testdir({
    "good.jsonl": mixed,
    "again.jsonl": jsonl([abduction(3)]),
    "kind.jsonl": jsonl([invented]),
    "lacking.jsonl": jsonl([{ id: "x", kind: "deduction", program: program(1), input: "1" }]),
    "long.jsonl": jsonl([{ ...deduction(1), input: `[${"1, ".repeat(3000)}1]` }]),
  });
  const file = (name: string) => join(dir, name);
  const fails = async (tasks: object, code: string, message: RegExp, more: object = {}) => {
    const start = async () => trainFake(dir, { curriculum: { tasks, ...more } }).result;
    await t.rejects(start(), { code, message });
  };
  await fails({ share: 0.5 }, "AZR_CONFIG_INVALID", /names no file/);
  await fails({ files: [file("good.jsonl")] }, "AZR_CONFIG_INVALID", /takes no task/);
  await fails({ files: [file("good.jsonl")], share: 0.01 }, "AZR_CONFIG_INVALID", /perStep/);
  await fails({ files: [file("none.jsonl")], share: 1 }, "AZR_INPUT_INVALID", /cannot be read/);
  await fails({ files: [file("good.jsonl"), file("again.jsonl")], share: 1 }, "AZR_INPUT_INVALID", /"a3", and so has a file before it/);
  await fails({ files: [file("kind.jsonl")], share: 1 }, "AZR_CONFIG_INVALID", /invented/);
  await fails({ files: [file("lacking.jsonl")], share: 1 }, "AZR_INPUT_INVALID", /both "input" and "output"/);
  await fails({ files: [file("long.jsonl")], share: 1 }, "AZR_INPUT_INVALID", /room for an answer/);
  await fails({ files: [file("good.jsonl")], share: 1 }, "AZR_INPUT_INVALID", /held-out/, { heldOut: [file("again.jsonl")] });
});
