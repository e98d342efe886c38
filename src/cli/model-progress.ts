// Shows the download of a model: one line that is rewritten in place on a terminal, a line now and then elsewhere, nothing with --json.
// `fetchModel` brings a model of the hub into the cache before a command opens it, so that every command shows it alike.

import { resolveModel } from "../open-model.ts";
import type { ModelProgress, OnModelProgress } from "../open-model.ts";
import { isLive } from "../sinks/terminal.ts";
import type { CliContext } from "./context.ts";

/** Most often that plain lines are printed, in milliseconds. */
const plainEvery = 10_000;
/** Downloads below this are not announced. */
const announceFrom = 100e6;

export interface ModelProgressOptions {
  stream: { write(text: string): unknown; columns?: number };
  /** Rewrite one line in place. */
  live: boolean;
  /** Milliseconds; for tests. */
  now?: () => number;
}

/** Bytes as people say them. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : 1)} ${units[power]}`;
}

function timeText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function progressText({ file, done, bytes, bytesPerSecond, secondsLeft }: Extract<ModelProgress, { type: "download" }>): string {
  const rate = bytesPerSecond > 0 ? `, ${bytesText(bytesPerSecond)}/s` : "";
  return `${file}: ${bytesText(done)} of ${bytesText(bytes)}${rate}${secondsLeft === undefined || done === bytes ? "" : `, ${timeText(secondsLeft)} left`}`;
}

/** A listener that shows what it is told. `end` finishes a line that is being rewritten. */
export function modelProgressLine({ stream, live, now = Date.now }: ModelProgressOptions): { onProgress: OnModelProgress; end(): void } {
  let shown = false;
  let last = now();
  const erase = (): string => (shown ? "\r\u001b[2K" : "");
  const line = (text: string): void => {
    stream.write(`${erase()}${text}\n`);
    shown = false;
    last = now();
  };
  return {
    onProgress(progress) {
      if (progress.type === "note") return line(progress.message);
      if (progress.type === "waiting") return line(`waiting for process ${progress.pid}, which downloads ${progress.file} already`);
      if (progress.type === "plan") {
        if (progress.bytes >= announceFrom) line(`downloading ${bytesText(progress.bytes)} of ${progress.model} to ${progress.folder}`);
        return;
      }
      if (live) {
        const room = (stream.columns ?? 100) - 1;
        stream.write(`${erase()}${progressText(progress).slice(0, room)}`);
        shown = true;
      } else if (now() - last >= plainEvery) line(progressText(progress));
    },
    end() {
      if (shown) stream.write(erase());
      shown = false;
    },
  };
}

/** Finds a model, and downloads it when it is one of the hub; the command's own opening of it then asks nothing more. */
export async function fetchModel(context: CliContext, model: string, { json = false, signal }: { json?: boolean | undefined; signal: AbortSignal }): Promise<void> {
  await watchModel(context, json, (onProgress) => resolveModel(model, { signal, onProgress }));
}

/** Runs work that may download a model, and shows that. */
export async function watchModel<Result>(context: CliContext, json: boolean, work: (onProgress: OnModelProgress) => Promise<Result>): Promise<Result> {
  if (json) return work(() => undefined);
  const line = modelProgressLine({ stream: context.stderr, live: isLive(context.stderr, context.env) });
  try {
    return await work(line.onProgress);
  } finally {
    line.end();
  }
}
