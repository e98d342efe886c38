// The native executor for tests that need it: its folder, or the reason why the test cannot run.
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { nativeFolder } from "../../../scripts/native-location.mjs";

const missing = ["azr-executor", "azr-zygote.so"].map((name) => join(nativeFolder(), name)).filter((path) => !existsSync(path));

/** For tap's `skip`: false, or the reason. */
export const nativeMissing: false | string = missing.length > 0 && `${missing.join(" and ")} not built: npm run build makes it`;

/** Ids of processes that run the executor's supervisor with this process (or `parent`) as parent, be its file built anew meanwhile or not. */
export function supervisorsOf(parent = process.pid): number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      return /\/azr-executor( \(deleted\))?$/.test(readlinkSync(`/proc/${pid}/exe`)) && new RegExp(`^PPid:\\t${parent}$`, "m").test(status);
    } catch {
      return false;
    }
  });
}

/** Ids of the living processes below `ancestor`. */
export function descendantsOf(ancestor: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const match = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, "utf8"));
      if (match !== null) parents.set(Number(name), Number(match[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const below = new Set<number>([ancestor]);
  for (let size = 0; size !== below.size; ) {
    size = below.size;
    for (const [pid, parent] of parents) if (below.has(parent)) below.add(pid);
  }
  below.delete(ancestor);
  return [...below];
}

/** Whether the process is there and no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
