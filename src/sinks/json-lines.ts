// Writes each event as one line of JSON: what `--json` prints. A slow reader slows the run down instead of filling memory.

import type { Writable } from "node:stream";
import type { RunEvent, Sink } from "../events.ts";
import { writeLine } from "./write-line.ts";

/** A sink over a stream, normally standard output. `keep` chooses events; by default all are written. */
export function jsonLinesSink(stream: Writable, keep: (event: RunEvent) => boolean = () => true): Sink {
  return {
    write: (event) => (keep(event) ? writeLine(stream, JSON.stringify(event)) : undefined),
  };
}
