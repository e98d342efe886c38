// `azr generate`: samples from a model.

import { Command, Option } from "commander";
import { generateText } from "../../generate-text.ts";
import type { WeightFormat } from "../../open-model.ts";
import { print, printJson } from "../context.ts";
import type { CliContext } from "../context.ts";
import { fetchModel } from "../model-progress.ts";
import { adapterOption, decimal, jsonOption, modelOption, seedOption, threadsOption, weightsOption, collect, whole } from "../options.ts";
import { stoppable } from "../stop.ts";

interface GenerateOptions {
  model: string;
  adapter?: string;
  prompt: string[];
  chat?: boolean;
  n: number;
  temperature: number;
  topP: number;
  topK: number;
  minP: number;
  repetitionPenalty: number;
  stop: string[];
  maxTokens: number;
  minTokens: number;
  seed: number;
  threads?: number;
  weights: WeightFormat;
  json?: boolean;
}

export function generateCommand(context: CliContext): Command {
  return new Command("generate")
    .description("Sample completions of a prompt.")
    .addOption(modelOption())
    .addOption(adapterOption())
    .addOption(new Option("--prompt <text>", "the prompt; special tokens written in it count as such; repeatable").argParser(collect).makeOptionMandatory())
    .addOption(new Option("--chat", "take each prompt as a user's message, written by the model's chat template"))
    .addOption(new Option("-n, --n <n>", "completions a prompt").argParser(whole(1)).default(1))
    .addOption(new Option("--temperature <t>", "0 is greedy").argParser(decimal(0)).default(1))
    .addOption(new Option("--top-p <p>", "sample from the smallest set of tokens with this probability").argParser(decimal(0, 1, { above: true })).default(1))
    .addOption(new Option("--top-k <k>", "sample from the k most probable tokens; 0 is off").argParser(whole(0)).default(0))
    .addOption(new Option("--min-p <p>", "drop tokens less probable than this share of the most probable one; 0 is off").argParser(decimal(0, 1)).default(0))
    .addOption(new Option("--repetition-penalty <r>", "divide the positive logits of tokens seen before by this, multiply the others; 1 is off").argParser(decimal(0, Number.POSITIVE_INFINITY, { above: true })).default(1))
    .addOption(new Option("--stop <text>", "end before this text; repeatable").argParser(collect).default([], "none"))
    .addOption(new Option("--max-tokens <n>", "most tokens a completion").argParser(whole(1)).default(128))
    .addOption(new Option("--min-tokens <n>", "no end before so many tokens").argParser(whole(0)).default(0))
    .addOption(seedOption().default(0))
    .addOption(threadsOption())
    .addOption(weightsOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nA single completion is written as it is sampled. With --json: one object a prompt, with token ids and log-probabilities.\n\nExample:\n  azr generate --prompt '<|deduce|><|program|>def f(a):\n    return a[::-1]<|input|>[1, 2]<|output|>' --n 4 --json",
    )
    .action(async ({ prompt, n, json, ...options }: GenerateOptions) => {
      await stoppable(context, json === true, async (signal) => {
        await fetchModel(context, options.model, { json, signal });
        const alone = json !== true && prompt.length === 1 && n === 1;
        const onText = ({ text }: { text: string }) => void context.stdout.write(text);
        const results = await generateText({ ...options, prompts: prompt, samples: n, signal, ...(alone ? { onText } : {}) });
        if (alone) return print(context, "");
        for (const result of results) {
          if (json === true) await printJson(context, result);
          else for (const { text } of result.completions) await print(context, text);
        }
      });
    });
}
