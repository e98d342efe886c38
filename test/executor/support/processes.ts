// Processes as /proc tells of them, for tests that kill some and want to know what is left. An id alone is not enough: it may be given anew.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

export interface ProcessRecord {
  pid: number;
  parent: number;
  /** Id of the process that leads its session: each zygote leads one, and its children are in it. */
  session: number;
  /** One letter: R, S, T (stopped), Z (zombie) ... */
  state: string;
  /** Processor time used so far, in ticks of 10 ms. */
  ticks: number;
  /** When it started: with the id, what no other process has. */
  started: string;
}

/** Undefined where there is no such process; a zombie is one. */
export function processRecord(pid: number): ProcessRecord | undefined {
  try {
    const [state, parent, , session, ...rest] = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
    return { pid, state: state!, parent: Number(parent), session: Number(session), ticks: Number(rest[7]) + Number(rest[8]), started: rest[15]! };
  } catch {
    return undefined;
  }
}

/** All processes below `ancestor`, zombies among them. */
export function processesBelow(ancestor: number): ProcessRecord[] {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => processRecord(Number(name)) ?? []);
  const below = new Set([ancestor]);
  for (let size = 0; size !== below.size; ) {
    size = below.size;
    for (const { pid, parent } of all) if (below.has(parent)) below.add(pid);
  }
  return all.filter(({ pid }) => pid !== ancestor && below.has(pid));
}

export const isZygote = ({ pid, session }: ProcessRecord): boolean => pid === session;

/**
 * Milliseconds until all of these processes are gone; with `most` of them over, a sentence on those that are left. A zombie is gone when whoever
 * has to reap it is none of ours: some machines' first process takes a second or two to do so.
 */
export async function goneAfter(processes: ProcessRecord[], most = 10_000): Promise<number | string> {
  const began = performance.now();
  const ours = new Set([process.pid, ...processes.map(({ pid }) => pid)]);
  const isThere = ({ pid, started }: ProcessRecord): boolean => {
    const now = processRecord(pid);
    return now !== undefined && now.started === started && (now.state !== "Z" || ours.has(now.parent));
  };
  for (;;) {
    const left = processes.filter(isThere);
    const passed = performance.now() - began;
    if (left.length === 0) return Math.round(passed);
    if (passed > most) return `left after ${most} ms: ${JSON.stringify(left.map(({ pid }) => processRecord(pid)))}`;
    await delay(2);
  }
}

/** Waits until `look` gives something. Throws after 20 seconds. */
export async function until<T>(what: string, look: () => T | undefined | false): Promise<T> {
  for (const began = performance.now(); performance.now() - began < 20_000; await delay(2)) {
    const found = look();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(`waited 20 seconds for ${what}`);
}

export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
