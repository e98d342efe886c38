// Keeps two processes out of one run folder: `run.lock` holds the owner's pid, when that process began and where it runs, so that a lock left by
// a killed process (or by a pid since given to another) is recognised and taken over. Processes of other machines and containers cannot be looked
// at: the owner renews its lock, and one that was not renewed for a while counts as left.
import { readlinkSync } from "node:fs";
import { link, open, readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
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

const renewedEvery = 20; // seconds
const silence = 90;

/** What a pid means something in: a machine, and in it a space of process ids (containers have their own). */
function processSpace(): string {
  let space = "";
  try {
    space = readlinkSync("/proc/self/ns/pid");
  } catch {
    // Then the machine has to do.
  }
  return `${hostname()}/${space}`.replaceAll(/\s/g, "_");
}

/** Whether the owner of a lock is at work. `now` by the clock of the folder's disk, which may be another machine's. */
async function isHeld(path: string, holder: string, now: number): Promise<boolean> {
  const [pid, start, space] = holder.trim().split(" ");
  if (start === undefined) return false;
  if (space === undefined || space === processSpace()) return (await processStart(Number(pid))) === start;
  return now - (await stat(path).then(({ mtimeMs }) => mtimeMs, () => 0)) < silence * 1000;
}

const contents = (path: string): Promise<string | undefined> => readFile(path, "utf8").catch(() => undefined);

/**
 * Takes the lock of a run folder.
 * @throws AzrError AZR_RUN_FOLDER when a living process holds it, or the folder cannot be written
 */
export async function lockRun(dir: string, { renewMs = renewedEvery * 1000 } = {}): Promise<RunLock> {
  const path = join(dir, "run.lock");
  const mine = `${path}.${process.pid}.${Math.floor(performance.now() * 1000)}`;
  const text = `${process.pid} ${(await processStart(process.pid)) ?? ""} ${processSpace()}\n`;
  try {
    await writeFile(mine, text);
  } catch (cause) {
    throw diskFault("write", path, cause);
  }
  try {
    const { mtimeMs: now } = await stat(mine);
    for (let attempt = 0; attempt < 20; attempt++) {
      try {
        // A hard link appears whole or not at all, and fails when the name is taken.
        await link(mine, path);
        return await keepLock(mine, path, text, renewMs);
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw diskFault("lock", path, cause);
      }
      const holder = await contents(path);
      if (holder === undefined) continue;
      const [pid, , space = ""] = holder.trim().split(" ");
      if (await isHeld(path, holder, now)) {
        const elsewhere = space !== "" && space !== processSpace();
        throw new AzrError("AZR_RUN_FOLDER", `The run in ${dir} is in use by process ${pid}${elsewhere ? ` of another machine or container (${space.split("/")[0]})` : ""}`, {
          hint: `Wait for that process to end, or stop it; or give this run another name with --set run.name=NAME.${elsewhere ? ` If it is gone, try again in ${silence} seconds.` : ""}`,
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

// The open file is the lock that was taken, whatever has the name by now: nobody else's is renewed.
async function keepLock(mine: string, path: string, text: string, renewMs: number): Promise<RunLock> {
  const file = await open(mine, "r+");
  const bytes = Buffer.from(text);
  const timer = setInterval(() => void file.write(bytes, 0, bytes.length, 0).catch(() => undefined), renewMs).unref();
  let released: Promise<void> | undefined;
  async function release(): Promise<void> {
    clearInterval(timer);
    const { ino, dev } = await file.stat();
    const named = await stat(path).catch(() => undefined);
    if (named?.ino === ino && named.dev === dev) await unlink(path).catch(() => undefined);
    await file.close();
  }
  return { release: () => (released ??= release().catch(() => undefined)) };
}
