// Writes a line to a stream and waits while its reader is slow; a reader that has left is no error. json-lines.ts and the command
// line write through here.

import type { Writable } from "node:stream";

/** Resolves when the stream takes more, or is closed. */
export async function writeLine(stream: Writable, line: string): Promise<void> {
  if (stream.destroyed || stream.writableEnded || stream.write(`${line}\n`)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
}
