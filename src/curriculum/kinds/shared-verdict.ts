// What the outcome of running or parsing an answer means for its verdict. Used by every kind's verify.

import type { RunOutcome } from "../../executor/executor.ts";
import type { VerdictResult } from "./kind.ts";
import { isSandboxFailure } from "./shared-limits.ts";

/** Verdict of an answer whose run gave no value. */
export function failedRun(run: RunOutcome): VerdictResult {
  if (run.outcome === "sandbox-error") return { verdict: "undecided", detail: "the executor could not run it" };
  const detail = run.error === undefined || run.error === "" ? run.outcome : `${run.outcome}: ${run.error}`;
  return { verdict: run.outcome === "bad-request" || run.outcome === "compile-error" ? "malformed" : "wrong", detail };
}

/** Runs `judge`; an executor that could not judge makes the answer undecided instead of wrong. Other errors pass through. */
export async function orUndecided(judge: () => Promise<VerdictResult>): Promise<VerdictResult> {
  try {
    return await judge();
  } catch (error) {
    if (isSandboxFailure(error)) return { verdict: "undecided", detail: (error as Error).message };
    throw error;
  }
}
