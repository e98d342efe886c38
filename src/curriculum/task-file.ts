// Reads files of tasks, one Task a line: held-out sets, seeds, suites of `azr eval`.

import { createReadStream } from "node:fs";
import { AzrError } from "../errors.ts";
import { readJsonlAs } from "../jsonl.ts";
import { taskSchema } from "./task-schema.ts";
import type { Task } from "./task.ts";

/**
 * The tasks of a file in order; a bad line, or one whose id an earlier line has, goes to `onBadLine` and is left out. Throws AZR_INPUT_INVALID when the file cannot be
 * read, holds no task, or (without `onBadLine`) has a bad line, which the message names.
 */
export async function readTaskFile(path: string, onBadLine?: (bad: { line: number; error: string }) => void): Promise<Task[]> {
  const tasks = new Map<string, Task>();
  try {
    for await (const item of readJsonlAs(createReadStream(path), taskSchema)) {
      // Outcomes are compared task by task, by their ids.
      const error = item.error ?? (tasks.has(item.value.id) ? `the id ${JSON.stringify(item.value.id)} stands on an earlier line` : undefined);
      if (error === undefined) {
        tasks.set(item.value!.id, item.value!);
      } else if (onBadLine === undefined) {
        throw new AzrError("AZR_INPUT_INVALID", `${path}, line ${item.line}: ${error}`, { hint: "Correct or remove this line." });
      } else {
        onBadLine({ line: item.line, error });
      }
    }
  } catch (cause) {
    if (AzrError.isInstance(cause)) throw cause;
    throw new AzrError("AZR_INPUT_INVALID", `The task file ${path} cannot be read.`, { cause, hint: "Give the path of a JSONL file of tasks." });
  }
  if (tasks.size === 0) {
    throw new AzrError("AZR_INPUT_INVALID", `The task file ${path} holds no task.`, {
      hint: 'Write one object a line: {"id","kind","program","input","output"}, or with "pairs" and "shown" for induction.',
    });
  }
  return [...tasks.values()];
}
