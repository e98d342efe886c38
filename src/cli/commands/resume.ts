// `azr resume`: goes on with a run from its latest checkpoint; needs nothing but its folder.

import { resolve } from "node:path";
import { Command, Option } from "commander";
import { readRunMethod } from "../../run/folder.ts";
import { resumeSft } from "../../sft.ts";
import { resume } from "../../train.ts";
import type { CliContext } from "../context.ts";
import { graceOption, jsonOption, setOption, whole } from "../options.ts";
import { runCommand } from "../run-command.ts";
import { tellResult } from "../run-result.ts";
import { tellSftResult } from "./sft.ts";

interface ResumeOptions {
  steps?: number;
  set?: string[];
  checkpoint?: string;
  reviewed?: boolean;
  grace: number;
  json?: boolean;
}

export function resumeCommand(context: CliContext): Command {
  return new Command("resume")
    .description("Go on with a run from its latest checkpoint, step for step as if it had never stopped.")
    .argument("<run>", "the run's folder")
    .addOption(new Option("--steps <n>", "gradient steps in all, instead of those that the run was begun with").argParser(whole(0)))
    .addOption(setOption())
    .option("--checkpoint <name>", "go on from this earlier checkpoint (step-000120) in place of the latest; later ones are set aside")
    .option("--reviewed", "go on with a run that oversight paused: what it found was looked at")
    .addOption(graceOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr resume runs/demo-seed0")
    .action(async (path: string, { steps, set, checkpoint, reviewed, grace, json = false }: ResumeOptions) => {
      const dir = resolve(context.cwd, path);
      const supervised = (await readRunMethod(dir)) === "sft";
      await runCommand(context, { json, grace }, async ({ sinks, signal, onRun }) => {
        const options = {
          sinks,
          signal,
          ...(steps === undefined ? {} : { change: { steps } }),
          ...(set === undefined ? {} : { set }),
          ...(checkpoint === undefined ? {} : { checkpoint }),
        };
        if (supervised) {
          const run = resumeSft(dir, options);
          onRun(run);
          return tellSftResult(context, run, json);
        }
        const run = resume(dir, { ...options, ...(reviewed === undefined ? {} : { reviewed }) });
        onRun(run);
        return tellResult(context, run, json);
      });
    });
}
