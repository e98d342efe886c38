// `azr generate`: samples from a model.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Command, Option } from "commander";
import { AzrError } from "../../errors.ts";
import { generateText } from "../../generate-text.ts";
import type { WeightFormat } from "../../open-model.ts";
import { print, printJson } from "../context.ts";
import type { CliContext } from "../context.ts";
import { fetchModel } from "../model-progress.ts";
import { adapterOption, decimal, jsonOption, modelOption, seedOption, threadsOption, weightsOption, collect, whole } from "../options.ts";
import { slowLine } from "../slow-line.ts";
import { stoppable } from "../stop.ts";

interface GenerateOptions {
  model: string;
  adapter?: string;
  prompt?: string[];
  promptFile?: string[];
  chat?: boolean;
  system?: string;
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
    .addOption(new Option("--prompt-file <file>", "a file with a prompt, its last line break left out; - for standard input; repeatable").argParser(collect))
    .addOption(new Option("--chat", "take each prompt as a user's message, written by the model's chat template"))
    .addOption(new Option("--system <text>", "with --chat: the message of the system before each prompt"))
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
      "\nA single completion is written as it is sampled, several with a line before each. With --json: one object a prompt, with token ids and log-probabilities.\n\nExample:\n  azr generate --prompt '<|deduce|><|program|>def f(a):\n    return a[::-1]<|input|>[1, 2]<|output|>' --n 4 --json",
    )
    .action(async ({ prompt = [], promptFile = [], n, json, ...options }: GenerateOptions) => {
      if (options.system !== undefined && options.chat !== true) {
        throw new AzrError("AZR_INPUT_INVALID", "--system is a message of a chat, and --chat is not given.", { hint: "Give --chat too, or write the text into the prompt." });
      }
      const prompts = [...prompt, ...promptFile.map((file) => readPrompt(context, file))];
      await stoppable(context, json === true, async (signal) => {
        await fetchModel(context, options.model, { json, signal });
        const alone = json !== true && prompts.length === 1 && n === 1;
        using progress = slowLine(context, `opening ${options.model}`, { json });
        const onText = ({ text }: { text: string }): void => {
          progress.tell("sampling");
          if (!alone) return;
          progress[Symbol.dispose]();
          context.stdout.write(text);
        };
        const results = await generateText({ ...options, prompts, samples: n, signal, onText });
        progress.erase();
        if (alone) return print(context, "");
        for (const [index, result] of results.entries()) {
          if (json === true) await printJson(context, result);
          else for (const [sample, { text }] of result.completions.entries()) await print(context, `${headingOf(prompts.length, index, n, sample)}\n${text}`);
        }
      });
    });
}

/** What stands before one of several completions. */
function headingOf(prompts: number, prompt: number, samples: number, sample: number): string {
  const parts = [...(prompts > 1 ? [`prompt ${prompt + 1} of ${prompts}`] : []), ...(samples > 1 ? [`completion ${sample + 1} of ${samples}`] : [])];
  return `--- ${parts.join(", ")} ---`;
}

function readPrompt(context: CliContext, file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : resolve(context.cwd, file), "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new AzrError("AZR_INPUT_INVALID", `The prompt file ${file} cannot be read.`, { hint: "Give the path of a text file, or - for standard input.", cause });
  }
}
