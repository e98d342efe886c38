// An append-only file of JSON lines whose length is known at all times, so that a checkpoint can record it and a resumed run can
// cut the file back to it. Lines gather in memory; flushes that come while one is being written share the next write.
import type { Disk } from "./disk.ts";

export interface AppendLog {
  /** Adds one line; it reaches the file with the next flush. */
  append(record: unknown): void;
  /** Resolves when every line appended so far is in the file (not necessarily on the platter). */
  flush(): Promise<void>;
  /** Flushes and syncs to the disk. */
  sync(): Promise<void>;
  /** Bytes in the file, lines not yet flushed left out. */
  readonly size: number;
  close(): Promise<void>;
}

/**
 * Opens a log for appending after its first `size` bytes; what follows them is dropped.
 * @throws AzrError AZR_RUN_FOLDER here and from every method
 */
export async function openAppendLog(disk: Disk, path: string, size: number): Promise<AppendLog> {
  const file = await disk.openLog(path, size);
  let written = size;
  let pending: string[] = [];
  let inFlight: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  async function writePending(): Promise<void> {
    next = undefined;
    if (pending.length === 0) return;
    const bytes = Buffer.from(pending.join(""));
    pending = [];
    await file.write(bytes);
    written += bytes.length;
  }
  function flush(): Promise<void> {
    if (pending.length === 0 && next === undefined) return inFlight;
    // A failed write stays the answer of every later flush: half a line may be in the file, and more must not follow it.
    next ??= inFlight = inFlight.then(writePending);
    return next;
  }
  return {
    append: (record) => void pending.push(`${JSON.stringify(record)}\n`),
    flush,
    async sync() {
      await flush();
      await file.sync();
    },
    get size() {
      return written;
    },
    async close() {
      try {
        await flush();
      } finally {
        await file.close();
      }
    },
  };
}
