// `azr eval`: accuracy of a model on task files, alone or paired with a baseline on the same tasks and prompts.

import { basename, resolve } from "node:path";
import { Command, Option } from "commander";
import { evaluateSuite } from "../../eval/evaluate-suite.ts";
import { accuracyTable, heldOutTable } from "../../eval/table.ts";
import { print, printJson, say } from "../context.ts";
import type { CliContext } from "../context.ts";
import { decimal, jsonOption, modelOption, seedOption, threadsOption, whole } from "../options.ts";
import { stoppable } from "../stop.ts";

interface EvalOptions {
  model: string;
  baseline?: string;
  samples: number;
  temperature: number;
  maxTokens: number;
  format?: string;
  seed: number;
  threads?: number;
  outcomes?: boolean;
  json?: boolean;
}

export function evalCommand(context: CliContext): Command {
  return new Command("eval")
    .description("Evaluate a model on task files: greedy accuracy, mean of samples and pass@k, per kind and over all tasks.")
    .argument("<suite...>", "JSONL files of tasks")
    .addOption(modelOption())
    .option("--baseline <model>", "another model to compare with, paired by task")
    .addOption(new Option("--samples <n>", "sampled answers a task; 0 = greedy only").argParser(whole(0)).default(4))
    .addOption(new Option("--temperature <t>", "temperature of the samples").argParser(decimal(0)).default(1))
    .addOption(new Option("--max-tokens <n>", "most tokens an answer").argParser(whole(1)).default(64))
    .addOption(new Option("--format <name>", "prompt format; by default the one that the model's tokenizer has markers for").choices(["compact", "paper"]))
    .addOption(seedOption().default(0))
    .addOption(threadsOption())
    .option("--outcomes", "with --json: also one line a task with the verdict of every answer")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr eval held-out.jsonl --model runs/demo-seed0 --baseline seedling")
    .action(async (suites: string[], options: EvalOptions) => {
      const { json, outcomes: wanted, ...settings } = options;
      await stoppable(context, json === true, async (signal) => {
        for (const suite of suites) {
          const name = basename(suite);
          const result = await evaluateSuite({
            ...settings,
            suite: resolve(context.cwd, suite),
            signal,
            onBadLine: ({ line, error }) => {
              context.exitCode = 1;
              say(context, json === true ? JSON.stringify({ type: "bad-line", file: suite, line, error }) : `${suite}:${line}: ${error}`);
            },
            onProgress: (model, done, total) => (json === true ? undefined : say(context, `${name}: ${model}: ${done} of ${total} tasks`)),
          });
          const { outcomes, ...figures } = result;
          if (json === true) {
            if (wanted === true) for (const outcome of outcomes) await printJson(context, { type: "task-outcome", suite: name, ...outcome });
            await printJson(context, { type: "eval-result", suite: name, ...figures });
            continue;
          }
          const { samples, temperature, comparison } = figures;
          const lines = comparison === null ? accuracyTable(figures, samples, temperature) : heldOutTable(comparison, samples, temperature);
          await print(context, [`${name}: ${figures.model}${figures.baseline === null ? "" : ` after, ${figures.baseline} before`}`, ...lines].join("\n"));
        }
      });
    });
}
