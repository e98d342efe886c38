// Endurance of the executor: honest programs and the catalogue of attacks in turn, for a long time. Honest answers must be those of plain CPython,
// each attack must end as its line says, nothing may be the sandbox's own failure, and neither processes, descriptors, memory nor time may grow.
//   npm run soak [-- RUNS]        100,000 by default, some minutes on two cores
import { setFlagsFromString } from "node:v8";
import { readdirSync, readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { openExecutor } from "../../src/executor/open.ts";
import { readAttacks, tryAttack, type Attack } from "./support/attack-catalogue.ts";
import { honestPrograms } from "./support/honest-programs.ts";
import { plainAnswers } from "./support/mixed-programs.ts";
import { supervisorsOf } from "./support/native.ts";
import { isZygote, processesBelow } from "./support/processes.ts";

const portions = 10;
/** Lines of the catalogue that take longer are left out: a hundred thousand of them would be hours. */
const mostMs = 50;
const width = 16;
const total = Number(process.argv[2] ?? 100_000);

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

let failures = 0;
function fail(text: string): void {
  failures += 1;
  if (failures <= 20) console.log(`FAIL ${text}`);
}

await using executor = await openExecutor();
const supervisor = (): number => supervisorsOf()[0]!;

const isEndless = ({ want }: Attack): boolean => !Array.isArray(want) && want.outcome === "time-limit";
/** An endless loop shows within 10 ms what it would show within its own limit. */
const capped = (attack: Attack): Attack => (isEndless(attack) ? { ...attack, limits: { ...attack.limits, cpuMs: 10 } } : attack);

/** The lines that serve, and how many do not, by reason. */
async function chooseAttacks(): Promise<{ attacks: Attack[]; leftOut: Map<string, string[]> }> {
  const attacks: Attack[] = [];
  const leftOut = new Map<string, string[]>();
  for (const attack of readAttacks().map(capped)) {
    let reason = attack.open !== undefined ? "marked as open" : attack.analyse ? "answered from memory when asked again" : undefined;
    let least = Infinity;
    // Tried up to three times, as something else may have had the processor; what is slow by far is so at once.
    for (let turn = 0; turn < 3 && reason === undefined && least > mostMs && !(least > 10 * mostMs && turn > 0); turn += 1) {
      const began = performance.now();
      const failure = await tryAttack(executor, attack);
      if (failure !== undefined) fail(failure);
      least = Math.min(least, performance.now() - began);
    }
    if (least > mostMs && !isEndless(attack)) reason ??= `takes more than ${mostMs} ms`;
    if (reason === undefined) attacks.push(attack);
    else leftOut.set(reason, [...(leftOut.get(reason) ?? []), `${attack.class}/${attack.id}`]);
  }
  return { attacks, leftOut };
}

const { attacks, leftOut } = await chooseAttacks();
const countOf = (name: string): number => attacks.filter((attack) => attack.class === name).length;
const classes = [...new Set(attacks.map((attack) => attack.class))];
console.log(`${attacks.length} lines of the catalogue: ${classes.map((name) => `${name} ${countOf(name)}`).join(", ")}`);
for (const [reason, ids] of leftOut) console.log(`left out, ${reason}: ${ids.length} (${ids.join(" ")})`);

// Every portion has each attack equally often and the same honest programs, so that their rates can be compared.
const hostileAPortion = attacks.length * Math.max(1, Math.ceil(total / 2 / portions / attacks.length));
const honest = honestPrograms(Math.min(hostileAPortion, 2000), 7);
const expected = await plainAnswers(honest);

async function runHonest(index: number): Promise<void> {
  const at = index % honest.length;
  const { id, program, inputs } = honest[at]!;
  const which = Math.floor(index / honest.length) % inputs.length;
  const { runs: [run] } = await executor.run({ program, inputs: [inputs[which]!] });
  const wanted = expected[at]![which]!;
  if (run!.outcome === wanted.outcome && run!.value === wanted.value && run!.error === wanted.error) return;
  fail(`${id} on ${inputs[which]}: ${JSON.stringify(run)} where plain CPython gives ${JSON.stringify(wanted)}`);
}

async function runHostile(index: number): Promise<void> {
  const failure = await tryAttack(executor, attacks[index % attacks.length]!);
  if (failure !== undefined) fail(failure);
}

interface Sample {
  rate: number;
  zygotes: string;
  processes: number;
  descriptors: number;
  /** Resident memory in KiB. */
  node: number;
  supervisor: number;
  all: number;
}

const residentKib = (pid: number | "self"): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);

