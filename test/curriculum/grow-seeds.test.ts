// Seeds that the untrained model proposes before step 1, until there are as many as asked for or it makes no more.
import { join } from "node:path";
import t from "tap";
import type { Task } from "../../src/curriculum/task.ts";
import { lines, trainFake } from "../run/support/fake-run.ts";
import { scripted } from "./support/scripted-step.ts";

t.test("seed growth", async (t) => {
  t.testdir({});
  const grown = trainFake(join(t.testdirName, "grown"), { steps: 1, curriculum: { seedTasks: 12 } });
  await grown.result;
  const tasks = await lines<Task>(join(grown.dir!, "tasks.jsonl"));
  const before = tasks.filter(({ origin }) => origin.step === 0);
  for (const kind of ["deduction", "abduction", "induction"]) t.equal(before.filter((task) => task.kind === kind).length, 12, `12 seeds of ${kind}`);
  t.equal(new Set(tasks.map(({ id }) => id)).size, tasks.length, "ids stay unique");
  const programs = new Set(before.filter(({ kind }) => kind !== "induction").map(({ program }) => program));
  t.ok(before.every(({ program }) => programs.has(program)), "induction builds on the programs of the other seeds");
  t.ok(before.every(({ origin }) => origin.parents.every((id) => before.some((seed) => seed.id === id))), "and all on seeds alone");
  const stuck = await scripted(t, { proposals: ["x"], config: { curriculum: { seedTasks: 3 } } });
  t.match(stuck.events.find(({ type }) => type === "warning"), { code: "SEEDS_FEW", message: /1 of kind deduction/ });
});
