// Writes each event as one line of JSON: what `--json` prints. A slow reader slows the run down instead of filling memory.

import { once } from "node:events";
import type { Writable } from "node:stream";
import type { RunEvent, Sink } from "../events.ts";

/** A sink over a stream, normally standard output. `keep` chooses events; by default all are written. */
export function jsonLinesSink(stream: Writable, keep: (event: RunEvent) => boolean = () => true): Sink {
  return {
    async write(event) {
      if (!keep(event) || stream.destroyed) return;
      if (!stream.write(`${JSON.stringify(event)}\n`)) await Promise.race([once(stream, "drain"), once(stream, "close")]);
    },
  };
}
