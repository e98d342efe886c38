// Induction: given input/output pairs (and a message, in formats that have one), find a program that makes them. The
// proposer gets a past program and writes new inputs; the first `shown` pairs are shown, the rest stay hidden, and the
// solver's program runs on the hidden pairs (or all).

import { AzrError } from "../../errors.ts";
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
  // One process for all inputs, and, where all outputs are right, another with hash seed, clock and order of the inputs changed: a program
  // that guesses fails there, and one that remembers earlier calls unless it is lucky (docs/executor.md).
  const result = await executor.run({
    program,
    inputs: pairs.map(({ input }) => input),
    determinism: "pair",
    isolation: "program",
    expected: pairs.map(({ output }) => output),
    limits: answerLimits(settings),
    signal,
  });
  for (const [at, run] of result.runs.entries()) {
    if (run.outcome !== "ok") return failedRun(run);
    if (!valuesEqual(pairs[at]!.output, run.value!)) return { verdict: "wrong", detail: `another output for pair ${at + 1} of ${pairs.length}` };
  }
  return result.deterministic === true
    ? { verdict: "correct", detail: `all ${pairs.length} pairs` }
    : { verdict: "wrong", detail: "its outputs vary between executions" };
}

export const induction: TaskKind = {
  name: "induction",
  letter: "i",
  needsReferences: "program",
  suppliesPrograms: false,
  verdictRuns: 2,

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
