// `azr bench`: how fast parts of the package are on this machine, each with what limits it beside it.

import { Command, Option } from "commander";
import { benchDecode, type DecodeBench } from "../../bench/bench-decode.ts";
import { benchUpdate, type UpdateBench } from "../../bench/bench-update.ts";
import { benchExecutor, type ExecutorBench } from "../../bench/bench-executor.ts";
import type { SharedPromptComparison } from "../../bench/shared-prompt.ts";
import type { Spread } from "../../bench/spread.ts";
import type { WeightFormat } from "../../open-model.ts";
import { print, printJson, say } from "../context.ts";
import type { CliContext } from "../context.ts";
import { bytesText, fetchModel } from "../model-progress.ts";
import { allowUntestedPythonOption, jsonOption, modelOption, pythonOption, threadsOption, weightsOption, whole, workersOption } from "../options.ts";
import { stoppable } from "../stop.ts";

interface BenchOptions {
  json?: boolean;
  workers?: number;
  python?: string;
  allowUntestedPython?: boolean;
  rounds: number;
}

export function benchCommand(context: CliContext): Command {
  return new Command("bench")
    .description("Measure how fast parts of the package are on this machine.")
    .addCommand(executorCommand(context))
    .addCommand(decodeCommand(context))
    .addCommand(updateCommand(context));
}

/** Fetches the model, measures, and prints. */
async function measureModel<Options extends { model: string; json?: boolean }, Bench>(
  context: CliContext,
  { json, ...options }: Options,
  { measure, table }: { measure(options: Omit<Options, "json"> & { signal: AbortSignal }): Promise<Bench>; table(bench: Bench): string },
): Promise<void> {
  await stoppable(context, json === true, async (signal) => {
    await fetchModel(context, options.model, { json, signal });
    if (json !== true) say(context, "measuring; this takes a minute or two, and other work on the machine shows in it");
    const bench = await measure({ ...options, signal });
    if (json === true) await printJson(context, bench);
    else await print(context, table(bench));
  });
}

interface DecodeOptions {
  json?: boolean;
  model: string;
  threads?: number;
  weights: WeightFormat;
  batches: number[];
  promptTokens: number;
  newTokens: number;
  sharedSamples: number;
  rounds: number;
}

function decodeCommand(context: CliContext): Command {
  return new Command("decode")
    .description("Tokens a second that a model samples, by rows decoded together, beside the limits of the machine measured in the same run.")
    .addOption(modelOption())
    .addOption(threadsOption())
    .addOption(weightsOption())
    .addOption(new Option("--batches <n,...>", "rows decoded together").argParser((text: string) => text.split(",").map(whole(1))).default([1, 8, 64], "1,8,64"))
    .addOption(new Option("--prompt-tokens <n>", "tokens of each prompt").argParser(whole(1)).default(16))
    .addOption(new Option("--new-tokens <n>", "tokens sampled a row").argParser(whole(2)).default(32))
    .addOption(new Option("--shared-samples <n>", "samples of one prompt of 512 tokens, also beside as many separate requests; 0 leaves them out").argParser(whole(0)).default(8))
    .addOption(new Option("--rounds <n>", "rounds of each measurement").argParser(whole(1)).default(5))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr bench decode --model seedling --shared-samples 0")
    .action((options: DecodeOptions) => measureModel(context, options, { measure: benchDecode, table: decodeTable }));
}

interface UpdateOptions {
  json?: boolean;
  model: string;
  threads?: number;
  weights: "f32" | "bf16";
  sequences: number;
  length: number;
  microBatchTokens?: number;
  loraRank?: number;
  rounds: number;
}

function updateCommand(context: CliContext): Command {
  return new Command("update")
    .description("Tokens a second that a model is trained on (forward, backward, clipping, AdamW), beside what the machine's products allow, and the memory by part.")
    .addOption(modelOption())
    .addOption(threadsOption())
    .addOption(new Option("--weights <format>", "how products read the weights").choices(["f32", "bf16"]).default("f32"))
    .addOption(new Option("--sequences <n>", "sequences of an update").argParser(whole(1)).default(8))
    .addOption(new Option("--length <n>", "tokens of each").argParser(whole(2)).default(256))
    .addOption(new Option("--micro-batch-tokens <n>", "most tokens computed at once; by default the engine's choice").argParser(whole(1)))
    .addOption(new Option("--lora-rank <n>", "train adapters of this rank in place of the weights").argParser(whole(1)))
    .addOption(new Option("--rounds <n>", "updates that are measured").argParser(whole(1)).default(5))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr bench update --model seedling")
    .action((options: UpdateOptions) => measureModel(context, options, { measure: benchUpdate, table: updateTable }));
}

