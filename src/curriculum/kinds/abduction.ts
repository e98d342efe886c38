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
      const once = (await executor.run({ program, inputs: [text], determinism: "once", limits, signal })).runs[0]!;
      if (once.outcome !== "ok") return failedRun(once);
      if (!valuesEqual(output, once.value!)) return { verdict: "wrong", detail: "the program gives another output" };
      // Only an answer that is about to count is worth a second process: a value that depends on hash seed or clock fails here.
      const pair = await executor.run({ program, inputs: [text], determinism: "pair", limits, signal });
      const again = pair.runs[0]!;
      if (again.outcome === "sandbox-error") return failedRun(again);
      return again.outcome === "ok" && pair.deterministic === true && valuesEqual(output, again.value!)
        ? { verdict: "correct", detail: "the program gives the output" }
        : { verdict: "wrong", detail: "the program's output varies between executions" };
    });
  },
};
