// `azr train`: a training run from a configuration.

import { Argument, Command, Option } from "commander";
import { loadConfig, recipeNames, sizeNames } from "../../config/index.ts";
import type { Preset } from "../../config/index.ts";
import { AzrError } from "../../errors.ts";
import { checkSeedFile, writeSeeds } from "../../run/seeds.ts";
import { train } from "../../train.ts";
import { printJson, print, say } from "../context.ts";
import type { CliContext } from "../context.ts";
import { fetchModel } from "../model-progress.ts";
import { graceOption, jsonOption, seedOption, setOption, whole } from "../options.ts";
import { runCommand } from "../run-command.ts";
import { tellResult } from "../run-result.ts";
import { stoppable } from "../stop.ts";

interface TrainOptions {
  preset?: Preset;
  model?: string;
  seed?: number;
  steps?: number;
  set?: string[];
  dryRun?: boolean;
  seedsOnly?: string;
  grace: number;
  json?: boolean;
}

export function trainCommand(context: CliContext): Command {
  return new Command("train")
    .description("Train a model by self-play.")
    .addArgument(new Argument("[config]", "configuration file; by default azr.config.* of this folder or one above"))
    .addOption(new Option("--preset <names>", `set of values to start from: a recipe (${recipeNames.join(", ")}), a size (${sizeNames.join(", ")}), or both, as paper,coder-7b`))
    .option("--model <model>", "`seedling`, a Hugging Face folder, a GGUF file, a run folder or a name of the hub")
    .addOption(seedOption())
    .addOption(new Option("--steps <n>", "gradient steps in all").argParser(whole(0)))
    .addOption(setOption())
    .option("--dry-run", "check the configuration, print it with the origin of each value, and stop")
    .option("--seeds-only <file>", "grow the seed tasks (curriculum.seedTasks), write them to this file for curriculum.seedFile, and stop before step 1")
    .addOption(graceOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr train --preset tiny-cpu --steps 20 --set update.learningRate=1e-4")
    .action(async (file: string | undefined, { preset, model, seed, steps, set, dryRun, seedsOnly, grace, json = false }: TrainOptions) => {
      const resolved = await loadConfig({
        cwd: context.cwd,
        command: "train",
        env: context.env,
        argument: {
          ...(model === undefined ? {} : { model }),
          ...(seed === undefined ? {} : { seed }),
          ...(seedsOnly !== undefined ? { steps: 0 } : steps === undefined ? {} : { steps }),
        },
        ...(file === undefined ? {} : { file }),
        ...(preset === undefined ? {} : { preset }),
        ...(set === undefined ? {} : { set }),
      });
      if (dryRun === true) {
        const { config, origins, hash } = resolved;
        if (json) return printJson(context, { type: "dry-run", config, origins, hash });
        return print(context, JSON.stringify({ config, origins, hash }, null, 2));
      }
      const { model: named, timeBudgetSeconds, curriculum } = resolved.config;
      if (seedsOnly !== undefined) {
        await checkSeedFile(seedsOnly);
        if (curriculum.seedTasks === 0) throw new AzrError("AZR_CONFIG_INVALID", "--seeds-only has nothing to grow: curriculum.seedTasks is 0", { hint: "Say how many a kind: --set curriculum.seedTasks=256" });
      }
      // Before there is a run that could be stopped in order: here a signal ends the command at once.
      await stoppable(context, json, (signal) => fetchModel(context, named, { json, signal }));
      if (context.exitCode !== 0) return;
      await runCommand(context, { json, grace, budgetSeconds: timeBudgetSeconds }, async ({ sinks, signal, onRun }) => {
        const run = train(resolved, { sinks, signal });
        onRun(run);
        await tellResult(context, run, json);
        if (seedsOnly !== undefined && (await run.result).status === "finished") say(context, `${await writeSeeds(run.dir!, seedsOnly)} seed tasks: ${seedsOnly}`);
      });
    });
}
