// The loop over steps: runs one after another and hands each result on before the next begins. What is kept of a result, and when to
// stop, is its caller's business (src/run/session.ts).
import type { LoopContext } from "./step-context.ts";
import { runStep, type StepResult } from "./step.ts";
import type { Ahead } from "./work-ahead.ts";

export interface LoopOptions {
  /** The first step to run; steps count from 1. */
  from: number;
  /** The last. */
  to: number;
  signal?: AbortSignal;
  /** What an earlier sitting had ready for the first step. */
  ahead?: Ahead | undefined;
  /** Called before a step. */
  beforeStep(step: number): void;
  /** Called with a step's result; false ends the loop. */
  afterStep(step: number, result: StepResult): Promise<boolean>;
}

/** Runs steps until the last one, or until `afterStep` says so. Rejects as `runStep` does. */
export async function runLoop(context: LoopContext, { from, to, signal, ahead: first, beforeStep, afterStep }: LoopOptions): Promise<void> {
  let ahead = first;
  try {
    for (let step = from; step <= to; step++) {
      beforeStep(step);
      const result = await runStep(context, step, { signal, ahead });
      ahead = result.ahead;
      if (!(await afterStep(step, result))) return;
    }
  } finally {
    await ahead?.cancel();
  }
}
