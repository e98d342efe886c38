// Abduction: given a program and an output, find any input that gives it. The answer is argument text: the executor parses
// it as literals and runs the task's own program on them; the value is compared here, outside the child process. These runs may
// show that the program is no function.

import type { RunRequest } from "../../executor/executor.ts";
import { valuesEqual } from "../../executor/value.ts";
import type { TaskKind, VerdictResult, VerifyContext } from "./kind.ts";
import { sameArguments } from "./shared-arguments.ts";
import { proposalLimits } from "./shared-limits.ts";
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

  async verify(task, answer, context) {
    const { program, input, output } = tripletValues(task);
    const text = answer.trim();
    if (text === input) return { verdict: "correct", detail: "the task's own input" };
    const { executor, settings, signal } = context;
    return orUndecided(async (): Promise<VerdictResult> => {
      // With `expected`, only an answer that is about to count costs a second process: a value that depends on hash seed or clock fails there.
      const request: RunRequest = { program, inputs: [text], determinism: "pair", expected: [output], limits: settings.limits, signal };
      const { runs, deterministic } = await executor.run(request);
      const run = runs[0]!;
      if (run.outcome === "ok" && valuesEqual(output, run.value!)) {
        if (deterministic === true) return { verdict: "correct", detail: "the program gives the output" };
        const varies: VerdictResult = { verdict: "wrong", detail: "the program's output varies between executions" };
        return (await variesWithRoom(request, context)) ? { ...varies, contradicts: "on another input two executions differed" } : varies;
      }
      const wrong: VerdictResult = run.outcome === "ok" ? { verdict: "wrong", detail: "the program gives another output" } : failedRun(run);
      // What was refused, or not run, says nothing of the program.
      if (run.outcome === "bad-request" || run.outcome === "sandbox-error" || !(await sameArguments(text, input, context))) return wrong;
      return { ...wrong, contradicts: `on its own input: ${wrong.detail}` };
    });
  },
};

/**
 * Whether executions differ when A has what proposals have and the variant a multiple of it. The solver chose this input: near a limit an honest
 * program may end in one process and not in another, and that says nothing of the task.
 */
async function variesWithRoom(request: RunRequest, { executor, settings }: VerifyContext): Promise<boolean> {
  const { deterministic } = await executor.run({ ...request, limits: proposalLimits(settings), variantLimits: settings.limits });
  return deterministic === false;
}
