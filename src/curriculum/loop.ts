// The loop over steps: runs one after another and hands each result on before the next begins. What is kept of a result, and when to
// stop, is its caller's business (src/run/session.ts).
import type { LoopContext } from "./step-context.ts";
import { runStep, type StepResult } from "./step.ts";

export interface LoopOptions {
  /** The first step to run; steps count from 1. */
  from: number;
  /** The last. */
  to: number;
  signal?: AbortSignal;
  /** Called before a step. */
  beforeStep(step: number): void;
  /** Called with a step's result; false ends the loop. */
  afterStep(step: number, result: StepResult): Promise<boolean>;
}

/** Runs steps until the last one, or until `afterStep` says so. Rejects as `runStep` does. */
export async function runLoop(context: LoopContext, { from, to, signal, beforeStep, afterStep }: LoopOptions): Promise<void> {
  for (let step = from; step <= to; step++) {
    beforeStep(step);
    if (!(await afterStep(step, await runStep(context, step, signal)))) return;
  }
}