/** One portion, and what there is after it. */
async function portion(): Promise<Sample> {
  let next = 0;
  const began = performance.now();
  const lane = async (): Promise<void> => {
    for (let at = next++; at < 2 * hostileAPortion; at = next++) await (at % 2 === 0 ? runHonest(at / 2) : runHostile((at - 1) / 2));
  };
  await Promise.all(Array.from({ length: width }, lane));
  const rate = (2 * hostileAPortion * 1000) / (performance.now() - began);
  collectGarbage();
  const below = processesBelow(supervisor());
  const zombies = processesBelow(process.pid).filter(({ state }) => state === "Z");
  if (zombies.length > 0) fail(`zombies: ${JSON.stringify(zombies)}`);
  const zygotes = below.filter(isZygote).map(({ pid }) => pid);
  return {
    rate,
    zygotes: zygotes.join(" "),
    processes: below.length,
    descriptors: readdirSync(`/proc/${supervisor()}/fd`).length + readdirSync("/proc/self/fd").length,
    node: residentKib("self"),
    supervisor: residentKib(supervisor()),
    all: zygotes.reduce((sum, pid) => sum + residentKib(pid), 0),
  };
}

// Two rounds are warming up: caches of both kinds of zygotes, and Node's own memory.
for (let round = 0; round < 2; round += 1) await portion();
const before = executor.stats().runs;
const samples: Sample[] = [];
for (let at = 1; at <= portions; at += 1) {
  const sample = await portion();
  samples.push(sample);
  const mebibytes = [sample.node, sample.supervisor, sample.all].map((kib) => (kib / 1024).toFixed(1)).join(" + ");
  console.log(`${at * 2 * hostileAPortion} runs: ${sample.rate.toFixed(0)} a second, ${sample.processes} processes, ${sample.descriptors} descriptors, ${mebibytes} MiB (Node, supervisor, zygotes)`);
}

const medianOf = (three: Sample[], of: (sample: Sample) => number): number => three.map(of).sort((a, b) => a - b)[1]!;
/** The last three portions against the first three, so that one slow portion decides nothing. */
const grown = (of: (sample: Sample) => number): number => medianOf(samples.slice(-3), of) / medianOf(samples.slice(0, 3), of);
const [first, last] = [samples[0]!, samples.at(-1)!];
const { runs, sandboxErrors } = executor.stats();
if (sandboxErrors > 0) fail(`${sandboxErrors} failures of the sandbox`);
const rate = grown((sample) => sample.rate);
if (rate < 0.9) fail(`the rate fell to ${(100 * rate).toFixed(0)} %`);
if (last.zygotes !== first.zygotes) fail(`zygotes were restarted: ${first.zygotes} became ${last.zygotes}`);
for (const name of ["processes", "descriptors"] as const) if (last[name] > first[name]) fail(`${first[name]} ${name} became ${last[name]}`);
for (const name of ["node", "supervisor", "all"] as const) {
  if (grown((sample) => sample[name]) > 1.1) fail(`resident memory (${name}) grew by more than a tenth`);
}
const requests = 2 * hostileAPortion * portions;
console.log(`${requests} requests, half of them hostile, ${runs - before} runs of programs and ${failures} failures; rate at the end ${(100 * rate).toFixed(0)} % of that at the start`);
process.exitCode = failures > 0 ? 1 : 0;
