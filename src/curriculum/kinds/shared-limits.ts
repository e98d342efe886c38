// Runs with the limits of a proposal, and what their outcomes mean for it. Used by every kind's validate.

import { AzrError } from "../../errors.ts";
import type { Limits, Outcome, RunOutcome } from "../../executor/executor.ts";
import type { CurriculumSettings } from "../settings.ts";
import type { RejectionReason } from "./kind.ts";

/**
 * The limits under which a proposal runs: `headroom` of each limit of the settings. A task that passes has that factor
 * to spare when answers to it are judged, and an endless loop costs a quarter of what it would. The wall limit stays whole: it is
 * a backstop against a stuck machine, and a tight one would judge the machine's load.
 */
export function proposalLimits({ limits, validation }: CurriculumSettings): Limits {
  const scale = (limit: number): number => Math.max(1, Math.floor(limit * validation.headroom));
  return {
    cpuMs: scale(limits.cpuMs),
    wallMs: limits.wallMs,
    memoryBytes: scale(limits.memoryBytes),
    outputBytes: scale(limits.outputBytes),
    sourceBytes: scale(limits.sourceBytes),
  };
}

/**
 * The limits of a program that answers with several runs in one process, where each run adds its limit to those of all: twice what
 * the task's own program may have used, so that an endless loop costs little more than it does alone.
 */
export function answerLimits({ limits, validation }: CurriculumSettings): Limits {
  const share = Math.min(1, 2 * validation.headroom);
  return { ...limits, cpuMs: Math.ceil(limits.cpuMs * share) };
}

const reasons: Record<Exclude<Outcome, "ok">, RejectionReason> = {
  "compile-error": "syntax",
  "runtime-error": "runtime-error",
  "time-limit": "time-limit",
  "memory-limit": "memory-limit",
  "output-limit": "output-limit",
  unrepresentable: "unrepresentable",
  violation: "violation",
  // The program has passed the syntax check by now, so what the executor refuses is the argument text.
  "bad-request": "bad-input",
  "sandbox-error": "sandbox-error",
};

/**
 * Why a run of a proposal is not good enough, or null when it is. With `errors` an exception is good enough, unless the interpreter itself failed:
 * a crash has no class that one could foresee.
 */
export function rejectedRun(run: RunOutcome, limits: Limits, errors = false): { reason: RejectionReason; detail: string } | null {
  const raised = errors && run.outcome === "runtime-error" && run.error !== "SystemError";
  if (run.outcome !== "ok" && !raised) {
    return { reason: reasons[run.outcome], detail: [run.error, run.message].filter(Boolean).join(": ") || run.outcome };
  }
  if (run.cpuMs > limits.cpuMs) return { reason: "too-costly", detail: `more than ${limits.cpuMs} ms of processor time` };
  return null;
}

/** True for the error by which an executor says that it could not judge: such work is left out, never scored. */
export function isSandboxFailure(error: unknown): boolean {
  return AzrError.isInstance(error) && error.code === "AZR_EXECUTOR_FAILED";
}
