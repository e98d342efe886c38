// What was expected of a run lies in no process that runs programs: the whole memory of the supervisor, the zygotes and a running child is searched.
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { openExecutorFor } from "./support/open.ts";
import { supervisorsOf } from "./support/native.ts";
import { processesBelow } from "./support/processes.ts";

/** How often each needle lies in the readable memory of a process. */
function countIn(pid: number, needles: string[]): number[] {
  const counts = needles.map(() => 0);
  const memory = openSync(`/proc/${pid}/mem`, "r");
  for (const line of readFileSync(`/proc/${pid}/maps`, "latin1").split("\n")) {
    const [, from, to] = /^(\w+)-(\w+) r(?!.*\[v)/.exec(line) ?? [];
    if (from === undefined) continue;
    const area = Buffer.alloc(Number.parseInt(to!, 16) - Number.parseInt(from, 16));
    try {
      readSync(memory, area, 0, area.length, Number.parseInt(from, 16));
    } catch {
      continue; // an area of a device
    }
    for (const [index, needle] of needles.entries()) {
      for (let at = area.indexOf(needle); at >= 0; at = area.indexOf(needle, at + 1)) counts[index]! += 1;
    }
  }
  closeSync(memory);
  return counts;
}

const executor = await openExecutorFor(t);

t.test("the expected value is in no process but this one", { skip: process.getuid?.() === 0 ? false : "only root reads the memory of a process that is not dumpable" }, async (t) => {
  const [expected, program, input] = ["expected", "program", "input"].map((what, index) => `needle-of-the-${what}-${48_151_623 + index}`);
  const honest = { program: "def f(x): return x", inputs: [`'${input}'`], expected: [`'${expected}'`], determinism: "pair" as const };
  await executor.run(honest);
  t.equal((await executor.run(honest)).deterministic, null, "it was compared");
  const signal = AbortSignal.timeout(20_000);
  const running = executor.run({ ...honest, program: `kept = '${program}'\ndef f(x):\n    while True: pass`, limits: { cpuMs: 20_000, wallMs: 60_000 }, signal });
  running.catch(() => undefined);
  await delay(1500);
  const supervisor = supervisorsOf()[0]!;
  const pids = [supervisor, ...processesBelow(supervisor).map(({ pid }) => pid)];
  t.ok(pids.length > 4, `${pids.length} processes`);
  const counts = pids.map((pid) => countIn(pid, [expected!, program!, input!]));
  t.same(counts.map(([count]) => count), pids.map(() => 0), "the expected value");
  t.ok(counts.filter(([, count]) => count! > 0).length >= 2, "what was sent is found: in the supervisor and in the child");
  t.ok(counts.filter(([, , count]) => count! > 0).length >= 2, "so is the input");
  await t.rejects(Promise.race([running, delay(1).then(() => Promise.reject(new Error("still running")))]), /still running/);
});
