// `azr resume`: goes on with a run from its latest checkpoint; needs nothing but its folder.

import { resolve } from "node:path";
import { Command, Option } from "commander";
import { resume } from "../../train.ts";
import type { CliContext } from "../context.ts";
import { graceOption, jsonOption, whole } from "../options.ts";
import { runCommand } from "../run-command.ts";
import { tellResult } from "../run-result.ts";

export function resumeCommand(context: CliContext): Command {
  return new Command("resume")
    .description("Go on with a run from its latest checkpoint, step for step as if it had never stopped.")
    .argument("<run>", "the run's folder")
    .addOption(new Option("--steps <n>", "gradient steps in all, instead of those that the run was begun with").argParser(whole(0)))
    .addOption(graceOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr resume runs/demo-seed0")
    .action(async (path: string, { steps, grace, json = false }: { steps?: number; grace: number; json?: boolean }) => {
      await runCommand(context, { json, grace }, async ({ sinks, signal, onRun }) => {
        const run = resume(resolve(context.cwd, path), { sinks, signal, ...(steps === undefined ? {} : { change: { steps } }) });
        onRun(run);
        await tellResult(context, run, json);
      });
    });
}
