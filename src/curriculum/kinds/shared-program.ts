// Checks of a proposed program before it is run: size, syntax, entry function, policy, held-out set. Used by every kind.

import { createHash } from "node:crypto";
import type { AnalyseResult, EntryBinding } from "../../executor/executor.ts";
import { safetyReport } from "../../executor/safety.ts";
import type { CurriculumSettings } from "../settings.ts";
import type { Draft, RejectionReason, ValidateContext } from "./kind.ts";
import { proposalLimits } from "./shared-limits.ts";

/** The first 16 hex digits of the SHA-256 of a text. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex").slice(0, 16);
}

/** Name of a program up to local names, comments and spacing: `shortHash` of `AnalyseResult.normalised`. */
export function programHash(normalised: string): string {
  return shortHash(normalised);
}

type Rejection = { reason: RejectionReason; detail: string };

/** Analyses the draft's program in the executor and applies the policy of the settings. Nothing of it is executed. */
export async function checkProgram(
  draft: Draft,
  { executor, settings, format, excludedPrograms }: ValidateContext,
): Promise<{ ok: true; hash: string; statements: number } | ({ ok: false } & Rejection)> {
  const { program } = draft;
  const early = checkSizes(draft, settings) ?? checkWords(program, settings.validation.bannedWords);
  if (early !== null) return { ok: false, ...early };
  const texts = [program, ...draft.inputs, draft.message ?? ""];
  if (format !== undefined && !texts.every((text) => format.carries(text))) {
    return { ok: false, reason: "marker", detail: `holds a marker of the ${format.name} format` };
  }
  const analysis = await executor.analyse(program);
  if (!analysis.ok) return { ok: false, reason: "syntax", detail: analysis.message ?? "does not parse" };
  const policy = checkAnalysis(analysis, settings.validation, draft.helpers);
  if (policy !== null) return { ok: false, ...policy };
  const hash = programHash(analysis.normalised);
  if (excludedPrograms?.has(hash)) return { ok: false, reason: "held-out", detail: `program ${hash} is held out` };
  return { ok: true, hash, statements: analysis.statements };
}

type Policy = CurriculumSettings["validation"];

function checkSizes({ program, inputs, message = "" }: Draft, settings: CurriculumSettings): Rejection | null {
  const { validation: policy } = settings;
  const { sourceBytes } = proposalLimits(settings);
  const tooLong = (what: string, limit: number): Rejection => ({ reason: "too-long", detail: `${what} of more than ${limit} characters` });
  if (program.length > policy.maxProgramCharacters) return tooLong("a program", policy.maxProgramCharacters);
  if ([program, ...inputs].some((text) => Buffer.byteLength(text) > sourceBytes)) {
    return { reason: "too-long", detail: `a text of more than ${sourceBytes} bytes` };
  }
  if (inputs.some((input) => input.length > policy.maxInputCharacters)) return tooLong("an input", policy.maxInputCharacters);
  if (message.length > policy.maxMessageCharacters) return tooLong("a message", policy.maxMessageCharacters);
  if (inputs.some((input) => input === "")) return { reason: "bad-input", detail: "an input is empty" };
  return null;
}

function checkWords(program: string, words: string[]): Rejection | null {
  const word = words.find((banned) => new RegExp(`(?<![\\w.])${banned.replace(/[^\w]/g, "\\$&")}(?!\\w)`).test(program));
  return word === undefined ? null : { reason: "banned", detail: `the word ${word}` };
}

/** `helpers`: functions that the proposal was given, which do not count as its own. */
function checkAnalysis(analysis: AnalyseResult, policy: Policy, helpers = 0): Rejection | null {
  const entry = checkEntry(analysis.entry);
  if (entry !== null) return { reason: "no-entry-function", detail: entry };
  const functions = analysis.functions.length - helpers;
  if (policy.rejectSeveralFunctions && functions > 1) {
    return { reason: "several-functions", detail: `defines ${functions} functions` };
  }
  const [finding] = safetyReport(analysis, { modules: policy.bannedModules, names: policy.bannedNames });
  return finding === undefined ? null : { reason: "banned", detail: `line ${finding.line}: ${finding.what}` };
}

const binders: Record<EntryBinding["how"], string> = {
  def: "a def",
  "async def": "an async def",
  "nested def": "a def inside of another statement",
  class: "a class",
  import: "an import",
  assignment: "an assignment",
  del: "a del",
};

/** Why these bindings make no entry function: there has to be one binding, and it a plain def among the module's own statements. */
function checkEntry(bindings: readonly EntryBinding[]): string | null {
  if (bindings.length === 0) return "defines no function f";
  const at = bindings.findIndex(({ how }, index) => index > 0 || how !== "def");
  if (at < 0) return null;
  const { how, line } = bindings[at]!;
  return `line ${line}: f is bound ${at > 0 ? "again, " : ""}by ${binders[how]}`;
}
