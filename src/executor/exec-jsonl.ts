// What `azr exec --jsonl` does: runs one program a line and answers one line each, in the order of the input.
// Lines overlap up to a bound; a bad line is told and counted, and the rest goes on.
import { z } from "zod";
import { readJsonlAs, type JsonlLine, type JsonlSource } from "../jsonl.ts";
import type { Executor, RunRequest, RunResult } from "./executor.ts";

const requestSchema = z.strictObject({
  id: z.union([z.string(), z.number()]),
  program: z.string(),
  inputs: z.array(z.string()),
});

/** One answer; `deterministic` is null when a run did not end `ok`, or with determinism `once`. */
export interface ExecAnswer extends RunResult {
  id: string | number;
}

export interface ExecJsonlOptions {
  executor: Executor;
  source: JsonlSource;
  /** Receives the answers in the order of the lines; a returned promise holds the reading back. */
  onAnswer(answer: ExecAnswer): void | Promise<void>;
  /** Receives each bad line: its number, counted from 1, and what is wrong. */
  onBadLine(bad: { line: number; error: string }): void | Promise<void>;
  /** Default `full`. */
  determinism?: RunRequest["determinism"];
  limits?: RunRequest["limits"];
  signal?: AbortSignal;
}

/**
 * Answers every line of `source`. Resolves with the number of answers and of bad lines. Rejects with the executor's errors
 * (AZR_EXECUTOR_FAILED, AZR_ABORTED, ...): then the answers given so far are whole, and no more follow.
 */
export async function execJsonl(options: ExecJsonlOptions): Promise<{ answered: number; badLines: number }> {
  const { executor, source, onAnswer, onBadLine, determinism = "full", limits, signal } = options;
  const bound = executor.stats().workers * 4;
  const queue: { item: JsonlLine<z.infer<typeof requestSchema>>; answer: Promise<ExecAnswer> | undefined }[] = [];
  const counts = { answered: 0, badLines: 0 };

  async function finishOldest(): Promise<void> {
    const { item, answer } = queue.shift()!;
    if (item.error !== undefined) {
      counts.badLines += 1;
      return onBadLine({ line: item.line, error: item.error });
    }
    const ready = (await answer)!;
    counts.answered += 1;
    return onAnswer(ready);
  }

  for await (const item of readJsonlAs(source, requestSchema)) {
    let answer: Promise<ExecAnswer> | undefined;
    if (item.error === undefined) {
      const { id, program, inputs } = item.value;
      answer = executor.run({ program, inputs, determinism, limits, signal }).then((result) => ({ id, ...result }));
      // A failure is met when its turn comes; until then it is not unhandled.
      answer.catch(() => undefined);
    }
    queue.push({ item, answer });
    if (queue.length >= bound) await finishOldest();
  }
  while (queue.length > 0) await finishOldest();
  return counts;
}
