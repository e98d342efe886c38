// What a command may touch of the outside world, so that tests can run commands in the same process: streams, environment, folder,
// signals. main.ts makes the real one.

import type { Writable } from "node:stream";
import { writeLine } from "../sinks/write-line.ts";

/** Signals that stop a command. */
export type StopSignal = "SIGINT" | "SIGTERM";

export interface CliContext {
  /** Results. */
  stdout: Writable & { columns?: number };
  /** Progress, warnings and failures. */
  stderr: Writable & { isTTY?: boolean; columns?: number };
  env: Record<string, string | undefined>;
  cwd: string;
  /** Whether questions may be asked, and how; absent when nobody is there to answer. */
  ask?: (question: string) => Promise<string>;
  /** Makes sure that the native parts are there, when a command is about to need them; absent where they are somebody else's concern. */
  prepare?: (log: (line: string) => void) => Promise<void>;
  /** Calls back for each stop signal; the returned function ends that. */
  onSignal(callback: (signal: StopSignal) => void): () => void;
  /** Ends the process at once; absent where it is not the command's own. */
  quit?: (exitCode: number) => void;
  /** Commands set it for partial failures; thrown errors bring their own. */
  exitCode: number;
}

/** Writes a line of results; waits while the reader is slow. */
export function print({ stdout }: CliContext, text: string): Promise<void> {
  return writeLine(stdout, text);
}

/** Writes an object as one line of JSON to the results. */
export function printJson(context: CliContext, value: unknown): Promise<void> {
  return print(context, JSON.stringify(value));
}

/** Writes a line of progress. */
export function say({ stderr }: CliContext, text: string): void {
  stderr.write(`${text}\n`);
}
