// Rebuilds the task buffers of a run from its files: tasks.jsonl holds every accepted task in the order in which it was added, and
// programs.jsonl the key under which each is known. Both were cut back to the checkpoint before.
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TaskBuffers } from "../curriculum/task-buffers.ts";
import type { Task } from "../curriculum/task.ts";
import { AzrError } from "../errors.ts";

/** One line of programs.jsonl. */
export interface ProgramLine {
  task: string;
  /** What makes two tasks the same. */
  key: string;
  /** Hash of the normalised program; absent for seeds. */
  program?: string;
}

async function* records<Record>(path: string): AsyncGenerator<Record> {
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) yield JSON.parse(line) as Record;
}

/**
 * Adds all tasks of a run folder to empty buffers and returns their number.
 * @throws AzrError AZR_CHECKPOINT_CORRUPT when the two files do not belong together or do not hold `expected` tasks
 */
export async function restoreTasks(dir: string, buffers: TaskBuffers, expected: number): Promise<number> {
  const fault = (what: string, cause?: unknown) =>
    new AzrError("AZR_CHECKPOINT_CORRUPT", `The tasks of the run in ${dir} cannot be restored: ${what}`, {
      hint: "Restore tasks.jsonl and programs.jsonl as the run wrote them, or start the run again.",
      cause,
    });
  let count = 0;
  try {
    const lines = records<ProgramLine>(join(dir, "programs.jsonl"));
    for await (const task of records<Task>(join(dir, "tasks.jsonl"))) {
      const line = (await lines.next()).value as ProgramLine | undefined;
      if (line?.task !== task.id) throw fault(`task ${task.id} has no line in programs.jsonl`);
      buffers.of(task.kind).add(task, line.key);
      count += 1;
    }
    await lines.return(undefined);
  } catch (cause) {
    throw AzrError.isInstance(cause) ? cause : fault((cause as Error).message, cause);
  }
  if (count !== expected) throw fault(`tasks.jsonl holds ${count} tasks instead of ${expected}`);
  return count;
}
