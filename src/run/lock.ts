// Keeps two processes out of one run folder: `run.lock` holds the owner's pid and when that process began, so that a lock left by
// a killed process (or by a pid since given to another) is recognised and taken over.
import { link, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AzrError } from "../errors.ts";
import { diskFault } from "./disk.ts";

export interface RunLock {
  release(): Promise<void>;
}

/** Clock tick at which a process began, from /proc; undefined when there is no such process. */
async function processStart(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The command name, in brackets, may hold spaces; the fields after it do not. Field 22 of the line is the start time.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

const contents = (path: string): Promise<string | undefined> => readFile(path, "utf8").catch(() => undefined);

/**
 * Takes the lock of a run folder.
 * @throws AzrError AZR_RUN_FOLDER when a living process holds it, or the folder cannot be written
 */
export async function lockRun(dir: string): Promise<RunLock> {
  const path = join(dir, "run.lock");
  const mine = `${path}.${process.pid}.${Math.floor(performance.now() * 1000)}`;
  try {
    await writeFile(mine, `${process.pid} ${(await processStart(process.pid)) ?? ""}\n`);
  } catch (cause) {
    throw diskFault("write", path, cause);
  }
  try {
    for (let attempt = 0; attempt < 20; attempt++) {
      try {
        // A hard link appears whole or not at all, and fails when the name is taken.
        await link(mine, path);
        return { release: () => unlink(path).catch(() => undefined) };
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw diskFault("lock", path, cause);
      }
      const holder = await contents(path);
      if (holder === undefined) continue;
      const [pid, start] = holder.trim().split(" ");
      if (start !== undefined && (await processStart(Number(pid))) === start) {
        throw new AzrError("AZR_RUN_FOLDER", `The run in ${dir} is in use by process ${pid}`, {
          hint: "Wait for that process to end, or stop it; or give this run another name with --set run.name=NAME.",
          details: { pid: Number(pid) },
        });
      }
      // Left by a dead process. Move it aside first: if another process took it over in the meantime, we moved a living lock: put it back.
      const aside = `${mine}.stale`;
      await rename(path, aside).catch(() => undefined);
      const moved = await contents(aside);
      if (moved !== undefined && moved !== holder) await link(aside, path).catch(() => undefined);
      await unlink(aside).catch(() => undefined);
    }
    throw new AzrError("AZR_RUN_FOLDER", `The lock ${path} could not be taken`, { hint: "Remove the file if no process uses the run." });
  } finally {
    await unlink(mine).catch(() => undefined);
  }
}
