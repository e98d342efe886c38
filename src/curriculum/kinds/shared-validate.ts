// From a draft to its outputs: the checks that need no run (shared-program.ts), then one fully checked run under the limits
// of a proposal (shared-limits.ts). Every kind's validate makes its task from what comes back.

import type { Draft, RejectionReason, ValidateContext } from "./kind.ts";
import { isSandboxFailure, proposalLimits, rejectedRun } from "./shared-limits.ts";
import { checkProgram } from "./shared-program.ts";

export type DraftRun =
  | {
      ok: true;
      programHash: string;
      key: string;
      statements: number;
      /** Canonical value texts, one an input; empty for an input on which the program raises. */
      outputs: string[];
      /** Class of the exception for each input; undefined where there is a value. */
      errors: (string | undefined)[];
    }
  | { ok: false; reason: RejectionReason; detail: string; contradicts?: string };

export interface RunDraftOptions {
  /** The key under which the task counts as known, from its program's hash. */
  keyOf: (programHash: string) => string | Promise<string>;
  /** A kind's own check of the inputs. */
  checkInputs?: () => Promise<{ ok: true } | { ok: false; reason: RejectionReason; detail: string }>;
  /** An exception is a result too, by its class. */
  errors?: boolean;
}

/**
 * Checks and runs a draft. Order: sizes, words, markers, syntax, entry function, imports, held-out set, duplicates, inputs, run, determinism,
 * outputs. An executor that could not judge makes the rejection `sandbox-error`; other errors pass through.
 */
export async function runDraft(draft: Draft, context: ValidateContext, options: RunDraftOptions): Promise<DraftRun> {
  try {
    return await checkAndRun(draft, context, options);
  } catch (error) {
    if (isSandboxFailure(error)) return { ok: false, reason: "sandbox-error", detail: (error as Error).message };
    throw error;
  }
}

async function checkAndRun(draft: Draft, context: ValidateContext, { keyOf, checkInputs, errors = false }: RunDraftOptions): Promise<DraftRun> {
  const checked = await checkProgram(draft, context);
  if (!checked.ok) return checked;
  const key = await keyOf(checked.hash);
  // Asked before running: most proposals of a proposer that repeats itself end here.
  if (context.isKnown?.(key)) return { ok: false, reason: "duplicate", detail: `${key} is known` };
  const inputs = await checkInputs?.();
  if (inputs?.ok === false) return inputs;
  const results = await run(draft, context, errors);
  return "reason" in results ? { ok: false, ...results } : { ok: true, programHash: checked.hash, key, statements: checked.statements, ...results };
}

type Results = { outputs: string[]; errors: (string | undefined)[] } | { reason: RejectionReason; detail: string; contradicts?: string };

async function run(draft: Draft, context: ValidateContext, errors: boolean): Promise<Results> {
  const { executor, settings, format, signal } = context;
  const { program, inputs } = draft;
  const limits = proposalLimits(settings);
  // The variants have what answers will have, so that a value that hangs on a limit is found out now, and so that a program which A could run
  // is not called nondeterministic because another process was a little slower.
  const { cpuMs, memoryBytes, outputBytes } = settings.limits;
  const variantLimits = { cpuMs, memoryBytes, outputBytes };
  const result = await executor.run({ program, inputs, determinism: "full", isolation: "program", limits, variantLimits, ...(errors ? { errors } : {}), signal });
  for (const one of result.runs) {
    const rejected = rejectedRun(one, limits, errors);
    if (rejected !== null) return rejected;
  }
  if (result.deterministic !== true) {
    return { reason: "nondeterministic", detail: "two executions differed", contradicts: "on the inputs of a proposal two executions differed" };
  }
  const outputs = result.runs.map((one) => one.value ?? "");
  const longest = settings.validation.maxOutputCharacters;
  if (outputs.some((output) => output.length > longest)) return { reason: "too-long", detail: `an output of more than ${longest} characters` };
  if (format !== undefined && !outputs.every((output) => format.carries(output))) {
    return { reason: "marker", detail: `an output holds a marker of the ${format.name} format` };
  }
  return { outputs, errors: result.runs.map((one) => one.error) };
}
