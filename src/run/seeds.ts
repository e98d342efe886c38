// The seed tasks that a run may start from: those of a file, or those that another run started from, also of another model. And the other way: the seeds of a
// run as such a file. What is read here is validated anew by src/curriculum/seed.ts.
import { createReadStream } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { readTaskFile } from "../curriculum/task-file.ts";
import { taskSchema } from "../curriculum/task-schema.ts";
import type { Task } from "../curriculum/task.ts";
import { AzrError } from "../errors.ts";
import { readJsonl, readJsonlAs } from "../jsonl.ts";
import { nodeDisk, replaceFile } from "./disk.ts";

/** The seeds of a file of tasks or of a run folder. Throws AZR_INPUT_INVALID when there are none to be read. */
export async function readSeeds(path: string): Promise<Task[]> {
  const folder = await stat(path).then((found) => found.isDirectory(), () => false);
  return folder ? seedsOfRun(path) : readTaskFile(path);
}

/** What stood in the buffers before step 1; tasks that turned out to be void, then or later, are left out. */
async function seedsOfRun(dir: string): Promise<Task[]> {
  const refuse = (what: string, cause?: unknown) =>
    new AzrError("AZR_INPUT_INVALID", `No seed tasks can be taken from ${dir}: ${what}`, { cause, hint: "Give a JSONL file of tasks, or the folder of a run that has its seeds." });
  const seeds: Task[] = [];
  const removed = new Set<string>();
  try {
    for await (const { value } of readJsonl(createReadStream(join(dir, "programs.jsonl")))) {
      for (const id of (value as { removed?: string[] } | undefined)?.removed ?? []) removed.add(id);
    }
    for await (const { value, error, line } of readJsonlAs(createReadStream(join(dir, "tasks.jsonl")), taskSchema)) {
      if (error !== undefined) throw refuse(`tasks.jsonl, line ${line}: ${error}`);
      // Seeds come first.
      if (value.origin.step > 0) break;
      if (!removed.has(value.id)) seeds.push(value);
    }
  } catch (cause) {
    if (AzrError.isInstance(cause)) throw cause;
    throw refuse((cause as Error).message, cause);
  }
  if (seeds.length === 0) throw refuse("it has none");
  return seeds;
}

/** Throws AZR_INPUT_INVALID where `writeSeeds` could not write: known before hours are spent on growing them. */
export async function checkSeedFile(file: string): Promise<void> {
  if (await access(file).then(() => true, () => false)) throw new AzrError("AZR_INPUT_INVALID", `${file} is there already`, { hint: "Name another file, or remove it." });
  const folder = dirname(resolve(file));
  if (!(await stat(folder).then((found) => found.isDirectory(), () => false))) throw new AzrError("AZR_INPUT_INVALID", `There is no folder ${folder}`, { hint: "Make it first." });
}

/** Writes the seeds of a run as a file for `curriculum.seedFile`; returns how many. */
export async function writeSeeds(dir: string, file: string): Promise<number> {
  const seeds = await seedsOfRun(dir);
  await replaceFile(nodeDisk, resolve(file), seeds.map((task) => `${JSON.stringify(task)}\n`).join(""));
  return seeds.length;
}
