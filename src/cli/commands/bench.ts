// `azr bench`: how fast parts of the package are on this machine, each with what limits it beside it.

import { Command, Option } from "commander";
import { benchExecutor, type ExecutorBench, type Spread } from "../../bench/bench-executor.ts";
import { print, printJson, say } from "../context.ts";
import type { CliContext } from "../context.ts";
import { allowUntestedPythonOption, jsonOption, pythonOption, whole, workersOption } from "../options.ts";

interface BenchOptions {
  json?: boolean;
  workers?: number;
  python?: string;
  allowUntestedPython?: boolean;
  rounds: number;
}

export function benchCommand(context: CliContext): Command {
  return new Command("bench")
    .description("Measure how fast parts of the package are on this machine.")
    .addCommand(executorCommand(context));
}

function executorCommand(context: CliContext): Command {
  return new Command("executor")
    .description("Runs a second of the locked process over a fixed mix of ordinary programs, beside a bare fork and a new python3 for each run.")
    .addOption(workersOption())
    .addOption(pythonOption())
    .addOption(allowUntestedPythonOption())
    .addOption(new Option("--rounds <n>", "rounds of each measurement").argParser(whole(1)).default(5))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr bench executor")
    .action(async ({ json, ...options }: BenchOptions) => {
      if (json !== true) say(context, "measuring; this takes some seconds, and other work on the machine shows in it");
      const bench = await benchExecutor(options);
      if (json === true) await printJson(context, bench);
      else await print(context, executorTable(bench));
    });
}

function executorTable(bench: ExecutorBench): string {
  const range = ({ low, high }: Spread, digits: number): string => `(${low.toFixed(digits)} to ${high.toFixed(digits)})`;
  const rows: [string, string][] = [
    ["a run, request to answer", `median ${bench.p50Ms.toFixed(2)} ms, 99 % within ${bench.p99Ms.toFixed(2)} ms`],
    ["one core for all", bench.oneCore === null ? "not measured: there is no taskset" : `${bench.oneCore.median.toFixed(0)} runs/s ${range(bench.oneCore, 0)}`],
    ["one worker", `${bench.oneWorker.median.toFixed(0)} runs/s ${range(bench.oneWorker, 0)}`],
    [`${bench.cores} workers`, `${bench.runsPerSecond.toFixed(0)} runs/s ${range(bench.allWorkers, 0)}, ${bench.runsPerSecondPerCore.toFixed(0)} a core${bench.scaling === null ? "" : `, ${bench.scaling.toFixed(2)} times one core`}`],
    ["an endless loop", `stopped at most ${bench.overshootMs.toFixed(1)} ms of processor time late`],
    ["a bare fork in C", `${bench.bareForkMs.toFixed(2)} ms`],
    ["a new python3 -I", `${bench.plainPythonMs.median.toFixed(0)} ms ${range(bench.plainPythonMs, 0)}`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [`CPython ${bench.python}, ${bench.programs} programs, ${bench.rounds} rounds`, ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`)].join("\n");
}
