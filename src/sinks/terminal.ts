// What a person sees of a run: one line that is rewritten in place on a terminal, sparse plain lines elsewhere (logs, pipes, CI).
// Warnings and checkpoints get lines of their own. Writes to standard error, so results on standard output stay clean.

import type { OversightFinding, RunEvent, Sink } from "../events.ts";
import { summarise } from "./step-summary.ts";
import type { StepSummary } from "./step-summary.ts";
import { visible } from "./visible.ts";

export interface TerminalSinkOptions {
  stream: { write(text: string): unknown; columns?: number };
  /** Rewrite one line in place. Choose it with `isLive`. */
  live: boolean;
  /** Wall seconds that the run may take; caps the time left. 0 = none. */
  budgetSeconds?: number;
  /** Milliseconds; for tests. */
  now?: () => number;
}

/** Most often that plain lines are printed, in milliseconds. */
const plainEvery = 10_000;

/** Whether a stream is a terminal on which a line may be rewritten: not in CI, not on a dumb terminal. */
export function isLive(stream: { isTTY?: boolean }, env: Record<string, string | undefined>): boolean {
  return stream.isTTY === true && !env["CI"] && env["TERM"] !== "dumb";
}

/** A sink that shows the run on a terminal or in a log. */
export function terminalSink({ stream, live, budgetSeconds = 0, now = Date.now }: TerminalSinkOptions): Sink {
  const take = summarise({ budgetSeconds });
  let shown = false;
  let lastPlain = Number.NEGATIVE_INFINITY;
  let latest: StepSummary | null = null;
  let printed = 0;
  const erase = (): string => (shown ? "\r\u001b[2K" : "");
  const line = (text: string): void => {
    stream.write(`${erase()}${text}\n`);
    shown = false;
  };
  const plain = (summary: StepSummary): void => {
    line(formatSummary(summary));
    lastPlain = now();
    printed = summary.step;
  };
  return {
    write(event: RunEvent) {
      const summary = take(event);
      if (summary !== null) {
        latest = summary;
        if (live) {
          // A line as wide as the terminal would wrap and could not be rewritten.
          const room = (stream.columns ?? 100) - 1;
          stream.write(`${erase()}${formatSummary(summary, room).slice(0, room)}`);
          shown = true;
        } else if (now() - lastPlain >= plainEvery) plain(summary);
        return;
      }
      if (event.type === "run-start") {
        const done = event.resumedFrom !== null && event.resumedFrom >= event.steps;
        const from = event.resumedFrom === null ? "" : done ? ", all done already" : `, going on from step ${event.resumedFrom}`;
        line(`${event.model}: ${(event.parameters / 1e6).toFixed(1)} million parameters, seed ${event.seed}, ${event.steps} ${event.steps === 1 ? "step" : "steps"}${from}`);
        line(`run folder: ${event.dir}`);
      }
      if (event.type === "oversight-finding") line(findingText(event));
      if (event.type === "task-quarantined") line(`quarantined by ${event.rule}: ${event.removed.length} tasks left the buffers, ${event.leftOut} completions the update`);
      if (event.type === "run-paused") line(`paused for a review: ${event.findings.map(({ rule }) => rule).join(", ")}`);
      if (event.type === "probe-end") line(`probes: ${Object.entries(event.metrics).map(([name, value]) => `${name.replace("probe/", "")} ${value.toFixed(2)}`).join(", ")}`);
      if (event.type === "warning") line(`warning: ${event.message}`);
      if (event.type === "run-end") {
        // The last step always leaves its line behind.
        if (latest !== null && printed !== latest.step) plain(latest);
        // A failure is told by whoever waits for the run.
        if (event.status === "stopped" || event.status === "out-of-time" || event.status === "paused") line(`${event.status === "out-of-time" ? "time is up" : `run ${event.status}`} after step ${event.step}`);
      }
    },
    close() {
      if (shown) stream.write("\n");
      shown = false;
    },
  };
}

/** What was found, and the first place where. Control characters of a model's text must not reach a terminal. */
function findingText({ rule, action, message, examples: [first] }: OversightFinding): string {
  const quoted = first === undefined ? "" : `: "${visible(first.text)}"`;
  return `oversight, ${rule} (${action}): ${visible(message)}${quoted}`;
}

/** The line of a step, in at most `columns` characters where that can be had: on a narrow terminal parts are left out, the time left last of all. */
export function formatSummary(summary: StepSummary, columns = Number.POSITIVE_INFINITY): string {
  const { step, steps, rewards, solveRate, acceptRate, rejected, contradicted, tokensPerSecond, losses, secondsLeft } = summary;
  const signed = (value: number | null): string => (value === null ? "  -  " : `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(2)}`);
  const percent = (value: number | null): string => (value === null ? " - " : `${Math.round(value * 100)}%`.padStart(3));
  const selfPlay = [
    `reward propose ${signed(rewards.propose)} solve ${signed(rewards.solve)}`,
    `accepted ${percent(acceptRate)}${rejected === null ? "" : ` (${rejected.reason} ${percent(rejected.share).trim()})`}`,
    `solved ${percent(solveRate)}`,
  ];
  const supervised = losses && [`loss ${losses.trained.toFixed(4)}`, ...(losses.heldOut === null ? [] : [`held out ${losses.heldOut.toFixed(4)}`])];
  const parts = [
    `step ${String(step).padStart(String(steps).length)}/${steps}`,
    ...(supervised ?? selfPlay),
    ...(contradicted > 0 ? [`${contradicted} ${contradicted === 1 ? "task" : "tasks"} contradicted`] : []),
    `${formatRate(tokensPerSecond)} tokens/s`,
    `${formatDuration(secondsLeft)} left`,
  ];
  while (parts.length > 2 && parts.join("  ").length > columns) parts.splice(-2, 1);
  return parts.join("  ");
}

function formatRate(value: number): string {
  return value >= 10_000 ? `${(value / 1000).toFixed(1)}k` : String(Math.round(value));
}

/** 75 -> "1:15", 3700 -> "1:01:40". */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
