// How fast a model is trained on this machine: whole updates (forward, backward, clipping, AdamW) of sequences of fixed lengths, beside the best product
// that the machine has, measured in the same run; and the memory that they take, by part.
import { AzrError } from "../errors.ts";
import type { Engine, EngineMemory, UpdateRequest } from "../engine/engine.ts";
import { productWeights } from "../engine/model-shape.ts";
import { openEngine, type OpenEngineOptions } from "../engine/open.ts";
import { measureLimits } from "./bench-decode.ts";
import { fixedPrompts } from "./shared-prompt.ts";
import { spread, type Spread } from "./spread.ts";

export interface UpdateBench {
  type: "bench-update";
  model: string;
  threads: number;
  weights: "f32" | "bf16";
  parameters: number;
  /** Numbers that the updates change: all of them, or those of the adapters. */
  trained: number;
  sequences: number;
  /** Tokens of each sequence, all of them trained but the first. */
  length: number;
  /** Most tokens computed at once. */
  microBatchTokens: number;
  /** Tokens that an update takes in a second: the median; and its spread. */
  tokensPerSecond: number;
  spread: Spread;
  /** What the products allow: six operations a weight and token, two forward and four for the gradients; with adapters two of those. */
  limitTokensPerSecond: number;
  gigaflops: number;
  /** Bytes of the engine after the updates, by part. */
  memory: EngineMemory;
  /** Most bytes that the process held resident. */
  peakBytes: number;
  rounds: number;
}

export interface BenchUpdateOptions {
  model: string;
  threads?: number;
  /** How products read the weights. Default `f32`. */
  weights?: "f32" | "bf16";
  /** Default 8. */
  sequences?: number;
  /** Default 256. */
  length?: number;
  /** Default: the engine's choice. */
  microBatchTokens?: number;
  rounds?: number;
  /** Train adapters of this rank in place of the weights. */
  loraRank?: number;
  signal?: AbortSignal;
}

/** Cross-entropy over all tokens of the sequences but their first. */
function request({ sequences, length, vocabulary, microBatchTokens }: { sequences: number; length: number; vocabulary: number; microBatchTokens: number }): UpdateRequest {
  const { tokens } = fixedPrompts(sequences, length, vocabulary);
  const row = (at: number): Int32Array => tokens.subarray(at * length, (at + 1) * length);
  const completions = new Int32Array(sequences * (length - 1));
  for (let at = 0; at < sequences; at++) completions.set(row(at).subarray(1), at * (length - 1));
  return {
    prompts: { tokens: Int32Array.from({ length: sequences }, (_, at) => row(at)[0]!), lengths: new Int32Array(sequences).fill(1) },
    completions: { tokens: completions, lengths: new Int32Array(sequences).fill(length - 1) },
    completionPrompt: Int32Array.from({ length: sequences }, (_, at) => at),
    weights: new Float32Array(completions.length).fill(1 / completions.length),
    loss: "cross-entropy",
    optimizer: { learningRate: 1e-5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 },
    microBatchTokens,
  };
}

/**
 * Measures; the model in memory is trained on nonsense and thrown away. The machine should be idle.
 * @throws AzrError AZR_INPUT_INVALID for a length that the model does not reach, and what `openEngine` throws
 */
export async function benchUpdate(options: BenchUpdateOptions): Promise<UpdateBench> {
  const { model, threads, weights = "f32", sequences = 8, length = 256, microBatchTokens = 1024, rounds = 5, loraRank, signal } = options;
  const opening: OpenEngineOptions = { model, weights, ...(threads === undefined ? {} : { threads }), ...(signal && { signal }) };
  const { flops } = await measureLimits(opening);
  await using engine = await openEngine({ ...opening, ...(loraRank === undefined ? {} : { lora: { rank: loraRank } }) });
  if (length < 2 || length > engine.shape.maxPositions) {
    throw new AzrError("AZR_INPUT_INVALID", `Sequences of ${length} tokens do not suit a model of ${engine.shape.maxPositions} positions.`, { hint: "Ask for at least 2 and at most so many." });
  }
  const update = request({ sequences, length, vocabulary: engine.shape.vocabularySize, microBatchTokens });
  const rates: number[] = [];
  await timed(engine, update, signal); // memory is taken and matrices are packed
  for (let round = 0; round < rounds; round++) rates.push((sequences * length) / (await timed(engine, update, signal)));
  const measured = spread(rates);
  const stats = engine.stats();
  return {
    type: "bench-update",
    model,
    threads: stats.threads,
    weights,
    parameters: stats.parameters,
    trained: stats.lora?.parameters ?? stats.parameters,
    sequences,
    length,
    microBatchTokens,
    tokensPerSecond: measured.median,
    spread: measured,
    limitTokensPerSecond: flops / ((stats.lora ? 4 : 6) * productWeights(engine.shape)),
    gigaflops: flops / 1e9,
    memory: stats.memory,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    rounds,
  };
}

async function timed(engine: Engine, update: UpdateRequest, signal: AbortSignal | undefined): Promise<number> {
  const began = performance.now();
  await engine.update({ ...update, ...(signal && { signal }) });
  return (performance.now() - began) / 1000;
}
