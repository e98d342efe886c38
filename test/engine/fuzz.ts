// Damaged model files by the thousand: Hugging Face folders, GGUF files, tokenizers with their chat templates. Each must be refused with an
// error of ours or work; none may crash, hang, or take memory for what it merely claims. `npm run fuzz` does it under AddressSanitizer and
// UndefinedBehaviorSanitizer; the test suite runs a few of them without.
//   npm run fuzz -- [--cases N] [--seed S] [--kind folder|gguf|tokenizer] [--first N] [--jobs N] [--json]     N cases of each kind
import { execFileSync, spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { caseOf, kinds, runCases } from "./support/fuzz-cases.ts";
import type { Outcome } from "./support/fuzz-cases.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cases: { type: "string", default: "10000" }, first: { type: "string", default: "0" }, seed: { type: "string", default: "1" }, kind: { type: "string" },
    jobs: { type: "string", default: String(availableParallelism()) }, json: { type: "boolean", default: false }, help: { type: "boolean", default: false }, sanitized: { type: "string" },
  },
});

interface Summary {
  cases: number;
  outcomes: Record<string, number>;
  faults: string[];
  /** The slowest case and the one that took most memory. */
  slowest?: Outcome;
  largest?: Outcome;
}

/** Cases of one process, and how long one may take beside whatever else the machine does. */
const batch = 1000;
const hangSeconds = 300;

// A child with the sanitizers: they must be loaded before Node, which was built without.
function environment(): NodeJS.ProcessEnv {
  if (values.sanitized === undefined) return process.env;
  const linked = execFileSync("ldd", [join(values.sanitized, "azr.node")], { encoding: "utf8" });
  const library = /=> (\S*asan\S*)/.exec(linked)?.[1];
  if (library === undefined) throw new Error(`the addon in ${values.sanitized} was built without AddressSanitizer`);
  return {
    ...process.env,
    AZR_NATIVE_FOLDER: values.sanitized,
    LD_PRELOAD: library,
    // Leaks are not looked for: Node and LibTorch keep globals for the life of the process. A single allocation above the bound ends it.
    ASAN_OPTIONS: "detect_leaks=0:quarantine_size_mb=16:max_allocation_size_mb=512:allocator_may_return_null=0:abort_on_error=1",
    UBSAN_OPTIONS: "print_stacktrace=1:halt_on_error=1",
  };
}

/** Runs cases first to last in a child, and another where one ends early. */
async function runBatch(kind: string, first: number, last: number, see: (outcome: Outcome) => void): Promise<void> {
  for (let next = first; next < last; ) {
    const args = [...process.execArgv, fileURLToPath(import.meta.url), "child", kind, values.seed, String(next), String(last)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env: environment() });
    let words = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (words = (words + chunk).slice(0, 4000)));
    const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
    let hung = false;
    // Counted second by second: a machine that sleeps, or somebody who stops both, is no hang.
    let silent = 0;
    const timer = setInterval(() => void (++silent > hangSeconds && (hung = child.kill("SIGKILL"))), 1000);
    for await (const line of createInterface({ input: child.stdout })) {
      silent = 0;
      const outcome = JSON.parse(line) as Outcome;
      next = outcome.number + 1;
      see(outcome);
    }
    const end = await ended;
    clearInterval(timer);
    if (end === 0 && next === last) return;
    const fault = hung ? `no end within ${hangSeconds} s` : `the process ended with ${String(end)}\n${words}`;
    see({ kind, number: next, what: caseOf(kind, Number(values.seed), next).what, outcome: hung ? "hung" : "crashed", fault, seconds: 0, mebibytes: 0 });
    next++;
  }
}

function count(summary: Summary, outcome: Outcome): void {
  summary.cases++;
  summary.outcomes[outcome.outcome] = (summary.outcomes[outcome.outcome] ?? 0) + 1;
  if (outcome.fault !== undefined) summary.faults.push(`${outcome.kind} ${outcome.number} (${outcome.what}): ${outcome.fault}`);
  if (outcome.seconds > (summary.slowest?.seconds ?? -1)) summary.slowest = outcome;
  if (outcome.mebibytes > (summary.largest?.mebibytes ?? -1)) summary.largest = outcome;
}

async function runAll(): Promise<void> {
  const [cases, start] = [Number(values.cases), Number(values.first)];
  const chosen = values.kind === undefined ? kinds : kinds.filter((kind) => kind === values.kind);
  if (chosen.length === 0 || !Number.isSafeInteger(cases) || !Number.isSafeInteger(start)) throw new Error(`--kind is one of ${kinds.join(", ")}; --cases and --first are numbers`);
  const summaries = new Map(chosen.map((kind): [string, Summary] => [kind, { cases: 0, outcomes: {}, faults: [] }]));
  const begun = performance.now();
  const queue = chosen.flatMap((kind) => Array.from({ length: Math.ceil(cases / batch) }, (_, at) => ({ kind, first: start + at * batch, last: start + Math.min(cases, (at + 1) * batch) })));
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      await runBatch(next.kind, next.first, next.last, (outcome) => {
        count(summaries.get(outcome.kind)!, outcome);
        if (outcome.fault !== undefined) process.stderr.write(`${summaries.get(outcome.kind)!.faults.at(-1)}\n`);
      });
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, work));
  for (const [kind, { cases, outcomes, faults, slowest, largest }] of summaries) {
    const counts = Object.entries(outcomes).sort(([, one], [, other]) => other - one).map(([outcome, count]) => `${outcome} ${count}`);
    if (values.json) process.stdout.write(`${JSON.stringify({ kind, cases, outcomes, faults: faults.length })}\n`);
    else {
      process.stdout.write(`${kind}: ${cases} cases of seed ${values.seed}: ${counts.join(", ")}; ${faults.length} faults\n`);
      process.stdout.write(`  slowest ${slowest!.seconds.toFixed(2)} s of processor time (${slowest!.what}), most memory ${largest!.mebibytes.toFixed(0)} MiB (${largest!.what})\n`);
    }
    if (faults.length > 0) process.exitCode = 1;
  }
  if (!values.json) process.stdout.write(`${((performance.now() - begun) / 1000).toFixed(0)} s, ${values.sanitized === undefined ? "without sanitizers" : "under AddressSanitizer and UndefinedBehaviorSanitizer"}\n`);
}

if (positionals[0] === "child") await runCases(positionals[1]!, Number(positionals[2]), Number(positionals[3]), Number(positionals[4]));
else if (values.help) process.stdout.write("npm run fuzz -- [--cases N] [--seed S] [--kind folder|gguf|tokenizer] [--first N] [--jobs N] [--json]\n");
else await runAll();
