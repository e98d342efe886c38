// Deduction: given a program and its input, find the output. The answer is data: it is read as a literal and compared with
// the stored output by value; nothing that the solver wrote is run.

import { AzrError } from "../../errors.ts";
import { valuesEqual } from "../../executor/value.ts";
import type { TaskKind, VerdictResult } from "./kind.ts";
import { parseSingleAnswer, tripletProposer, tripletValues } from "./shared-triplet.ts";
import { orUndecided } from "./shared-verdict.ts";

export const deduction: TaskKind = {
  name: "deduction",
  letter: "d",
  needsReferences: "tasks",
  suppliesPrograms: true,
  verdictRuns: 0,
  ...tripletProposer("deduction"),

  buildSolutionPrompt(task, format) {
    const { program, input } = tripletValues(task);
    return format.prompt("solve-deduction", { program, input });
  },

  parseAnswer: (text, format) => parseSingleAnswer(text, format, "output"),

  async verify(task, answer, { executor, signal }) {
    const { output } = tripletValues(task);
    const text = answer.trim();
    if (text === output) return { verdict: "correct", detail: "the output, letter by letter" };
    return orUndecided(async (): Promise<VerdictResult> => {
      const equal = equalWithoutChild(output, text);
      if (equal !== null) return compared(equal);
      const parsed = await executor.parse({ text, signal });
      return parsed.ok ? compared(valuesEqual(output, parsed.value)) : { verdict: "malformed", detail: `not a literal: ${parsed.message}` };
    });
  },
};

function compared(equal: boolean): VerdictResult {
  return equal ? { verdict: "correct", detail: "equal by value" } : { verdict: "wrong", detail: "another value than the output" };
}

/**
 * Whether the answer equals the output, when that is plain from short text in the grammar of canonical values (read in
 * bounded, linear time); null when the locked child has to read it. A text with braces or quotes may be a literal that is
 * not canonical (`{1, 1}`, `"a"`): there only equality is final.
 */
function equalWithoutChild(output: string, text: string): boolean | null {
  if (text.length > 4096) return null;
  try {
    return valuesEqual(output, text) || (/[{}'"\\]/.test(text) ? null : false);
  } catch (error) {
    if (AzrError.isInstance(error) && error.code === "AZR_INPUT_INVALID") return null;
    throw error;
  }
}