function updateTable({ model, parameters, trained, weights, threads, rounds, sequences, length, microBatchTokens, tokensPerSecond, spread, limitTokensPerSecond, gigaflops, memory, peakBytes }: UpdateBench): string {
  const parts = Object.entries(memory).map(([part, bytes]) => `${part} ${bytesText(bytes)}`);
  return [
    `${model}, ${(parameters / 1e6).toFixed(1)} million parameters in ${weights}${trained < parameters ? `, with adapters of ${(trained / 1e6).toFixed(1)} million that are trained` : ""}, ${count(threads, "thread")}, ${count(rounds, "round")}`,
    `${count(sequences, "sequence")} of ${length} tokens, at most ${microBatchTokens} at once`,
    `${tokensPerSecond.toFixed(0)} tokens/s ${range(spread, 0)}, ${((100 * tokensPerSecond) / limitTokensPerSecond).toFixed(0)} % of the ${limitTokensPerSecond.toFixed(0)} that products at ${gigaflops.toFixed(0)} billion operations/s allow`,
    `memory: ${parts.join(", ")}; the process at most ${bytesText(peakBytes)}`,
  ].join("\n");
}

const range = ({ low, high }: Spread, digits: number): string => `(${low.toFixed(digits)} to ${high.toFixed(digits)})`;

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;

function decodeTable({ model, parameters, threads, weights, gigaflops, gigabytesPerSecond, rows, invariance, sharedPrompt, rounds }: DecodeBench): string {
  const lines = rows.map((row) => {
    const share = (100 * row.tokensPerSecond) / row.limitTokensPerSecond;
    const what = row.shared ? `${row.batch} samples of one prompt of ${row.promptTokens}` : count(row.batch, "row");
    return `${what.padEnd(32)} ${row.tokensPerSecond.toFixed(0).padStart(6)} tokens/s ${range(row.spread, 0)}, ${share.toFixed(0)} % of the ${row.limitTokensPerSecond.toFixed(0)} that ${row.limitedBy === "memory" ? "memory" : "products"} allow`;
  });
  return [
    `${model}, ${(parameters / 1e6).toFixed(1)} million parameters in ${weights}, ${count(threads, "thread")}, ${count(rounds, "round")}`,
    `the machine: ${gigaflops.toFixed(0)} billion operations/s in a large product, ${gigabytesPerSecond.toFixed(1)} billion bytes/s read`,
    ...lines,
    `products whose results hang on their own row alone, beside LibTorch's${weights === "q8" ? " in single precision" : ""}: ${invariance.map(({ batch, price }) => `${count(batch, "row")} ${price < 0 ? `${(1 / (1 + price)).toFixed(2)} times as fast` : `${(100 * price).toFixed(0)} % slower`}`).join(", ")}`,
    ...(sharedPrompt === null ? [] : sharedPromptLines(sharedPrompt)),
  ].join("\n");
}

function sharedPromptLines({ samples, promptTokens, newTokens, shared, together, oneByOne, timesTogether, timesOneByOne }: SharedPromptComparison): string[] {
  const line = (what: string, rate: Spread, times?: Spread): string =>
    `  ${what.padEnd(30)} ${rate.median.toFixed(0).padStart(6)} tokens/s ${range(rate, 0)}${times ? `; sharing is ${times.median.toFixed(2)} times as fast ${range(times, 2)}` : ""}`;
  return [
    `whole calls, prompts of ${promptTokens} tokens included, ${newTokens} new tokens a sample:`,
    line(`${samples} samples of one prompt`, shared),
    line(`${samples} separate prompts, one call`, together, timesTogether),
    line(`${samples} calls one after another`, oneByOne, timesOneByOne),
  ];
}

function executorCommand(context: CliContext): Command {
  return new Command("executor")
    .description("Runs a second of the locked process over a fixed mix of ordinary programs, beside a bare fork and a new python3 for each run.")
    .addOption(workersOption())
    .addOption(pythonOption())
    .addOption(allowUntestedPythonOption())
    .addOption(new Option("--rounds <n>", "rounds of each measurement").argParser(whole(1)).default(5))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr bench executor")
    .action(async ({ json, ...options }: BenchOptions) => {
      if (json !== true) say(context, "measuring; this takes some seconds, and other work on the machine shows in it");
      const bench = await benchExecutor(options);
      if (json === true) await printJson(context, bench);
      else await print(context, executorTable(bench));
    });
}

function executorTable(bench: ExecutorBench): string {
  const rows: [string, string][] = [
    ["a run, request to answer", `median ${bench.p50Ms.toFixed(2)} ms, 99 % within ${bench.p99Ms.toFixed(2)} ms`],
    ["one core for all", bench.oneCore === null ? "not measured: there is no taskset" : `${bench.oneCore.median.toFixed(0)} runs/s ${range(bench.oneCore, 0)}`],
    ["one worker", `${bench.oneWorker.median.toFixed(0)} runs/s ${range(bench.oneWorker, 0)}`],
    [`${bench.cores} workers`, `${bench.runsPerSecond.toFixed(0)} runs/s ${range(bench.allWorkers, 0)}, ${bench.runsPerSecondPerCore.toFixed(0)} a core${bench.scaling === null ? "" : `, ${bench.scaling.toFixed(2)} times one core`}`],
    ["an endless loop", `stopped at most ${bench.overshootMs.toFixed(1)} ms of processor time late`],
    ["a bare fork in C", `${bench.bareForkMs.toFixed(2)} ms`],
    ["a new python3 -I", `${bench.plainPythonMs.median.toFixed(0)} ms ${range(bench.plainPythonMs, 0)}`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [`CPython ${bench.python}, ${bench.programs} programs, ${count(bench.rounds, "round")}`, ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`)].join("\n");
}
