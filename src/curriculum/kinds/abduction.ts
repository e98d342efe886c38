// Abduction: given a program and an output, find any input that gives it. The answer is argument text: the executor parses
// it as literals and runs the task's own program on them; the value is compared here, outside the child process.

import { valuesEqual } from "../../executor/value.ts";
import type { TaskKind, VerdictResult } from "./kind.ts";
import { parseSingleAnswer, tripletProposer, tripletValues } from "./shared-triplet.ts";
import { failedRun, orUndecided } from "./shared-verdict.ts";

export const abduction: TaskKind = {
  name: "abduction",
  letter: "a",
  needsReferences: "tasks",
  suppliesPrograms: true,
  verdictRuns: 1,
  ...tripletProposer("abduction"),

  buildSolutionPrompt(task, format) {
    const { program, output } = tripletValues(task);
    return format.prompt("solve-abduction", { program, output });
  },

  parseAnswer: (text, format) => parseSingleAnswer(text, format, "input"),

  async verify(task, answer, { executor, settings, signal }) {
    const { program, input, output } = tripletValues(task);
    const text = answer.trim();
    if (text === input) return { verdict: "correct", detail: "the task's own input" };
    const { limits } = settings;
    return orUndecided(async (): Promise<VerdictResult> => {
      // With `expected`, only an answer that is about to count costs a second process: a value that depends on hash seed or clock fails there.
      const result = await executor.run({ program, inputs: [text], determinism: "pair", expected: [output], limits, signal });
      const run = result.runs[0]!;
      if (run.outcome !== "ok") return failedRun(run);
      if (!valuesEqual(output, run.value!)) return { verdict: "wrong", detail: "the program gives another output" };
      return result.deterministic === true
        ? { verdict: "correct", detail: "the program gives the output" }
        : { verdict: "wrong", detail: "the program's output varies between executions" };
    });
  },
};
