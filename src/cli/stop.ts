// Ctrl-C and SIGTERM. A run gets two chances: the first signal asks it to finish its step and save, the second aborts; after
// SIGTERM the second comes by itself when the grace is over. Short commands abort at once.

import { AzrError } from "../errors.ts";
import { say } from "./context.ts";
import type { CliContext, StopSignal } from "./context.ts";

/** Exit codes by the signal that ended a command. */
export const signalExitCodes: Record<StopSignal, number> = { SIGINT: 130, SIGTERM: 143 };

export interface StopWatch {
  /** Fires for the second signal (or the first when there is no graceful way). */
  signal: AbortSignal;
  /** The first signal that came, or null. */
  readonly received: StopSignal | null;
  /** Stops listening. */
  dispose(): void;
}

export interface StopOptions {
  /** The graceful way: called once, for the first signal. False says that there is nothing to finish, and aborts at once. */
  onStop?: (signal: StopSignal) => boolean;
  /** Seconds from SIGTERM to the abort. */
  graceSeconds?: number;
  /** No words on standard error. */
  quiet?: boolean;
}

/** Listens for stop signals until disposed. */
export function watchStop(context: CliContext, { onStop, graceSeconds = 60, quiet = false }: StopOptions = {}): StopWatch {
  const controller = new AbortController();
  let received: StopSignal | null = null;
  let timer: NodeJS.Timeout | undefined;
  const abort = (reason: string): void => controller.abort(new AzrError("AZR_ABORTED", reason, { hint: "Run the command again." }));
  const tell = (text: string): void => {
    if (!quiet) say(context, `\n${text}`);
  };
  const remove = context.onSignal((signal) => {
    const first = received === null;
    received ??= signal;
    if (!first || onStop === undefined || !onStop(signal)) {
      tell("aborting ...");
      abort(`Aborted by ${signal}.`);
      return;
    }
    tell(
      signal === "SIGINT"
        ? "finishing this step and saving; press Ctrl-C again to abort"
        : `finishing this step and saving; aborting in ${graceSeconds} s if that takes longer`,
    );
    if (signal === "SIGTERM") timer = setTimeout(() => abort(`Aborted: the step took longer than the grace of ${graceSeconds} s.`), graceSeconds * 1000);
  });
  return {
    signal: controller.signal,
    get received() {
      return received;
    },
    dispose() {
      clearTimeout(timer);
      remove();
    },
  };
}

/** Runs short work that a stop signal aborts; such an end gives the signal's exit code and no failure text. A second signal does not wait for it. */
export async function stoppable(context: CliContext, quiet: boolean, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = watchStop(context, { quiet });
  let signals = 0;
  const remove = context.onSignal((signal) => {
    if ((signals += 1) > 1) context.quit?.(signalExitCodes[signal]);
  });
  try {
    await work(stop.signal);
  } catch (error) {
    if (stop.received === null) throw error;
    context.exitCode = signalExitCodes[stop.received];
  } finally {
    remove();
    stop.dispose();
  }
}
