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
    const line = `${text} ... ${Math.round((now - begun) / 1000)} s`;
    if (live && now - begun >= patience.live) {
      erase();
      stderr.write(line.slice(0, (stderr.columns ?? 100) - 1));
      shown = true;
    } else if (!live && now - said >= patience.plain) {
      stderr.write(`${line}\n`);
      said = now;
    }
  };
  const timer = json ? undefined : setInterval(tick, Math.min(500, live ? patience.live : patience.plain));
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
