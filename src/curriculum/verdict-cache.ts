// Verdicts by task and answer: the rollouts of one task often repeat an answer, and a repeated answer costs nothing. Answers
// that are being judged are shared too. Bounded; the entries used longest ago leave first.

import { kindNamed } from "./kinds/registry.ts";
import type { VerdictResult, VerifyContext } from "./kinds/kind.ts";
import type { Task } from "./task.ts";

export interface VerdictCache {
  /** The verdict on an answer to a task, judged at most once while it stays in the cache. `undecided` and errors are not kept. */
  verify(task: Task, answer: string, context: VerifyContext): Promise<VerdictResult>;
  readonly size: number;
  /** Answers that needed no judging. */
  readonly hits: number;
}

/** A cache for one run; task ids have to be unique within it, and the settings the same. */
export function createVerdictCache(capacity = 8192): VerdictCache {
  const entries = new Map<string, Promise<VerdictResult>>();
  let hits = 0;

  function verify(task: Task, answer: string, context: VerifyContext): Promise<VerdictResult> {
    const key = JSON.stringify([task.kind, task.id, answer]);
    const known = entries.get(key);
    if (known !== undefined) {
      hits++;
      entries.delete(key);
      entries.set(key, known);
      return known;
    }
    const judged = (async () => kindNamed(task.kind).verify(task, answer, context))();
    entries.set(key, judged);
    if (entries.size > capacity) entries.delete(entries.keys().next().value!);
    const forget = (): void => {
      if (entries.get(key) === judged) entries.delete(key);
    };
    judged.then(({ verdict }) => verdict === "undecided" && forget(), forget);
    return judged;
  }

  return {
    verify,
    get size() {
      return entries.size;
    },
    get hits() {
      return hits;
    },
  };
}
