// Unfinished downloads. The name of such a file says which process writes it, so that nobody else writes to it, a second process
// waits instead of fetching the same bytes, and what a killed process left is taken over where it stopped. Used by hub-download.ts.
import { readFileSync, statSync } from "node:fs";
import { readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";

/** Seconds without a new byte after which a download on another machine (a shared cache) counts as dead. */
const foreignSilence = 60;
const host = hostname().replace(/[^\w-]/g, "_").slice(0, 60);
let downloads = 0;

/** Clock tick at which a process began, from /proc: it tells a process from a later one with the same number. */
function processStart(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, "utf8");
    return line.slice(line.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

const nameOf = (blob: string, owner: string): string => `${blob}.azr-${owner}.incomplete`;

interface Partial {
  path: string;
  bytes: number;
  /** Process that writes it; undefined when nobody does. */
  pid: number | undefined;
}

async function partialsOf(blob: string): Promise<Partial[]> {
  const prefix = `${basename(blob)}.azr-`;
  const names = (await readdir(dirname(blob))).filter((name) => name.startsWith(prefix) && name.endsWith(".incomplete")).sort();
  return names.flatMap((name) => {
    const path = join(dirname(blob), name);
    try {
      const { size, mtimeMs } = statSync(path);
      const [on, pid, start] = name.slice(prefix.length).split(".");
      const alive = pid !== undefined && start !== undefined && (on === host ? processStart(Number(pid)) === start : Date.now() - mtimeMs < foreignSilence * 1000);
      return [{ path, bytes: size, pid: alive ? Number(pid) : undefined }];
    } catch {
      return []; // it was finished or taken over this moment
    }
  });
}

/** Bytes of these blobs that earlier downloads left. */
export async function bytesBegun(blobs: string[]): Promise<number> {
  const all = await Promise.all(blobs.map(partialsOf));
  return all.flat().reduce((sum, { bytes }) => sum + bytes, 0);
}

export type Claim = { path: string } | { busy: number };

/**
 * Takes over the longest unfinished file of a blob, or begins one. `busy` is the process that is at it already.
 * The claim must be given back with `giveUp`, or the file be renamed.
 */
export async function claimPartial(blob: string): Promise<Claim> {
  const before = await partialsOf(blob);
  const living = before.find(({ pid }) => pid !== undefined);
  if (living !== undefined) return { busy: living.pid! };
  const own = nameOf(blob, `${host}.${process.pid}.${processStart(process.pid) ?? 0}.${++downloads}`);
  let claimed = false;
  for (const { path } of before.sort((left, right) => right.bytes - left.bytes)) {
    if (claimed) await rm(path, { force: true });
    else claimed = await rename(path, own).then(() => true, isGone);
  }
  if (!claimed) await writeFile(own, "", { flag: "wx" });
  // Two that began in the same moment both see it now; the one whose name sorts first goes on.
  const rival = (await partialsOf(blob)).find(({ path, pid }) => pid !== undefined && path < own);
  if (rival === undefined) return { path: own };
  await giveUp(blob, own);
  return { busy: rival.pid! };
}

/** Leaves an unfinished file to whoever comes next; an empty one goes away. */
export async function giveUp(blob: string, path: string): Promise<void> {
  const bytes = await stat(path).then(({ size }) => size, () => 0);
  await (bytes === 0 ? rm(path, { force: true }) : rename(path, nameOf(blob, `free_${process.pid}_${++downloads}`)).catch(() => undefined));
}

function isGone(error: NodeJS.ErrnoException): false {
  if (error.code === "ENOENT") return false;
  throw error;
}
