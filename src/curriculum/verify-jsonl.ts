// What `azr verify --jsonl` does: judges one answer a line and gives one verdict each, in the order of the input.
// Lines overlap up to a bound; a bad line is told and counted, and the rest goes on.

import * as z from "zod";
import { AzrError } from "../errors.ts";
import type { Executor } from "../executor/executor.ts";
import { readJsonlAs, type JsonlLine, type JsonlSource } from "../jsonl.ts";
import { kindNamed } from "./kinds/registry.ts";
import { curriculumSettings, type CurriculumSettings } from "./settings.ts";
import { taskSchema } from "./task-schema.ts";
import type { Verdict } from "./task.ts";

const requestSchema = z.strictObject({ id: z.union([z.string(), z.number()]), task: taskSchema, answer: z.string() });

export interface VerifyAnswer {
  id: string | number;
  verdict: Verdict;
  detail: string;
}

export interface VerifyJsonlOptions {
  executor: Executor;
  /** Lines {"id","task","answer"}. `answer` is output text for deduction, argument text for abduction, a program for induction. */
  source: JsonlSource;
  /** Receives the verdicts in the order of the lines; a returned promise holds the reading back. */
  onAnswer(answer: VerifyAnswer): void | Promise<void>;
  /** Receives each bad line (no request, unknown kind, task without the fields of its kind): its number from 1, and what is wrong. */
  onBadLine(bad: { line: number; error: string }): void | Promise<void>;
  settings?: CurriculumSettings;
  signal?: AbortSignal;
}

/**
 * Judges every line of `source`. Resolves with the number of verdicts and of bad lines. Rejects with the executor's errors
 * (AZR_EXECUTOR_UNAVAILABLE, AZR_ABORTED, AZR_DISPOSED): then the verdicts given so far are whole, and no more follow.
 */
export async function verifyJsonl(options: VerifyJsonlOptions): Promise<{ answered: number; badLines: number }> {
  const { executor, source, onAnswer, onBadLine, settings = curriculumSettings(), signal } = options;
  const bound = executor.stats().workers * 4;
  const queue: Promise<JsonlLine<VerifyAnswer>>[] = [];
  const counts = { answered: 0, badLines: 0 };

  async function judge(line: number, { id, task, answer }: z.output<typeof requestSchema>): Promise<JsonlLine<VerifyAnswer>> {
    try {
      const { verdict, detail } = await kindNamed(task.kind).verify(task, answer, { executor, settings, signal });
      return { line, value: { id, verdict, detail } };
    } catch (error) {
      if (AzrError.isInstance(error) && (error.code === "AZR_INPUT_INVALID" || error.code === "AZR_CONFIG_INVALID")) {
        return { line, error: error.message };
      }
      throw error;
    }
  }

  async function finishOldest(): Promise<void> {
    const judged = await queue.shift()!;
    if (judged.error !== undefined) {
      counts.badLines += 1;
      return onBadLine({ line: judged.line, error: judged.error });
    }
    counts.answered += 1;
    return onAnswer(judged.value);
  }

  for await (const item of readJsonlAs(source, requestSchema)) {
    const judged = item.error === undefined ? judge(item.line, item.value) : Promise.resolve(item);
    // A failure is met when its turn comes; until then it is not unhandled.
    judged.catch(() => undefined);
    queue.push(judged);
    if (queue.length >= bound) await finishOldest();
  }
  while (queue.length > 0) await finishOldest();
  return counts;
}
