// `azr exec`: runs programs in the locked process and says how each run ended.

import { Command, Option } from "commander";
import { execJsonl } from "../../executor/exec-jsonl.ts";
import type { ExecAnswer } from "../../executor/exec-jsonl.ts";
import { openExecutor } from "../../executor/open.ts";
import type { CliContext } from "../context.ts";
import { runJsonl } from "../jsonl-command.ts";
import { allowUntestedPythonOption, jsonOption, pythonOption, whole, workersOption } from "../options.ts";

interface ExecOptions {
  jsonl: string;
  json?: boolean;
  determinism: "once" | "pair" | "full";
  workers?: number;
  python?: string;
  allowUntestedPython?: boolean;
  cpuMs?: number;
  wallMs?: number;
  memoryMib?: number;
}

export function execCommand(context: CliContext): Command {
  return new Command("exec")
    .description("Run Python programs in the locked process: one answer a line, in the order of the input.")
    .requiredOption("--jsonl <file>", 'lines {"id","program","inputs":[text...]}; - for standard input')
    .addOption(
      new Option("--determinism <how>", "executions of each input: once, pair (two that differ in seed, clock, layout) or full (four)")
        .choices(["once", "pair", "full"])
        .default("full"),
    )
    .addOption(workersOption())
    .addOption(pythonOption())
    .addOption(allowUntestedPythonOption())
    .addOption(new Option("--cpu-ms <n>", "processor milliseconds of one run").argParser(whole(1)))
    .addOption(new Option("--wall-ms <n>", "wall-clock milliseconds of one run").argParser(whole(1)))
    .addOption(new Option("--memory-mib <n>", "memory of one run in MiB").argParser(whole(1)))
    .addOption(jsonOption())
    .addHelpText("after", `\nExample:\n  echo '{"id":1,"program":"def f(a): return a[::-1]","inputs":["[1, 2, 3]"]}' | azr exec --jsonl -`)
    .action(async (options: ExecOptions) => {
      const { cpuMs, wallMs, memoryMib, workers, python, allowUntestedPython, determinism } = options;
      const limits = {
        ...(cpuMs === undefined ? {} : { cpuMs }),
        ...(wallMs === undefined ? {} : { wallMs }),
        ...(memoryMib === undefined ? {} : { memoryBytes: memoryMib * 2 ** 20 }),
      };
      await runJsonl<ExecAnswer>(context, options, async (job) => {
        await using executor = await openExecutor({ workers, python, allowUntestedPython });
        return await execJsonl({ ...job, executor, determinism, limits });
      });
    });
}
