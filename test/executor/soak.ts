// Endurance of the executor: honest and hostile programs in turn, for a long time. Honest answers must stay right, nothing may be the sandbox's
// own failure, and neither processes, descriptors, memory nor time a run may grow.
//   npm run soak [-- RUNS]        100,000 by default, some four minutes on two cores
import { readdirSync, readFileSync } from "node:fs";
import { openExecutor } from "../../src/executor/open.ts";
import { honestPrograms } from "./support/honest-programs.ts";
import { descendantsOf, isAlive, supervisorsOf } from "./support/native.ts";

/** Each has to end in this outcome, again and again. The endless ones have little time, so that the rate means something. */
const hostile: [program: string, outcome: string, cpuMs?: number][] = [
  ["def f(x):\n    while True: pass", "time-limit", 10],
  ["def f(x):\n    try:\n        while True: pass\n    except BaseException:\n        while True: pass", "time-limit", 10],
  ["def f(x): return [0] * (10 * 2 ** 30)", "memory-limit"],
  ["def f(x): return 'a' * 70_000", "output-limit"],
  ["def f(x): return object()", "unrepresentable"],
  ["import os\ndef f(x): return os.fork()", "runtime-error"],
  ["import os\ndef f(x): return os.listdir('/proc/self/fd')", "runtime-error"],
  ["def f(x): return open('/etc/passwd').read()", "runtime-error"],
  ["def f(x): return f(x)", "runtime-error"],
  ["def f(x): return __import__('ctypes')", "runtime-error"],
  ["def f(x): raise SystemExit", "runtime-error"],
  ["import sys\ndef f(x): return sys.meta_path[0].find_spec('x')", "runtime-error"],
  ["def f(x) return x", "compile-error"],
  ["def f(x):\n    a = []\n    a.append(a)\n    return a", "unrepresentable"],
  ["class E(BaseException):\n    def __str__(self): raise self\ndef f(x): raise E", "runtime-error"],
  ["(lambda: 0).__code__.replace(co_code=b'\\x00' * 64)\ndef f(x): return eval((lambda: 0).__code__.replace(co_code=b'\\x64\\xff' * 64, co_consts=()))", "runtime-error"],
];

interface Sample {
  runs: number;
  seconds: number;
  processes: number;
  descriptors: number;
  residentKib: number;
}

/** Supervisor and zygotes, between two runs. */
function look(): Omit<Sample, "runs" | "seconds"> {
  const [supervisor] = supervisorsOf();
  const below = descendantsOf(supervisor!);
  const zombies = below.filter((pid) => !isAlive(pid));
  if (zombies.length > 0) fail(`zombies: ${zombies.join(", ")}`);
  const resident = [supervisor!, ...below].map((pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0));
  return {
    processes: below.length,
    descriptors: readdirSync(`/proc/${supervisor}/fd`).length + readdirSync("/proc/self/fd").length,
    residentKib: resident.reduce((sum, one) => sum + one, 0),
  };
}

let failures = 0;
function fail(text: string): void {
  failures += 1;
  if (failures <= 20) console.log(`FAIL ${text}`);
}

const total = Number(process.argv[2] ?? 100_000);
const portions = 10;
const honest = honestPrograms(500, 7);
await using executor = await openExecutor();
const expected = new Map<string, string>();

async function runHonest(index: number): Promise<void> {
  const { id, program, inputs } = honest[index % honest.length]!;
  const { runs: [run] } = await executor.run({ program, inputs: [inputs[0]!] });
  const answer = JSON.stringify([run!.outcome, run!.value, run!.error]);
  if (run!.outcome === "time-limit" || run!.outcome === "violation") fail(`${id} ended in ${run!.outcome}`);
  if ((expected.get(id) ?? answer) !== answer) fail(`${id}: ${answer} where it was ${expected.get(id)} before`);
  expected.set(id, answer);
}

async function runHostile(index: number): Promise<void> {
  const [program, outcome, cpuMs] = hostile[index % hostile.length]!;
  const { runs: [run] } = await executor.run({ program, inputs: ["1"], ...(cpuMs === undefined ? {} : { limits: { cpuMs } }) });
  if (run!.outcome !== outcome) fail(`${JSON.stringify(program)} ended in ${run!.outcome} and not in ${outcome}`);
}

async function portion(first: number, count: number): Promise<Sample> {
  let next = first;
  const began = performance.now();
  const worker = async (): Promise<void> => {
    for (let at = next++; at < first + count; at = next++) await (at % 2 === 0 ? runHonest(at / 2) : runHostile((at - 1) / 2));
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return { runs: count, seconds: (performance.now() - began) / 1000, ...look() };
}

// What comes first is still warming up, and both kinds of zygotes have to be there.
await portion(0, Math.max(2 * honest.length, Math.ceil(total / 50)));
const samples: Sample[] = [];
for (let at = 0; at < portions; at++) {
  const sample = await portion(at * Math.ceil(total / portions), Math.ceil(total / portions));
  samples.push(sample);
  const { runs, seconds, processes, descriptors, residentKib } = sample;
  console.log(`${(at + 1) * runs} runs: ${(runs / seconds).toFixed(0)} a second, ${processes} processes, ${descriptors} descriptors, ${(residentKib / 1024).toFixed(0)} MiB`);
}
const [first, last] = [samples[0]!, samples.at(-1)!];
const rate = (last.runs / last.seconds) / (first.runs / first.seconds);
const { sandboxErrors } = executor.stats();
if (sandboxErrors > 0) fail(`${sandboxErrors} failures of the sandbox`);
if (rate < 0.9) fail(`the rate fell to ${(100 * rate).toFixed(0)} %`);
if (last.processes !== first.processes) fail(`${first.processes} processes became ${last.processes}`);
if (last.descriptors > first.descriptors) fail(`${first.descriptors} descriptors became ${last.descriptors}`);
if (last.residentKib > 1.1 * first.residentKib) fail("memory grew by more than a tenth");
console.log(`${samples.reduce((sum, { runs }) => sum + runs, 0)} runs, ${failures} failures, rate at the end ${(100 * rate).toFixed(0)} % of that at the start`);
process.exitCode = failures > 0 ? 1 : 0;
