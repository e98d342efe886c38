// How fast the executor is on this machine, in one sitting, beside what it is measured against: a bare fork in C below it, and a new
// `python3 -I` for every run above it. Rates and times are medians over rounds, with the lowest and the highest beside them.

import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { nativeFolder } from "../../scripts/native-location.mjs";
import { findPython, type PythonChoice } from "../executor/find-python.ts";
import { openExecutor } from "../executor/open.ts";
import { oneCoreRates } from "./one-core.ts";
import { ordinaryPrograms } from "./ordinary-programs.ts";
import { runMix, warmUpPasses } from "./run-mix.ts";
import { quantile, spread, type Spread } from "./spread.ts";

export interface ExecutorBench {
  type: "bench-executor";
  python: string;
  /** Runs at a time, and processors that they had. */
  cores: number;
  /** Wall milliseconds from request to answer, one request at a time. */
  p50Ms: number;
  p99Ms: number;
  /** With as many workers as cores; and with one. */
  runsPerSecond: number;
  runsPerSecondPerCore: number;
  /** How many times as fast all cores are as one, on which everything has to happen; null where nothing can be bound to one core. */
  scaling: number | null;
  /** With client, supervisor and one worker on one core. */
  oneCore: Spread | null;
  /** With one worker, while client and supervisor may use other cores. */
  oneWorker: Spread;
  allWorkers: Spread;
  /** Processor milliseconds beyond its limit that an endless loop used, at most. */
  overshootMs: number;
  /** Milliseconds of a bare fork, exit and wait in C, without any memory to speak of. */
  bareForkMs: number;
  /** Milliseconds of a new `python3 -I` that runs a program of the mix. */
  plainPythonMs: Spread;
  programs: number;
  rounds: number;
}

export interface ExecutorBenchOptions extends PythonChoice {
  /** Parallel runs of the second measurement. Default: the processors there are. */
  workers?: number;
  /** Rounds of each measurement. */
  rounds?: number;
  /** Times that a round goes through the mix. */
  passes?: number;
  signal?: AbortSignal;
}

/**
 * Measures. Takes about twenty seconds with the default rounds; the machine should be idle.
 * @throws AzrError AZR_EXECUTOR_UNAVAILABLE, AZR_EXECUTOR_FAILED, AZR_ABORTED
 */
export async function benchExecutor(options: ExecutorBenchOptions = {}): Promise<ExecutorBench> {
  const { workers = availableParallelism(), python, allowUntestedPython, rounds = 5, passes = 8, signal } = options;
  const times: number[] = [];
  const single: number[] = [];
  const parallel: number[] = [];
  let version = "";
  let overshootMs = 0;
  {
    await using executor = await openExecutor({ workers: 1, python, allowUntestedPython });
    version = executor.stats().python;
    await runMix(executor, 8, Math.min(warmUpPasses, 2 * passes), signal);
    for (let round = 0; round < rounds; round++) {
      for (const { program, input } of ordinaryPrograms) {
        const began = performance.now();
        await executor.run({ program, inputs: [input], signal });
        times.push(performance.now() - began);
      }
      single.push(await runMix(executor, 8, passes, signal));
      const loop = await executor.run({ program: "def f(a):\n    while True: pass", inputs: ["1"], limits: { cpuMs: 100 }, signal });
      overshootMs = Math.max(overshootMs, loop.runs[0]!.cpuMs - 100);
    }
  }
  {
    await using executor = await openExecutor({ workers, python, allowUntestedPython });
    await runMix(executor, 8 * workers, Math.min(warmUpPasses, 2 * passes), signal);
    for (let round = 0; round < rounds; round++) parallel.push(await runMix(executor, 8 * workers, passes * workers, signal));
  }
  const bound = await oneCoreRates({ python, allowUntestedPython, rounds, passes, signal });
  times.sort((a, b) => a - b);
  const oneWorker = spread(single);
  const allWorkers = spread(parallel);
  const oneCore = bound === null ? null : spread(bound);
  return {
    type: "bench-executor",
    python: version,
    cores: workers,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    runsPerSecond: allWorkers.median,
    runsPerSecondPerCore: allWorkers.median / workers,
    scaling: oneCore === null ? null : allWorkers.median / oneCore.median,
    oneCore,
    oneWorker,
    allWorkers,
    overshootMs,
    bareForkMs: await bareForkMs(),
    plainPythonMs: spread(await plainPython(await findPython(options))),
    programs: ordinaryPrograms.length,
    rounds,
  };
}

async function bareForkMs(): Promise<number> {
  const { stdout } = await promisify(execFile)(join(nativeFolder(), "azr-executor"), ["--measure-forks", "1000"], { timeout: 60_000 });
  return Number(stdout);
}

async function plainPython(python: string): Promise<number[]> {
  const times: number[] = [];
  for (const { program, input } of ordinaryPrograms.slice(0, 12)) {
    const began = performance.now();
    await promisify(execFile)(python, ["-I", "-c", `${program}\nprint(repr(f(${input})))`], { timeout: 60_000 });
    times.push(performance.now() - began);
  }
  return times;
}
