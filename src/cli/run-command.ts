// Drives a training run for train, resume and demo: its events to the right stream, the two-stage stop, and the command that resumes
// it as the last line when it ends before its time.

import { errorExitCodes } from "../errors.ts";
import type { RunEvent, RunStatus, Sink } from "../events.ts";
import { jsonLinesSink } from "../sinks/json-lines.ts";
import { isLive, terminalSink } from "../sinks/terminal.ts";
import type { Run } from "../train.ts";
import { say } from "./context.ts";
import type { CliContext } from "./context.ts";
import { slowLine } from "./slow-line.ts";
import { signalExitCodes, watchStop } from "./stop.ts";

export interface RunCommandOptions {
  json: boolean;
  /** Seconds from SIGTERM to the abort. */
  grace: number;
  /** Wall seconds that the run may take, for the time left; 0 = no limit. */
  budgetSeconds?: number;
  /** False when the work tells itself what it does before the run begins. */
  tellOpening?: boolean;
  /** Arguments of azr that go on where the command was cut off: before the run's end (null), or after an end of this status. */
  resumeWith?: (dir: string, end: RunStatus | null) => string[] | null;
}

/** What the work hands on to the library. */
export interface RunWatch {
  sinks: Sink[];
  signal: AbortSignal;
  onRun(run: Pick<Run, "stop">): void;
}

/** Runs the work; a run that ends before its time, by a signal or a failure, tells how to resume it. */
export async function runCommand(context: CliContext, options: RunCommandOptions, work: (watch: RunWatch) => Promise<void>): Promise<void> {
  const { json, grace, budgetSeconds = 0, tellOpening = true, resumeWith = resumption } = options;
  let run: Pick<Run, "stop"> | null = null;
  let dir: string | null = null;
  let ended = false;
  let end: RunStatus | null = null;
  let cutOff = false;
  const stop = watchStop(context, {
    graceSeconds: grace,
    quiet: json,
    onStop() {
      // After the run there is no step to finish.
      if (!ended) stopRun(run);
      return !ended;
    },
  });
  const opening = slowLine(context, "opening the model and the run", { json: json || !tellOpening });
  const first: Sink = { write: () => opening[Symbol.dispose]() };
  const notes: Sink = {
    write(event: RunEvent) {
      if (event.type === "run-start") dir = event.dir;
      if (event.type !== "run-end") return;
      ended = true;
      if (event.status === "finished" || event.status === "out-of-time" || event.status === "paused") end = event.status;
    },
  };
  const face = json
    ? jsonLinesSink(context.stdout)
    : terminalSink({ stream: context.stderr, live: isLive(context.stderr, context.env), budgetSeconds });
  try {
    await work({
      sinks: [first, face, notes],
      signal: stop.signal,
      onRun(started) {
        run = started;
        // A signal may have come before there was a run.
        if (stop.received !== null) stopRun(started);
      },
    });
  } catch (error) {
    cutOff = true;
    if (stop.received === null) throw error;
  } finally {
    opening[Symbol.dispose]();
    const paused = end === "paused";
    const args = dir !== null && (cutOff || end === null || paused) ? resumeWith(dir, end) : null;
    if (args !== null) tellResume(context, args, json);
    if (paused) context.exitCode = errorExitCodes.AZR_REVIEW_NEEDED;
    if (stop.received !== null) context.exitCode = signalExitCodes[stop.received];
    stop.dispose();
  }
}

/** A paused run goes on when somebody has looked. */
function resumption(dir: string, end: RunStatus | null): string[] | null {
  if (end === "paused") return ["resume", dir, "--reviewed"];
  return end === null ? ["resume", dir] : null;
}

/** Asks for an orderly end. A failure on the way is the run's result and is told there. */
function stopRun(run: Pick<Run, "stop"> | null): void {
  run?.stop().catch(() => undefined);
}

function tellResume(context: CliContext, args: string[], json: boolean): void {
  const command = ["npx azr", ...args.map(quote)].join(" ");
  say(context, json ? JSON.stringify({ type: "resume", command }) : `resume with: ${command}`);
}

/** A path as one word for a shell. */
export function quote(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
