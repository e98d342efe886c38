// `azr inspect`: what something is and needs, without running it.

import { Command, Option } from "commander";
import { inspectModel } from "../../inspect-model.ts";
import type { ModelReport } from "../../inspect-model.ts";
import type { BytesByFormat, TrainingMemory } from "../../model-memory.ts";
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
  checkpointActivations?: boolean;
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
    .addOption(new Option("--checkpoint-activations", "train with update.checkpointActivations"))
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

function windowText({ windows = [], layers }: ModelReport["shape"]): string {
  const some = windows.filter((window) => window > 0);
  return some.length === 0 ? "" : `; ${some.length} of ${layers} layers see the last ${[...new Set(some)].join(" or ")}`;
}

function reportText({ model, pinned, architecture, shape, parameters, context, tokenizerSize, files, memory }: ModelReport): string {
  const { layers, hiddenSize, heads, keyValueHeads, headSize, feedForwardSize, vocabularySize, tiedHead } = shape;
  const { weights, cachePerToken, rollout, training, lora } = memory;
  const each = ({ f32, bf16, q8 }: BytesByFormat): string => `${bytesText(f32)} in f32, ${bytesText(bf16)} in bf16, ${bytesText(q8)} in q8`;
  const parts = ({ weights, gradients, moments, copies, activations }: TrainingMemory): string =>
    `weights ${bytesText(weights)}, gradients ${bytesText(gradients)}, moments ${bytesText(moments)}, copies ${bytesText(copies)}, activations of ${training.microBatchTokens} tokens ${bytesText(activations)}`;
  const rows: [label: string, text: string][] = [
    ["model", pinned ?? model],
    ["architecture", architecture ?? "not named"],
    ["parameters", `${(parameters / 1e6).toFixed(1)} million`],
    ["shape", `${layers} layers of ${hiddenSize}; ${heads} heads of ${headSize} over ${keyValueHeads} of keys and values; feed-forward ${feedForwardSize}`],
    ["vocabulary", `${vocabularySize}${tiedHead ? ", head tied to the embedding" : ""}; tokenizer of ${tokenizerSize ?? "unknown size"}`],
    ["context", `${context} tokens${windowText(shape)}`],
    ...files.map(({ name, bytes, types }): [string, string] => ["file", `${name}, ${bytesText(bytes)}${types === null ? ", not downloaded" : ` of ${Object.keys(types).join(", ")}`}`]),
    ["weights", `${each(weights)}, to sample and score`],
    ["cache", `${bytesText(cachePerToken)} for each token`],
    ["rollout", `${each(rollout.total)}, for ${rollout.batch} sequences of ${rollout.length} tokens`],
    ["training", `${bytesText(training.f32.total)} in f32, ${bytesText(training.bf16.total)} in bf16; in f32: ${parts(training.f32)}`],
    ["adapters", `${bytesText(lora.f32.total)} in f32, ${bytesText(lora.bf16.total)} in bf16, to train ${(lora.parameters / 1e6).toFixed(1)} million numbers of rank ${lora.rank} (update.lora); in f32: ${parts(lora.f32)}`],
  ];
  return rows.map(([label, text]) => `${`${label}:`.padEnd(14)}${text}`).join("\n");
}
