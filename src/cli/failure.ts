// How a failure is told: always the same five parts on standard error (what failed, why, what was tried, what to do, where to read
// more), or with --json the same as one JSON object. Used by main.ts for every error that leaves a command.

import { AzrError, errorExitCodes } from "../errors.ts";
import type { AzrErrorCode } from "../errors.ts";

export interface Failure {
  code: AzrErrorCode;
  what: string;
  why: string[];
  tried: string[];
  do: string[];
  more: string[];
  exitCode: number;
}

const moreFor: [RegExp, string][] = [
  [/TORCH|ADDON|DEVICE|EXECUTOR_UNAVAILABLE/, "npx azr doctor"],
  [/CONFIG/, "npx azr train --help"],
  [/INTERNAL/, "This is a fault of absolute-zero: please report it with the lines above."],
];

/** The parts of any thrown value. Values that are not AzrErrors are faults of this package and come with their stack. */
export function describeFailure(thrown: unknown): Failure {
  const error = AzrError.isInstance(thrown) ? thrown : internal(thrown);
  const details = error.details ?? {};
  const why: string[] = [];
  for (let cause = error.cause; cause !== undefined && cause !== null && why.length < 5; cause = (cause as { cause?: unknown }).cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    // A message often quotes its cause already.
    if (!error.message.includes(text)) why.push(text);
  }
  if (typeof details["why"] === "string") why.unshift(details["why"]);
  if (!AzrError.isInstance(thrown) && thrown instanceof Error && thrown.stack !== undefined) why.push(thrown.stack);
  if (why.length === 0) why.push("the line above says it all");
  const attempts = Array.isArray(details["attempts"]) ? (details["attempts"] as { source?: unknown; result?: unknown }[]) : [];
  const more = moreFor.filter(([pattern]) => pattern.test(error.code)).map(([, text]) => text);
  return {
    code: error.code,
    what: error.message,
    why,
    tried: attempts.map(({ source, result }) => `${String(source)}: ${String(result)}`),
    do: [error.hint ?? "Correct the command's arguments and run it again."],
    more: more.length > 0 ? more : ["npx azr --help"],
    exitCode: error.exitCode ?? errorExitCodes[error.code] ?? errorExitCodes.AZR_INTERNAL,
  };
}

/** The five parts as text for people. */
export function failureText(failure: Failure): string {
  const { code, what, why, tried, more } = failure;
  const list = (items: string[]): string[] => items.flatMap((item) => item.split("\n").map((line) => `  ${line}`));
  const lines = [
    `${code}: ${what}`,
    "why:",
    ...list(why),
    "tried:",
    ...(tried.length === 0 ? ["  nothing else: there is no second way to do this"] : list(tried.map((attempt, index) => `${index + 1}. ${attempt}`))),
    "do:",
    ...list(failure.do),
    "more:",
    ...list(more),
  ];
  return `${lines.join("\n")}\n`;
}

/** The same as one line of JSON. */
export function failureJson(failure: Failure): string {
  return `${JSON.stringify({ type: "error", ...failure })}\n`;
}

function internal(thrown: unknown): AzrError {
  if (thrown instanceof Error && thrown.name === "AbortError") return new AzrError("AZR_ABORTED", "The command was aborted.", { hint: "Run it again." });
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new AzrError("AZR_INTERNAL", message, { hint: "Run `npx azr doctor`; if all is well there, report this.", cause: undefined });
}
