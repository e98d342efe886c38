// Error prediction: given a program and its input, name the exception that the call ends with, or say that it ends well. The class is the
// nearest builtin one and has to be the same in all executions; what an exception says does not matter. An answer is a word: nothing is run.

import { AzrError } from "../../errors.ts";
import { helperValues } from "../composite.ts";
import type { Task } from "../task.ts";
import type { TaskKind } from "./kind.ts";
import { parseSingleAnswer, parseTriplet, referenceValues, tripletKey } from "./shared-triplet.ts";
import { runDraft } from "./shared-validate.ts";

/** What stands for the class where nothing is raised. */
export const noError = "NoError";

/** Two names of one class, in lower case. */
const aliases: Readonly<Record<string, string>> = { ioerror: "oserror", environmenterror: "oserror" };

function predicted(task: Task): { program: string; input: string; error: string } {
  const { program, input, error } = task;
  if (input !== undefined && error !== undefined) return { program, input, error };
  throw new AzrError("AZR_INPUT_INVALID", `Task ${task.id} of kind ${task.kind} needs both "input" and "error".`);
}

/** The class that an answer names, in lower case: its first word, whatever message follows; undefined when it does not begin with one. */
function namedClass(answer: string): string | undefined {
  const text = answer.trimStart().replace(/^[`'"*]+/, "").toLowerCase();
  const word = /^no[ _-]error\b/.test(text) ? noError.toLowerCase() : /^(?:builtins\.)?([a-z_]\w*)/.exec(text)?.[1];
  return word === undefined ? undefined : (aliases[word] ?? word);
}

export const error: TaskKind = {
  name: "error",
  letter: "e",
  needsReferences: "tasks",
  // A program that is there to fail is little to build on.
  suppliesPrograms: false,
  verdictRuns: 0,

  composes: true,

  buildProposalPrompt: ({ references, helpers }, format, settings) =>
    format.prompt("propose-error", { ...referenceValues(references, predicted), banned: settings.error.bannedWords.join(", "), ...helperValues(helpers) }),

  parseProposal: (text, request, format) => parseTriplet(text, request, format),

  async validate(draft, context) {
    const { settings } = context;
    const bannedWords = [...settings.validation.bannedWords, ...settings.error.bannedWords];
    const stricter = { ...context, settings: { ...settings, validation: { ...settings.validation, bannedWords } } };
    const [input] = draft.inputs as [string];
    const result = await runDraft(draft, stricter, { keyOf: (hash) => tripletKey(hash, input, context), errors: true });
    if (!result.ok) return result;
    const { programHash, key, statements, errors } = result;
    return { ok: true, task: { kind: "error", program: draft.program, input, error: errors[0] ?? noError }, programHash, key, statements };
  },

  surplus(tasks, { error: { noError: share } }) {
    if (share === 1) return [];
    const errors = tasks.filter((task) => task.error !== noError).length;
    const most = Math.max(1, Math.floor((errors * share) / (1 - share) + 1e-9));
    const harmless = tasks.flatMap((task, index) => (task.error === noError ? [index] : []));
    return harmless.slice(most).map((index) => ({ index, reason: "no-error" as const, detail: `${most} of the step's tasks raise nothing already` }));
  },

  buildSolutionPrompt(task, format) {
    const { program, input } = predicted(task);
    return format.prompt("solve-error", { program, input });
  },

  parseAnswer: (text, format) => parseSingleAnswer(text, format, "error"),

  async verify(task, answer) {
    const truth = predicted(task).error;
    const named = namedClass(answer);
    if (named === undefined) return { verdict: "malformed", detail: "names no class" };
    return named === namedClass(truth) ? { verdict: "correct", detail: `it is ${truth}` } : { verdict: "wrong", detail: "another class" };
  },
};
