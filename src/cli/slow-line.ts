// What a command is doing while it shows nothing else: after two seconds one line that is rewritten in place on a terminal, a line every
// ten seconds elsewhere, nothing with --json. Progress that a command has of its own (model-progress.ts, sinks/terminal.ts) takes its place.

import { isLive } from "../sinks/terminal.ts";
import type { CliContext } from "./context.ts";

export interface SlowLine extends Disposable {
  /** Says what is done from now on. */
  tell(text: string): void;
  /** Takes the line away before something else is written; it comes back by itself. */
  erase(): void;
}

export interface SlowLineOptions {
  json?: boolean | undefined;
  /** Milliseconds; for tests. */
  patience?: { live: number; plain: number };
}

// Paths are told apart by their ends.
function shortened(text: string, room: number): string {
  if (text.length <= room) return text;
  const head = Math.min(10, Math.max(0, room - 3));
  return `${text.slice(0, head)}...${text.slice(text.length - Math.max(0, room - 3 - head))}`;
}

/** Begins to watch over work that may take long. End it by disposing. */
export function slowLine(context: Pick<CliContext, "stderr" | "env">, text: string, { json = false, patience = { live: 2000, plain: 10_000 } }: SlowLineOptions = {}): SlowLine {
  const { stderr } = context;
  const live = isLive(stderr, context.env);
  const begun = Date.now();
  let said = begun;
  let shown = false;
  const erase = (): void => {
    if (shown) stderr.write("\r\u001b[2K");
    shown = false;
  };
  const tick = (): void => {
    const now = Date.now();
    const seconds = ` ... ${Math.round((now - begun) / 1000)} s`;
    const line = `${text}${seconds}`;
    if (live && now - begun >= patience.live) {
      erase();
      stderr.write(`${shortened(text, (stderr.columns ?? 100) - 1 - seconds.length)}${seconds}`);
      shown = true;
    } else if (!live && now - said >= patience.plain) {
      stderr.write(`${line}\n`);
      said = now;
    }
  };
  const timer = json ? undefined : setInterval(tick, Math.min(1000, live ? patience.live : patience.plain));
  timer?.unref();
  return {
    tell(next) {
      text = next;
    },
    erase,
    [Symbol.dispose]() {
      clearInterval(timer);
      erase();
    },
  };
}
