// What exec, verify and score have in common: a JSONL file in, one line of JSON out for each good line, a word on standard error for
// each bad one, and exit code 1 at the end when there were any.

import { createReadStream, statSync } from "node:fs";
import { once } from "node:events";
import { resolve } from "node:path";
import { AzrError } from "../errors.ts";
import type { JsonlSource } from "../jsonl.ts";
import { printJson, say } from "./context.ts";
import type { CliContext } from "./context.ts";
import { slowLine } from "./slow-line.ts";
import { stoppable } from "./stop.ts";

/** What a library call of this family takes. */
export interface JsonlWork<Answer> {
  source: JsonlSource;
  onAnswer(answer: Answer): Promise<void>;
  onBadLine(bad: { line: number; error: string }): void;
  signal: AbortSignal;
}

/** Opens the input: a path, or `-` for standard input. Throws AZR_INPUT_INVALID when the file cannot be read. */
export async function openInput(context: CliContext, file: string): Promise<AsyncIterable<Uint8Array | string>> {
  if (file === "-") return process.stdin;
  const path = resolve(context.cwd, file);
  const stream = createReadStream(path);
  try {
    await once(stream, "open");
    if (statSync(path).isDirectory()) throw new Error(`${path} is a folder`);
  } catch (cause) {
    throw new AzrError("AZR_INPUT_INVALID", `The input ${file} cannot be read.`, { hint: "Give the path of a JSONL file, or - for standard input.", cause });
  }
  return stream;
}

/** Runs the work over the input and sets the exit code. */
export async function runJsonl<Answer>(
  context: CliContext,
  { jsonl, json, model }: { jsonl: string; json?: boolean; model?: string },
  work: (job: JsonlWork<Answer>) => Promise<{ answered: number; badLines: number }>,
): Promise<void> {
  const source = await openInput(context, jsonl);
  const start = performance.now();
  await stoppable(context, json === true, async (signal) => {
    using progress = slowLine(context, model === undefined ? "starting Python" : `opening ${model}`, { json });
    let done = 0;
    const { answered, badLines } = await work({
      source,
      signal,
      onAnswer: (answer) => {
        progress.erase();
        progress.tell(`${(done += 1)} answered`);
        return printJson(context, answer);
      },
      onBadLine: ({ line, error }) => {
        progress.erase();
        say(context, json === true ? JSON.stringify({ type: "bad-line", file: jsonl, line, error }) : `${jsonl}:${line}: ${error}`);
      },
    });
    progress.erase();
    if (badLines > 0) context.exitCode = 1;
    const seconds = (performance.now() - start) / 1000;
    if (json === true) return say(context, JSON.stringify({ type: "summary", answered, badLines, seconds, perSecond: answered / seconds }));
    const bad = badLines === 0 ? "" : `, ${badLines} bad ${badLines === 1 ? "line" : "lines"} left out`;
    say(context, `${answered} answered in ${seconds.toFixed(1)} s (${(answered / seconds).toFixed(answered < 10 * seconds ? 1 : 0)}/s)${bad}`);
  });
}
