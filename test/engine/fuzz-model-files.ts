// Damaged model files, opened as a user opens them: each must be refused with an error of ours, or open; no crash, and no memory taken
// for what a file merely claims.
//   node --import ./scripts/lib/typescript-hooks.mjs test/engine/fuzz-model-files.ts [COUNT] [SEED]
// The cases run in a child process, so that a crash is a finding and not the end; the last line is a summary as JSON.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { openEngine } from "../../src/engine/open.ts";
import { AzrError } from "../../src/errors.ts";
import { damagedModel } from "./support/damaged-models.ts";

/** What a case may add to the process's memory, touched or only reserved. The models have a megabyte. */
const mostBytes = 384 * 2 ** 20;
const allowed = new Set(["AZR_MODEL_FORMAT", "AZR_MODEL_NOT_FOUND"]);

interface Outcome {
  number: number;
  what: string;
  /** A code of ours, "opened", or what is wrong. */
  outcome: string;
  fault?: string;
}

function memory(): { resident: number; reserved: number } {
  const status = readFileSync("/proc/self/status", "utf8");
  const bytes = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)![1]) * 1024;
  return { resident: bytes("VmHWM"), reserved: bytes("VmPeak") };
}

async function runCase(seed: number, number: number, folder: string): Promise<Outcome> {
  const { what, files, mustFail } = damagedModel(seed, number);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  try {
    const engine = await openEngine({ model: "model.gguf" in files ? join(folder, "model.gguf") : folder, threads: 1 });
    try {
      await engine.score({ sequences: { tokens: Int32Array.of(1, 2, 3), lengths: Int32Array.of(3) } }).catch((error: unknown) => {
        if (!AzrError.isInstance(error) || error.code === "AZR_INTERNAL") throw error;
      });
    } finally {
      await engine.dispose();
    }
    return { number, what, outcome: "opened", ...(mustFail ? { fault: "it was opened" } : {}) };
  } catch (error) {
    if (!AzrError.isInstance(error)) return { number, what, outcome: "foreign", fault: `no error of ours: ${(error as Error).stack}` };
    const complete = allowed.has(error.code) && error.message.length > 10 && Boolean(error.hint);
    return { number, what, outcome: error.code, ...(complete ? {} : { fault: `${error.code}: ${error.message} (hint: ${error.hint})` }) };
  }
}

/** The child: cases first to last, an outcome a line. */
async function runCases(seed: number, first: number, last: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "azr-fuzz-"));
  try {
    await runCase(seed, 0, folder); // loads the library, so that the memory that follows is that of the cases
    const before = memory();
    for (let number = first; number < last; number++) {
      const outcome = await runCase(seed, number, folder);
      const { resident, reserved } = memory();
      if (resident - before.resident > mostBytes) outcome.fault ??= `${((resident - before.resident) / 2 ** 20).toFixed(0)} MiB of memory`;
      else if (reserved - before.reserved > 4 * mostBytes) outcome.fault ??= `${((reserved - before.reserved) / 2 ** 20).toFixed(0)} MiB of address space`;
      process.stdout.write(`${JSON.stringify(outcome)}\n`);
      if (outcome.fault?.includes("MiB")) break; // the peak stays: a new child goes on
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runAll(count: number, seed: number): Promise<void> {
  const outcomes: Record<string, number> = {};
  const faults: string[] = [];
  const batch = 1000;
  let next = 0;
  while (next < count) {
    const last = Math.min(count, next - (next % batch) + batch);
    const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), "--cases", String(seed), String(next), String(last)], { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: child.stdout })) {
      const { number, what, outcome, fault } = JSON.parse(line) as Outcome;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (fault !== undefined) faults.push(`case ${number} (${what}): ${fault}`);
      next = number + 1;
    }
    const end = child.exitCode ?? child.signalCode ?? (await new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal))));
    if (end !== 0) faults.push(`case ${next} (${damagedModel(seed, next).what}): the process ended with ${String(end)}`), next++;
  }
  for (const fault of faults.slice(0, 50)) process.stderr.write(`${fault}\n`);
  process.stdout.write(`${JSON.stringify({ count, seed, outcomes, faults: faults.length })}\n`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}

const [first, ...rest] = process.argv.slice(2);
if (first === "--cases") await runCases(Number(rest[0]), Number(rest[1]), Number(rest[2]));
else await runAll(Number(first ?? 500), Number(rest[0] ?? 1));
