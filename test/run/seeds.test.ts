// Seeds that are used again: those that one run grew start another, of the same model or of another, from its folder or from a file.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import type { Task } from "../../src/curriculum/task.ts";
import { checkSeedFile, readSeeds, writeSeeds } from "../../src/run/seeds.ts";
import { fakeEngine, fakeExecutor, fakeTokenizer } from "../../src/testing/index.ts";
import { azr } from "../cli/harness.ts";
import { lines, metricsText, trainFake } from "./support/fake-run.ts";

/** What makes a task what it is; where it came from is another matter. */
const content = (tasks: Task[]) => tasks.map(({ origin: _origin, ...task }) => task);
const byKind = (tasks: Task[]) => ["deduction", "abduction", "induction"].map((kind) => content(tasks.filter((task) => task.kind === kind)));
const startOf = async (dir: string) => (await lines<Task>(join(dir, "tasks.jsonl"))).filter(({ origin }) => origin.step === 0);

t.test("seeds that one run grew start another with equal tasks", async (t) => {
  const parent = t.testdir({});
  const config = { steps: 4, curriculum: { seedTasks: 12 } };
  const first = await trainFake(parent, { ...config, run: { name: "first" } }).result;
  const grown = await startOf(first.dir);
  t.equal(grown.length, 36);
  const file = join(parent, "seeds.jsonl");
  t.equal(await writeSeeds(first.dir, file), 36);
  t.same(content(await readSeeds(file)), content(grown));
  t.same(await readSeeds(first.dir), await readSeeds(file));
  for (const [name, seedFile] of [["from the folder", first.dir], ["from the file", file], ["from a run that took them", join(parent, "from the file")]] as const) {
    const dir = join(parent, name);
    await trainFake(parent, { ...config, curriculum: { seedFile }, run: { name: name.replaceAll(" ", "-") } }).result;
    const made = join(parent, name.replaceAll(" ", "-"));
    t.same(byKind(await startOf(made)), byKind(grown), name);
    t.ok((await startOf(made)).every(({ origin }) => origin.seed === true && origin.parents.length === 0));
    t.equal(await metricsText(made), await metricsText(first.dir), `${name}: the same steps follow`);
    if (name === "from the file") await writeFile(dir, await readFile(join(made, "tasks.jsonl"), "utf8").then((text) => text.split("\n").slice(0, 36).join("\n")));
  }
  const other = await trainFake(parent, { steps: 2, seed: 9, kinds: ["abduction", "deduction"], curriculum: { seedFile: file, seedTasks: 20, induction: { inputs: 4, shown: 2 } }, run: { name: "other" } }).result;
  const seeds = await startOf(other.dir);
  t.equal(seeds.length, 40, "more are grown from there");
  t.same(byKind(seeds)[0]!.slice(0, 12), byKind(grown)[0], "by another run with other settings");
  const ids = (await lines<Task>(join(other.dir, "tasks.jsonl"))).map(({ id }) => id);
  t.equal(new Set(ids).size, ids.length, "ids stay unique");
});

t.test("any task of a run may be a seed: its id does not come back in a later step", async (t) => {
  const parent = t.testdir({});
  const first = await trainFake(parent, { steps: 3, run: { name: "first" } }).result;
  const all = await lines<Task>(join(first.dir, "tasks.jsonl"));
  t.ok(all.some(({ id }) => id.startsWith("t-3-")));
  const second = await trainFake(parent, { steps: 3, seed: 4, curriculum: { seedFile: join(first.dir, "tasks.jsonl") }, run: { name: "second" } }).result;
  const tasks = await lines<Task>(join(second.dir, "tasks.jsonl"));
  t.equal(new Set(tasks.map(({ id }) => id)).size, tasks.length, "ids are unique");
  t.same(tasks.filter(({ origin }) => origin.seed).map(({ program }) => program).sort(), all.map(({ program }) => program).sort());
  t.ok(tasks.every(({ id, origin }) => id.startsWith(`t-${origin.step}-`)));
});

t.test("seeds that turned out to be void are not handed on", async (t) => {
  let written = 0;
  let asked = 0;
  const answer = (prompt: string) => {
    if (prompt.startsWith("<|propose-abduction")) return `def f(a):\n    return a * (clock - 1) * ${++written}<|input|>0<|end|>`;
    return prompt.startsWith("<|propose") ? `${[1, 2, 3, 4, 5, 100 + asked++].join("<|input|>")}<|end|>` : "0<|end|>";
  };
  const config = { steps: 1, kinds: ["abduction", "induction"], curriculum: { proposals: 2, references: 1, rollouts: { n: 2 }, seedTasks: 8 } };
  const { dir } = await trainFake(t.testdir({}), config, { engine: fakeEngine({ answer }), tokenizer: fakeTokenizer() }).result;
  const removed = new Set((await lines<{ removed?: string[] }>(join(dir, "programs.jsonl"))).flatMap((line) => line.removed ?? []));
  const seeds = await readSeeds(dir);
  t.ok(removed.size > 0 && seeds.length > 0);
  t.notOk(seeds.some(({ id }) => removed.has(id)));
  t.equal(seeds.length + removed.size >= (await startOf(dir)).length, true, "and only those are missing");
});

t.test("what cannot be seeds is refused in a sentence", async (t) => {
  const task = (id: string, program: string, more: object = {}) => ({ id, kind: "deduction", program, input: "1", output: "0", ...more });
  const pairs = [1, 2, 3].map((n) => ({ input: String(n), output: String(n) }));
  const parent = t.testdir({
    empty: {},
    seeded: { "tasks.jsonl": `${JSON.stringify(task("t-1-d-0", "def f(a):\n    return a", { origin: { step: 1, parents: [] } }))}\n`, "programs.jsonl": "" },
    bad: { "tasks.jsonl": "{}\n", "programs.jsonl": "" },
    "bad.jsonl": ["a", "b", "c", "d", "e"].map((id) => `${JSON.stringify(task(id, "def f(a):\n    return a // 0"))}\n`).join(""),
    "short.jsonl": `${JSON.stringify({ id: "i", kind: "induction", program: "def f(a):\n    return a", pairs, shown: 2 })}\n`,
    "there.jsonl": "",
  });
  const cases: [path: string, message: RegExp][] = [
    ["nothing", /nothing cannot be read/],
    ["empty", /No seed tasks can be taken from .*empty: ENOENT/],
    ["seeded", /it has none/],
    ["bad", /tasks\.jsonl, line 1/],
    ["bad.jsonl", /seed task a is not valid \(runtime-error\).*seed task b.*seed task c.*; and 2 more of 5/],
    ["short.jsonl", /too-few-inputs\): 3 pairs, of which curriculum\.induction\.shown=3/],
  ];
  for (const [path, message] of cases) {
    const run = trainFake(join(parent, "runs"), { steps: 1, curriculum: { seedFile: join(parent, path) }, run: { name: path } }, { executor: fakeExecutor() });
    await t.rejects(run.result, { code: "AZR_INPUT_INVALID", message }, path);
  }
  await t.rejects(checkSeedFile(join(parent, "there.jsonl")), { code: "AZR_INPUT_INVALID", message: /is there already/ });
  await t.rejects(checkSeedFile(join(parent, "no/where.jsonl")), { code: "AZR_INPUT_INVALID", message: /There is no folder/ });
  await t.resolves(checkSeedFile(join(parent, "new.jsonl")));
  const refused = await azr(["train", "--preset", "tiny-cpu", "--seeds-only", join(parent, "new.jsonl")]);
  t.match(refused, { code: 2, stderr: /nothing to grow: curriculum\.seedTasks is 0/ });
});
