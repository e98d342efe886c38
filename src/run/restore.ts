// Rebuilds the task buffers of a run from its files: tasks.jsonl holds every accepted task in the order in which it was added, and
// programs.jsonl the key under which each is known, and what left because it was contradicted; attempts.jsonl tells how the tasks were answered, step by
// step. All were cut back to the checkpoint before. The same calls in the same order make the same buffers.
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TaskAnswers, TaskBuffers } from "../curriculum/task-buffers.ts";
import type { Task } from "../curriculum/task.ts";
import { AzrError } from "../errors.ts";

/** One line of programs.jsonl: the key of the next task of tasks.jsonl, or what then left the buffers again. */
export type ProgramLine = KeyLine | RemovalLine | QuarantineLine;

export interface KeyLine {
  task: string;
  /** What makes two tasks the same. */
  key: string;
  /** Hash of the normalised program; absent for seeds. */
  program?: string;
  /** `curriculum.keep` did not let it into its buffer: it is known only. */
  kept?: false;
}

/** One line of attempts.jsonl: how tasks were answered in a step. */
export interface AttemptsLine {
  step: number;
  /** Lines that tasks.jsonl had before the step. */
  tasks: number;
  answers: [task: string, attempts: number, right: number][];
}

/** Oversight's rule of this name had these leave. */
export interface QuarantineLine {
  quarantined: string;
  removed: string[];
}

/** A task was contradicted, and these left. */
export interface RemovalLine {
  contradicted: string;
  removed: string[];
}

async function* records<Record>(path: string): AsyncGenerator<Record> {
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) yield JSON.parse(line) as Record;
}

/**
 * Adds all tasks of a run folder to empty buffers. Returns the versions of Python that they were validated with, where they tell.
 * @throws AzrError AZR_CHECKPOINT_CORRUPT when the two files do not belong together or do not hold `expected` tasks
 */
export async function restoreTasks(dir: string, buffers: TaskBuffers, expected: number): Promise<Set<string>> {
  const fault = (what: string, cause?: unknown) =>
    new AzrError("AZR_CHECKPOINT_CORRUPT", `The tasks of the run in ${dir} cannot be restored: ${what}`, {
      hint: "Restore tasks.jsonl and programs.jsonl as the run wrote them, or start the run again.",
      cause,
    });
  const pythons = new Set<string>();
  let count = 0;
  try {
    const tasks = records<Task>(join(dir, "tasks.jsonl"));
    const next = async () => (await tasks.next()).value as Task | undefined;
    const attempts = records<AttemptsLine>(join(dir, "attempts.jsonl"));
    let line = (await attempts.next()).value as AttemptsLine | undefined;
    let own = new Map<string, TaskAnswers>();
    const recordBefore = async (taskCount: number) => {
      for (; line !== undefined && line.tasks <= taskCount; line = (await attempts.next()).value as AttemptsLine | undefined) {
        own = new Map(line.answers.map(([task, number, right]) => [task, { task, attempts: number, right }]));
        buffers.record([...own.values()], line.step);
      }
    };
    for await (const program of records<ProgramLine>(join(dir, "programs.jsonl"))) {
      if ("removed" in program) {
        buffers.remove(new Set(program.removed));
        continue;
      }
      await recordBefore(count);
      const task = await next();
      if (task === undefined || program.task !== task.id) throw fault(`task ${task?.id ?? program.task} has no line in both files`);
      if (program.kept === false) buffers.of(task.kind).learn(task, program.key);
      else buffers.of(task.kind).add(task, program.key, own.get(task.id));
      if (task.origin.python !== undefined) pythons.add(task.origin.python);
      count += 1;
    }
    await recordBefore(Infinity);
    const left = await next();
    if (left !== undefined) throw fault(`task ${left.id} has no line in programs.jsonl`);
  } catch (cause) {
    throw AzrError.isInstance(cause) ? cause : fault((cause as Error).message, cause);
  }
  if (count !== expected) throw fault(`tasks.jsonl holds ${count} tasks instead of ${expected}`);
  return pythons;
}
