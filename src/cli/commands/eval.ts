// `azr eval`: accuracy of a model on task files, alone or paired with a baseline on the same tasks and prompts.

import { basename, resolve } from "node:path";
import { Command, Option } from "commander";
import { AzrError } from "../../errors.ts";
import { type AnswerRow, writeRows } from "../../eval/answer-rows.ts";
import { evaluateSuite, evaluationOf } from "../../eval/evaluate-suite.ts";
import { outcomeRecord, writeOutcomes } from "../../eval/outcome-file.ts";
import type { Evaluation } from "../../eval/outcome-file.ts";
import { accuracyTable, heldOutTable, samplesLabel } from "../../eval/table.ts";
import type { WeightFormat } from "../../open-model.ts";
import { print, printJson, say } from "../context.ts";
import type { CliContext } from "../context.ts";
import { fetchModel } from "../model-progress.ts";
import { adapterOption, allowUntestedPythonOption, decimal, jsonOption, modelOption, pythonOption, seedOption, threadsOption, weightsOption, whole, workersOption } from "../options.ts";
import { slowLine } from "../slow-line.ts";
import { stoppable } from "../stop.ts";

interface EvalOptions {
  model: string;
  adapter?: string;
  baseline?: string;
  samples: number;
  temperature: number;
  maxTokens: number;
  format?: string;
  seed: number;
  threads?: number;
  weights: WeightFormat;
  workers?: number;
  python?: string;
  allowUntestedPython?: boolean;
  out?: string;
  sftOut?: string;
  sftPerTask: number;
  outcomes?: boolean;
  json?: boolean;
}

export function evalCommand(context: CliContext): Command {
  return new Command("eval")
    .description("Evaluate a model on task files: greedy accuracy, mean of samples and pass@k, per kind and over all tasks.")
    .argument("<suite...>", "JSONL files of tasks")
    .addOption(modelOption())
    .addOption(adapterOption())
    .option("--baseline <model>", "another model to compare with, paired by task")
    .addOption(new Option("--samples <n>", "sampled answers a task; 0 = greedy only").argParser(whole(0)).default(4))
    .addOption(new Option("--temperature <t>", "temperature of the samples").argParser(decimal(0)).default(1))
    .addOption(new Option("--max-tokens <n>", "most tokens an answer").argParser(whole(1)).default(64))
    .addOption(new Option("--format <name>", "prompt format; by default the one that the model's tokenizer has markers for").choices(["compact", "paper"]))
    .addOption(seedOption().default(0))
    .addOption(threadsOption())
    .addOption(weightsOption())
    .addOption(workersOption())
    .addOption(pythonOption())
    .addOption(allowUntestedPythonOption())
    .option("--out <file>", "write the verdict of every answer of --model to a file, for `azr compare`")
    .option("--sft-out <file>", "write the right answers of --model to a file, as rows for `azr sft`")
    .addOption(new Option("--sft-per-task <n>", "most of them a task, different ones").argParser(whole(1)).default(1))
    .option("--outcomes", "with --json: also one line a task with the verdict of every answer")
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  azr eval held-out.jsonl --model runs/demo-seed0 --baseline seedling\n  azr eval held-out.jsonl --temperature 0.6 --out base-0.6.jsonl\n  azr eval training.jsonl --samples 8 --sft-out right.jsonl")
    .action(async (suites: string[], options: EvalOptions) => {
      const { json, out, sftOut, sftPerTask, outcomes: wanted, workers, python, allowUntestedPython, ...settings } = options;
      const evaluations: Evaluation[] = [];
      const rows: AnswerRow[] = [];
      const keep = async (): Promise<void> => {
        if (out !== undefined) await writeOutcomes(resolve(context.cwd, out), evaluations);
        if (sftOut !== undefined) await writeRows(resolve(context.cwd, sftOut), rows);
      };
      // Outcomes are told apart by the names of their files. This, and a path that cannot be written, is found out before the work.
      const twin = suites.find((suite, at) => suites.some((other, earlier) => earlier < at && basename(other) === basename(suite)));
      if (twin !== undefined) {
        throw new AzrError("AZR_INPUT_INVALID", `Two of the task files are named ${basename(twin)}.`, { hint: "Evaluate them one by one, or rename one." });
      }
      await keep();
      await stoppable(context, json === true, async (signal) => {
        for (const model of [options.model, ...(options.baseline === undefined ? [] : [options.baseline])]) await fetchModel(context, model, { json, signal });
        for (const suite of suites) {
          using progress = slowLine(context, `opening ${options.model}`, { json });
          const result = await evaluateSuite({
            ...settings,
            executor: { workers, python, allowUntestedPython },
            ...(sftOut === undefined ? {} : { onRow: (row) => void rows.push(row), rowsPerTask: sftPerTask }),
            suite: resolve(context.cwd, suite),
            signal,
            onBadLine: ({ line, error }) => {
              context.exitCode = 1;
              progress.erase();
              say(context, json === true ? JSON.stringify({ type: "bad-line", file: suite, line, error }) : `${suite}:${line}: ${error}`);
            },
            onProgress: (model, done, total) => {
              if (json === true) return;
              progress.erase();
              progress.tell(`evaluating ${model}`);
              say(context, `${suite}: ${model}: ${done} of ${total} tasks`);
            },
          });
          progress.erase();
          evaluations.push(evaluationOf(result));
          await keep();
          if (sftOut !== undefined && json !== true) say(context, `${sftOut}: ${rows.length} rows of right answers`);
          const { outcomes, ...figures } = result;
          const { suite: name } = figures;
          if (json === true) {
            if (wanted === true) for (const outcome of outcomes) await printJson(context, outcomeRecord(name, outcome));
            await printJson(context, { type: "eval-result", ...figures });
            continue;
          }
          const { samples, temperature, comparison } = figures;
          const lines = comparison === null ? accuracyTable(figures, samples, temperature) : heldOutTable(comparison, samplesLabel(figures));
          await print(context, [`${name}: ${figures.model}${figures.baseline === null ? "" : ` after, ${figures.baseline} before`}`, ...lines].join("\n"));
        }
      });
    });
}
