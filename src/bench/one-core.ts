// The rate of the executor when everything, the client too, has to happen on one core: a process of its own, bound to it by `taskset`.
// bench-executor.ts asks for it; this file is both the asking side and, started as a program, the other one.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AzrError } from "../errors.ts";
import { openExecutor } from "../executor/open.ts";
import { runMix, warmUpPasses } from "./run-mix.ts";

export interface OneCoreOptions {
  python?: string | undefined;
  allowUntestedPython?: boolean | undefined;
  rounds: number;
  passes: number;
  signal?: AbortSignal | undefined;
}

const self = fileURLToPath(import.meta.url);

/** Runs a second, one a round; null where there is no `taskset`. Throws AZR_ABORTED, and AZR_EXECUTOR_FAILED when the other process fails. */
export async function oneCoreRates({ signal, ...options }: OneCoreOptions): Promise<number[] | null> {
  const [first] = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))!.slice(1);
  const call = ["-c", first!, process.execPath, ...process.execArgv, self, JSON.stringify(options)];
  try {
    const { stdout } = await promisify(execFile)("taskset", call, { signal });
    return JSON.parse(stdout) as number[];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    if (signal?.aborted) throw new AzrError("AZR_ABORTED", "The benchmark was aborted.", { cause: error });
    throw new AzrError("AZR_EXECUTOR_FAILED", `The part on one core failed: ${message}`, { cause: error });
  }
}

async function main(): Promise<void> {
  const { rounds, passes, ...options } = JSON.parse(process.argv[2]!) as OneCoreOptions;
  await using executor = await openExecutor({ ...options, workers: 1 });
  await runMix(executor, 8, Math.min(warmUpPasses, 2 * passes));
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) rates.push(await runMix(executor, 8, passes));
  process.stdout.write(JSON.stringify(rates));
}

if (process.argv[1] === self) await main();
