// The few file operations that a run folder is made of, each ending in what the operating system has promised to keep. Tests put
// a failing one in their place. Every fault leaves here as AZR_RUN_FOLDER with what to do about it.
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { AzrError } from "../errors.ts";

/** An open append-only file. */
export interface LogFile {
  /** Appends all bytes. */
  write(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  /** Makes a folder and those above it. */
  makeFolder(path: string): Promise<void>;
  /** Makes a new folder; false when something of that name exists. */
  claimFolder(path: string): Promise<boolean>;
  /** Writes a whole file and syncs it. */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Renames and syncs the folder that holds the new name. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a folder with all in it; no error when it is not there. */
  remove(path: string): Promise<void>;
  /** Opens a file for appending after its first `size` bytes and drops the rest. */
  openLog(path: string, size: number): Promise<LogFile>;
  /** Syncs a folder's entries. */
  syncFolder(path: string): Promise<void>;
}

/** The error for a failed file operation; an AzrError passes through. */
export function diskFault(action: string, path: string, cause: unknown): AzrError {
  if (AzrError.isInstance(cause)) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  const details = { path, errno: code };
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new AzrError("AZR_RUN_FOLDER", `The disk is full: could not ${action} ${path}`, {
      hint: "Free some space, then resume the run with `azr resume`; its last checkpoint is whole.",
      details,
      cause,
    });
  }
  if (["EACCES", "EPERM", "EROFS"].includes(code)) {
    return new AzrError("AZR_RUN_FOLDER", `No permission to ${action} ${path}`, {
      hint: "Choose a folder that you may write to: --set run.dir=PATH, or AZR_RUN_DIR.",
      details,
      cause,
    });
  }
  return new AzrError("AZR_RUN_FOLDER", `Could not ${action} ${path}: ${(cause as Error).message}`, {
    hint: "Check that the path is right and its disk is present, then resume the run with `azr resume`.",
    details,
    cause,
  });
}

async function guarded<Result>(action: string, path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    throw diskFault(action, path, cause);
  }
}

// Not mkdir's own `recursive`: where a folder's parent exists and still nothing can be made in it (/proc), Node 20 tries for ever.
async function makeFolders(path: string): Promise<void> {
  const parent = dirname(path);
  try {
    return await makeOne(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === path) throw error;
  }
  // The parent was missing a moment ago; somebody else may have made it since, so the second try counts.
  if (!(await stat(parent).then(() => true, () => false))) await makeFolders(parent);
  await makeOne(path);
}

/** A folder that is there already is fine. */
async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !(await stat(path)).isDirectory()) throw error;
  }
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The real disk. */
export const nodeDisk: Disk = {
  makeFolder: (path) => guarded("make the folder", path, () => makeFolders(path)),
  claimFolder: (path) =>
    guarded("make the folder", path, async () => {
      try {
        await mkdir(path);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
        throw error;
      }
    }),
  writeFile: (path, bytes) =>
    guarded("write", path, async () => {
      const handle = await open(path, "w");
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
    }),
  rename: (from, to) =>
    guarded("rename to", to, async () => {
      await rename(from, to);
      await syncPath(dirname(to));
    }),
  remove: (path) => guarded("remove", path, () => rm(path, { recursive: true, force: true })),
  openLog: (path, size) =>
    guarded("open", path, async () => {
      const handle = await open(path, "a");
      if ((await handle.stat()).size > size) await handle.truncate(size);
      return {
        write: (bytes) => guarded("write", path, () => handle.writeFile(bytes)),
        sync: () => guarded("sync", path, () => handle.sync()),
        close: () => guarded("close", path, () => handle.close()),
      };
    }),
  syncFolder: (path) => guarded("sync", path, () => syncPath(path)),
};

/** Replaces a file as a whole: whoever reads it sees the old bytes or the new, at any moment. */
export async function replaceFile(disk: Disk, path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await disk.writeFile(temporary, Buffer.from(bytes as Uint8Array));
  await disk.rename(temporary, path);
}
