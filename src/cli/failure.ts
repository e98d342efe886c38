// How a failure is told: always the same five parts on standard error (what failed, why, what was tried, what to do, where to read
// more), or with --json the same as one JSON object. Used by main.ts for every error that leaves a command.

import { AzrError } from "../errors.ts";
import type { AzrErrorCode } from "../errors.ts";

export interface Failure {
  code: AzrErrorCode;
  what: string;
  why: string[];
  tried: string[];
  do: string[];
  more: string[];
  exitCode: number;
  /** Where it was raised, and where each cause was; only with --verbose. */
  stack?: string[];
}

const moreFor: [RegExp, string][] = [
  [/TORCH|ADDON|DEVICE|EXECUTOR_UNAVAILABLE/, "npx azr doctor"],
  [/INTERNAL/, "This is a fault of absolute-zero: please report it with what the same command says with --verbose."],
];

/** What an error without a cause of its own means, by exit code. */
const usualReasons: Record<number, string> = {
  2: "what was given to the command cannot be used",
  3: "the machine lacks something that the engine needs",
  4: "the device cannot do this",
  5: "a file or folder is not what the command needs",
  6: "the locked Python process did not do its work",
  7: "the numbers of the training went out of range",
  8: "a rule of oversight is set to end the run on what it found",
  9: "a rule of oversight is set to have what it found looked at first",
  130: "it was told to stop",
};

/** The parts of any thrown value, of a command where it is known. Values that are not AzrErrors are faults of this package. */
export function describeFailure(thrown: unknown, { verbose = false, command = "" }: { verbose?: boolean; command?: string } = {}): Failure {
  const error = AzrError.isInstance(thrown) ? thrown : internal(thrown);
  const details = error.details ?? {};
  const why: string[] = [];
  for (let cause = error.cause; cause !== undefined && cause !== null && why.length < 5; cause = (cause as { cause?: unknown }).cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    // A message often quotes its cause already.
    if (!error.message.includes(text)) why.push(text);
  }
  if (typeof details["why"] === "string") why.unshift(details["why"]);
  if (why.length === 0) why.push(usualReasons[error.exitCode] ?? "no deeper cause is known");
  const attempts = Array.isArray(details["attempts"]) ? (details["attempts"] as { source?: unknown; result?: unknown }[]) : [];
  const help = `npx azr ${command === "" || error.hint?.startsWith(`npx azr ${command}`) ? "" : `${command} `}--help`;
  const more = moreFor.filter(([pattern]) => pattern.test(error.code)).map(([, text]) => text);
  return {
    code: error.code,
    what: error.message,
    why,
    tried: attempts.map(({ source, result }) => `${String(source)}: ${String(result)}`),
    do: [error.hint ?? "Correct the command's arguments and run it again."],
    more: more.length > 0 ? more : [help],
    exitCode: error.exitCode,
    ...(verbose ? { stack: stacks(thrown) } : {}),
  };
}

function stacks(thrown: unknown): string[] {
  const found: string[] = [];
  for (let error = thrown; error instanceof Error && found.length < 5; error = error.cause) found.push(error.stack ?? error.message);
  return found;
}

/** The five parts as text for people. */
export function failureText(failure: Failure): string {
  const { code, what, why, tried, more } = failure;
  const part = (label: string, items: string[]): string[] =>
    items.flatMap((item) => item.split("\n")).map((line, index) => `  ${(index === 0 ? `${label}:` : "").padEnd(7)}${line}`);
  const lines = [
    `${code}: ${what}`,
    ...part("why", why),
    ...part("tried", tried.length === 0 ? ["nothing else"] : tried.map((attempt, index) => `${index + 1}. ${attempt}`)),
    ...part("do", failure.do),
    ...part("more", more),
    ...part("stack", failure.stack ?? []),
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
  return new AzrError("AZR_INTERNAL", message, { hint: "Run `npx azr doctor`; if all is well there, report this." });
}
