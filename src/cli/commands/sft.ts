// `azr sft`: supervised warm-up from files of JSON lines.

import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { planSft, sft } from "../../sft.ts";
import type { SftConfigInput, SftPlan, SftRun } from "../../sft.ts";
import { loadSft } from "../../sft/config.ts";
import { print, printJson, say } from "../context.ts";
import type { CliContext } from "../context.ts";
import { bytesText, fetchModel } from "../model-progress.ts";
import { graceOption, jsonOption, seedOption, setOption, whole } from "../options.ts";
import { runCommand } from "../run-command.ts";
import { stoppable } from "../stop.ts";

type DataFile = NonNullable<NonNullable<SftConfigInput["data"]>["files"]>[number];

interface SftCommandOptions {
  data?: DataFile[];
  validation?: DataFile[];
  model?: string;
  seed?: number;
  epochs?: number;
  steps?: number;
  trainOn?: "response" | "last" | "all";
  out?: string;
  set?: string[];
  dryRun?: boolean;
  grace: number;
  json?: boolean;
}

// rows.jsonl, or rows.jsonl=0.5 with a weight.
function dataFile(text: string, previous: DataFile[] | undefined): DataFile[] {
  const [, path, weight] = /^(.+?)(?:=(\d+(?:\.\d+)?))?$/.exec(text) ?? [];
  if (path === undefined) throw new InvalidArgumentError("Expected the path of a file.");
  return [...(previous ?? []), { path, ...(weight === undefined ? {} : { weight: Number(weight) }) }];
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("Expected a number above 0.");
  return value;
}

export function sftCommand(context: CliContext): Command {
  return new Command("sft")
    .description("Train a model on given answers: prompts and responses, conversations, or texts, as JSON lines.")
    .addArgument(new Argument("[config]", "configuration file; none is looked for"))
    .addOption(new Option("--data <file>", 'lines {"prompt","response"}, {"messages"} or {"text"}; repeatable; FILE=2 has each row come twice an epoch').argParser(dataFile))
    .addOption(new Option("--validation <file>", "lines to measure the loss on; repeatable").argParser(dataFile))
    .option("--model <model>", "`seedling`, a Hugging Face folder, a GGUF file, a run folder or a name of the hub")
    .addOption(seedOption())
    .addOption(new Option("--epochs <n>", "how often the data is gone through; may be a fraction").argParser(positive))
    .addOption(new Option("--steps <n>", "gradient steps in all, in place of epochs").argParser(whole(1)))
    .addOption(new Option("--train-on <tokens>", "which tokens are trained").choices(["response", "last", "all"]))
    .option("--out <folder>", "folder for the finished model; it must not be there, or be empty (default: `model` in the run folder)")
    .addOption(setOption())
    .option("--dry-run", "read the data, tell tokens, steps and memory, and stop")
    .addOption(graceOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr sft --model Qwen/Qwen2.5-0.5B --data answers.jsonl --epochs 2 --set validation.share=0.05")
    .action(async (file: string | undefined, options: SftCommandOptions) => {
      const { dryRun, grace, json = false } = options;
      const resolved = await loadSft({ cwd: context.cwd, env: context.env, argument: argumentOf(options), ...(file && { file }), ...(options.set && { set: options.set }) });
      const { model, timeBudgetSeconds } = resolved.config;
      await stoppable(context, json, async (signal) => {
        await fetchModel(context, model, { json, signal });
        if (dryRun !== true) return;
        const plan = await planSft(resolved, { signal });
        if (json) return printJson(context, { type: "dry-run", plan, config: resolved.config, origins: resolved.origins, hash: resolved.hash });
        for (const line of planText(plan)) await print(context, line);
      });
      if (dryRun === true || context.exitCode !== 0) return;
      await runCommand(context, { json, grace, budgetSeconds: timeBudgetSeconds }, async ({ sinks, signal, onRun }) => {
        const run = sft(resolved, { sinks, signal });
        onRun(run);
        await tellSftResult(context, run, json);
      });
    });
}

function argumentOf({ data, validation, model, seed, epochs, steps, trainOn, out }: SftCommandOptions): SftConfigInput {
  const given = { model, seed, epochs, steps, out };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(data || trainOn ? { data: { ...(data && { files: data }), ...(trainOn && { trainOn }) } } : {}),
    ...(validation ? { validation: { files: validation } } : {}),
  };
}

function planText({ steps, files, validationFiles, rows, tokens, trainedTokens, heldOutRows, notes, parameters, memory }: SftPlan): string[] {
  const number = (value: number): string => value.toLocaleString("en-US");
  const { total, ...parts } = memory;
  return [
    ...files.map((file) => `${file.path}: ${number(file.rows)} rows, ${number(file.tokens)} tokens, ${number(file.trainedTokens)} of them trained, longest row ${number(file.longest)}${file.weight === 1 ? "" : `, weight ${file.weight}`}`),
    ...validationFiles.map((file) => `${file.path}: ${number(file.rows)} rows to measure on`),
    ...notes.map((note) => `note: ${note}`),
    `data: ${number(rows)} rows, ${number(tokens)} tokens, ${number(trainedTokens)} of them trained; ${number(heldOutRows)} rows held out`,
    `steps: ${number(steps)}`,
    `memory: ${bytesText(total)} for ${number(parameters)} parameters (${Object.entries(parts).map(([part, bytes]) => `${part} ${bytesText(bytes)}`).join(", ")})`,
  ];
}

/** How `azr sft` ends, and `azr resume` of such a run: stdout gets the model's folder (the run's when it was stopped), or with --json one last object. */
export async function tellSftResult(context: CliContext, run: SftRun, json: boolean): Promise<void> {
  const { status, step, dir, checkpoint, model, best, endedEarly } = await run.result;
  if (json) return printJson(context, { type: "sft-result", status, step, endedEarly, run: dir, checkpoint: checkpoint ?? null, model: model ?? null, best: best ?? null });
  if (best !== undefined) say(context, `best held-out loss: ${best.loss.toFixed(4)} after step ${best.step}`);
  if (endedEarly) say(context, `ended after step ${step}: the held-out loss no longer fell`);
  return print(context, model ?? dir);
}
