// Induction: given input/output pairs (and a message, in formats that have one), find a program that makes them. The
// proposer gets a past program and writes new inputs; the first `shown` pairs are shown, the rest stay hidden, and the
// solver's program runs on the hidden pairs (or all), one process each before it is correct.

import { AzrError } from "../../errors.ts";
import type { RunOutcome } from "../../executor/executor.ts";
import { valuesEqual } from "../../executor/value.ts";
import type { Pair, Task } from "../task.ts";
import type { ProposalRequest, TaskKind, VerdictResult, VerifyContext } from "./kind.ts";
import { shortHash } from "./shared-program.ts";
import { answerLimits } from "./shared-limits.ts";
import { parseSingleAnswer } from "./shared-triplet.ts";
import { checkDistinct } from "./distinct-inputs.ts";
import { runDraft } from "./shared-validate.ts";
import { failedRun, orUndecided } from "./shared-verdict.ts";

function sourceProgram({ source }: ProposalRequest): string {
  if (source === undefined) throw new AzrError("AZR_INPUT_INVALID", "An induction proposal needs the task whose program it builds on.");
  return source.program;
}

function pairsOf(task: Task): { shown: Pair[]; hidden: Pair[]; all: Pair[] } {
  const { pairs, shown } = task;
  if (pairs === undefined || shown === undefined || shown < 1 || shown >= pairs.length) {
    throw new AzrError("AZR_INPUT_INVALID", `Task ${task.id} of kind ${task.kind} needs "pairs" and a "shown" below their number.`);
  }
  return { shown: pairs.slice(0, shown), hidden: pairs.slice(shown), all: pairs };
}

async function runsOnPairs(program: string, pairs: Pair[], { executor, settings, signal }: VerifyContext): Promise<VerdictResult> {
  const request = { program, inputs: pairs.map(({ input }) => input), limits: answerLimits(settings), signal };
  // Most answers are wrong, and one process for all inputs finds that out for the price of one.
  if (pairs.length > 1) {
    const wrong = firstWrong((await executor.run({ ...request, isolation: "program" })).runs, pairs);
    if (wrong !== null) return wrong;
  }
  // One that is about to count gives each output in a process of its own, where nothing tells it of the other inputs, and all of them again in
  // one with hash seed, clock, memory and order of the inputs changed: there a program that guesses fails.
  const expected = pairs.map(({ output }) => output);
  const { runs, deterministic } = await executor.run({ ...request, determinism: "pair", isolation: "input", expected });
  const wrong = firstWrong(runs, pairs);
  if (wrong !== null) return wrong;
  return deterministic === true
    ? { verdict: "correct", detail: `all ${pairs.length} pairs` }
    : { verdict: "wrong", detail: "its outputs vary between executions" };
}

/** The verdict of the first run that does not give its pair's output; null when all do. */
function firstWrong(runs: RunOutcome[], pairs: Pair[]): VerdictResult | null {
  for (const [at, run] of runs.entries()) {
    if (run.outcome !== "ok") return failedRun(run);
    if (!valuesEqual(pairs[at]!.output, run.value!)) return { verdict: "wrong", detail: `another output for pair ${at + 1} of ${pairs.length}` };
  }
  return null;
}

export const induction: TaskKind = {
  name: "induction",
  letter: "i",
  needsReferences: "program",
  suppliesPrograms: false,
  verdictRuns: 3,

  buildProposalPrompt(request, format, settings) {
    return format.prompt("propose-induction", { program: sourceProgram(request), count: String(settings.induction.inputs) });
  },

  parseProposal(text, request, format, settings) {
    const count = settings.induction.inputs;
    const parsed = format.parse(text, { role: "propose", blocks: [{ name: "input", count }], message: format.messages });
    if (!parsed.ok) return parsed;
    const { input, message } = parsed.blocks;
    return { ok: true, draft: { program: sourceProgram(request), inputs: input!, ...(message?.[0] ? { message: message[0] } : {}) } };
  },

  async validate(draft, context) {
    const { settings } = context;
    const { program, inputs, message } = draft;
    // The program is a known one by design, so only the same program with the same inputs is a duplicate.
    const result = await runDraft(draft, context, {
      keyOf: (hash) => shortHash(JSON.stringify([hash, ...inputs])),
      ...(settings.induction.distinct ? { checkInputs: () => checkDistinct(inputs, context) } : {}),
    });
    if (!result.ok) return result;
    const { programHash, key, statements, outputs } = result;
    const pairs = inputs.map((input, at) => ({ input, output: outputs[at]! }));
    const task = { kind: "induction", program, pairs, shown: settings.induction.shown, ...(message ? { message } : {}) };
    return { ok: true, task, programHash, key, statements };
  },

  buildSolutionPrompt(task, format) {
    const pairs = pairsOf(task).shown.map(({ input, output }) => ({ input, output }));
    return format.prompt("solve-induction", { pairs, message: task.message ?? "" });
  },

  parseAnswer: (text, format) => parseSingleAnswer(text, format, "program"),

  async verify(task, answer, context) {
    const { hidden, all } = pairsOf(task);
    const program = answer.trimEnd();
    if (program === task.program.trimEnd()) return { verdict: "correct", detail: "the task's own program" };
    return orUndecided(() => runsOnPairs(program, context.settings.induction.check === "all" ? all : hidden, context));
  },
};
