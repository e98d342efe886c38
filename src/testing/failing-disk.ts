// A disk that breaks: the real one up to a given number of written bytes, then a full disk, or the end of the process.
import { type Disk, diskFault, nodeDisk } from "../run/disk.ts";

export interface FailingDiskOptions {
  /** Bytes that can still be written. */
  bytes: number;
  /** `full`: writes fail, all else works. `dead`: from the first failure on nothing works any more, as after a kill. */
  as: "full" | "dead";
}

/** The bytes that fit are written before the failure: files are cut off in the middle of a line. */
export function failingDisk({ bytes, as }: FailingDiskOptions): Disk & { failed(): boolean } {
  let left = bytes;
  let failed = false;
  const full = (path: string) => diskFault("write", path, Object.assign(new Error("no space left on device"), { code: "ENOSPC" }));
  const alive = (path: string) => {
    if (failed && as === "dead") throw full(path);
  };
  async function write(path: string, content: Uint8Array, to: (part: Uint8Array) => Promise<void>): Promise<void> {
    alive(path);
    const fitting = Math.max(0, Math.min(left, content.length));
    left -= content.length;
    await to(content.subarray(0, fitting));
    if (fitting === content.length) return;
    failed = true;
    throw full(path);
  }
  const guarded = <Arguments extends [string, ...unknown[]], Result>(operation: (...values: Arguments) => Promise<Result>) =>
    async (...values: Arguments) => {
      alive(values[0]);
      return operation(...values);
    };
  return {
    failed: () => failed,
    makeFolder: guarded(nodeDisk.makeFolder),
    claimFolder: guarded(nodeDisk.claimFolder),
    rename: guarded(nodeDisk.rename),
    remove: guarded(nodeDisk.remove),
    syncFolder: guarded(nodeDisk.syncFolder),
    writeFile: (path, content) => write(path, content, (part) => nodeDisk.writeFile(path, part)),
    async openLog(path, size) {
      alive(path);
      const file = await nodeDisk.openLog(path, size);
      return { write: (content) => write(path, content, file.write), sync: guarded(async (_: string) => file.sync()).bind(undefined, path), close: file.close };
    },
  };
}
