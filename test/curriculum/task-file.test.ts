// Files of tasks: good lines in order, bad lines named.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { readTaskFile } from "../../src/curriculum/task-file.ts";
import { abduce } from "./support/scripted-programs.ts";

t.test("files of tasks", async (t) => {
  const folder = t.testdir({});
  const path = join(folder, "tasks.jsonl");
  writeFileSync(path, `${JSON.stringify(abduce("good"))}\n\n${JSON.stringify({ id: "x", kind: "deduction", program: "good", input: "1", output: "2" })}\n`);
  const tasks = await readTaskFile(path);
  t.same(tasks.map(({ id, origin }) => [id, origin.step]), [["a", 1], ["x", 0]]);
  const made = { ...abduce("good"), origin: { step: 2, parents: [], python: "3.11.7" } };
  writeFileSync(path, JSON.stringify(made));
  t.same(await readTaskFile(path), [made], "the version of Python that a run notes");
  writeFileSync(path, `${JSON.stringify(abduce("good"))}\n${JSON.stringify({ ...abduce("good"), colour: 1 })}\n{\n`);
  await t.rejects(readTaskFile(path), { code: "AZR_INPUT_INVALID", message: /line 2: .*"colour"/ });
  const bad: number[] = [];
  t.equal((await readTaskFile(path, ({ line }) => bad.push(line))).length, 1);
  t.same(bad, [2, 3]);
  writeFileSync(path, `${JSON.stringify(abduce("good"))}\n${JSON.stringify(abduce("other"))}\n`);
  await t.rejects(readTaskFile(path), { code: "AZR_INPUT_INVALID", message: /line 2: the id "a" stands on an earlier line/ });
  writeFileSync(path, "\n");
  await t.rejects(readTaskFile(path), { code: "AZR_INPUT_INVALID", message: /no task/ });
  await t.rejects(readTaskFile(join(folder, "missing.jsonl")), { code: "AZR_INPUT_INVALID", message: /cannot be read/ });
});
