// `azr inspect`: what something is and needs, without running it.

import { Command, Option } from "commander";
import { inspectModel } from "../../inspect-model.ts";
import type { ModelReport } from "../../inspect-model.ts";
import { print, printJson } from "../context.ts";
import type { CliContext } from "../context.ts";
import { bytesText, watchModel } from "../model-progress.ts";
import { jsonOption, modelOption, whole } from "../options.ts";
import { stoppable } from "../stop.ts";

interface InspectOptions {
  model: string;
  length?: number;
  batch: number;
  microBatchTokens: number;
  json?: boolean;
}

export function inspectCommand(context: CliContext): Command {
  return new Command("inspect").description("Say what something is and needs, without running it.").addCommand(modelCommand(context));
}

function modelCommand(context: CliContext): Command {
  return new Command("model")
    .description("Architecture, shape, files and memory of a model. Needs nothing that is built; of a model of the hub only the description is downloaded.")
    .addOption(modelOption())
    .addOption(new Option("--length <n>", "tokens of a sequence; by default the context, at most 4096").argParser(whole(1)))
    .addOption(new Option("--batch <n>", "sequences that are sampled at once").argParser(whole(1)).default(64))
    .addOption(new Option("--micro-batch-tokens <n>", "tokens that the training computes at once").argParser(whole(1)).default(1024))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr inspect model --model Qwen/Qwen2.5-Coder-0.5B --length 2048 --batch 128")
    .action(async ({ json, ...options }: InspectOptions) => {
      await stoppable(context, json === true, async (signal) => {
        const report = await watchModel(context, json === true, (onProgress) => inspectModel({ ...options, signal, onProgress }));
        if (json === true) await printJson(context, report);
        else await print(context, reportText(report));
      });
    });
}

function reportText({ model, pinned, architecture, shape, parameters, context, tokenizerSize, files, memory }: ModelReport): string {
  const { layers, hiddenSize, heads, keyValueHeads, headSize, feedForwardSize, vocabularySize, tiedHead } = shape;
  const { weights, copies, cachePerToken, rollout, training } = memory;
  const both = ({ fp32, bf16 }: { fp32: number; bf16: number }): string => `${bytesText(fp32)} in fp32, ${bytesText(bf16)} in bf16`;
  const rows: [label: string, text: string][] = [
    ["model", pinned ?? model],
    ["architecture", architecture ?? "not named"],
    ["parameters", `${(parameters / 1e6).toFixed(1)} million`],
    ["shape", `${layers} layers of ${hiddenSize}; ${heads} heads of ${headSize} over ${keyValueHeads} of keys and values; feed-forward ${feedForwardSize}`],
    ["vocabulary", `${vocabularySize}${tiedHead ? ", head tied to the embedding" : ""}; tokenizer of ${tokenizerSize ?? "unknown size"}`],
    ["context", `${context} tokens`],
    ...files.map(({ name, bytes, types }): [string, string] => ["file", `${name}, ${bytesText(bytes)}${types === null ? ", not downloaded" : ` of ${Object.keys(types).join(", ")}`}`]),
    ["weights", both(weights)],
    ["copies", `${both(copies)} (in the order the CPU reads them)`],
    ["cache", `${both(cachePerToken)}, for each token`],
    [`rollout`, `${both(rollout.total)}, for ${rollout.batch} sequences of ${rollout.length} tokens`],
    ["training", `${bytesText(training.total)} in fp32: weights ${bytesText(training.weights)}, gradients ${bytesText(training.gradients)}, moments ${bytesText(training.moments)}, copies ${bytesText(training.copies)}, activations of ${training.microBatchTokens} tokens ${bytesText(training.activations)}`],
  ];
  return rows.map(([label, text]) => `${`${label}:`.padEnd(14)}${text}`).join("\n");
}
