// How fast a model samples on this machine, in one sitting, beside what the machine could do at most: its best matrix product and its reading of
// memory, measured in the same run. Rates are medians over rounds, with the lowest and the highest beside them. What a shared prompt saves is
// measured by shared-prompt.ts.
import { AzrError } from "../errors.ts";
import { readModelConfig } from "../engine/model-config.ts";
import { loadAddon, type MachineLimits, type NativeEngine } from "../engine/load-addon.ts";
import { openEngine, type OpenEngineOptions } from "../engine/open.ts";
import type { Engine, WeightFormat, ModelShape } from "../engine/engine.ts";
import { bytesPerWeight, productWeights } from "../engine/model-shape.ts";
import { resolveModel } from "../engine/resolve-model.ts";
import { compareSharedPrompt, fixedPrompts, type SharedPromptComparison } from "./shared-prompt.ts";
import { spread, type Spread } from "./spread.ts";

export interface DecodeRow {
  /** Rows decoded together. */
  batch: number;
  /** Whether all rows are samples of one prompt, or have a prompt each. */
  shared: boolean;
  promptTokens: number;
  /** New tokens a row. */
  newTokens: number;
  /** Tokens decoded a second after the prompts are computed: the median; and its spread. */
  tokensPerSecond: number;
  spread: Spread;
  /** With the prompts' computation: new tokens a second of the whole call. */
  wholeTokensPerSecond: number;
  /** The least of what the products and the reading of the weights allow. */
  limitTokensPerSecond: number;
  limitedBy: "products" | "memory";
}

export interface DecodeBench {
  type: "bench-decode";
  model: string;
  threads: number;
  weights: WeightFormat;
  parameters: number;
  /** Billions of operations a second of the best product with weights held so, and of bytes read. */
  gigaflops: number;
  gigabytesPerSecond: number;
  rows: DecodeRow[];
  /** How much longer the products of a step take than LibTorch's, whose results for a row hang on what else is in the batch: 0.1 = a tenth longer, below 0 = sooner. */
  invariance: { batch: number; price: number }[];
  /** The shared prompt beside separate requests; null with 0 shared samples. */
  sharedPrompt: SharedPromptComparison | null;
  rounds: number;
}

export interface BenchDecodeOptions {
  model: string;
  threads?: number;
  /** How the weights are held. Default `f32`. */
  weights?: WeightFormat;
  /** Rows decoded together, one measurement each. Default 1, 8 and 64. */
  batches?: number[];
  /** Tokens of the prompts of those. Default 16. */
  promptTokens?: number;
  /** New tokens a row. Default 32. */
  newTokens?: number;
  /** Samples of one prompt in the last measurements; 0 leaves them out. Default 8. */
  sharedSamples?: number;
  /** Tokens of that prompt. Default 512. */
  sharedPromptTokens?: number;
  rounds?: number;
  signal?: AbortSignal;
}

/**
 * Tokens a second at most: each passes through every product, and each step reads every weight once. The attention's part is left out of both, so
 * that the limit is never too low.
 */
export function decodeLimit(
  shape: ModelShape,
  batch: number,
  { flops, bytesPerSecond }: MachineLimits,
  weightBytes: number = bytesPerWeight.f32,
): Pick<DecodeRow, "limitTokensPerSecond" | "limitedBy"> {
  const weights = productWeights(shape);
  const products = flops / (2 * weights);
  const memory = (batch * bytesPerSecond) / (weightBytes * weights);
  return { limitTokensPerSecond: Math.min(products, memory), limitedBy: products < memory ? "products" : "memory" };
}

/**
 * Measures. The machine should be idle.
 * @throws AzrError AZR_INPUT_INVALID for lengths that the model does not reach, and what `openEngine` throws
 */
export async function benchDecode(options: BenchDecodeOptions): Promise<DecodeBench> {
  const { model, threads, weights = "f32", batches = [1, 8, 64], promptTokens = 16, newTokens = 32 } = options;
  const { sharedSamples = 8, sharedPromptTokens = 512, rounds = 5, signal } = options;
  const opening: OpenEngineOptions = { model, weights, trainable: false, ...(threads === undefined ? {} : { threads }), ...(signal && { signal }) };
  const { limits, invariance } = await measureMachine(opening, batches);
  await using engine = await openEngine(opening);
  const longest = Math.max(promptTokens, sharedSamples > 0 ? sharedPromptTokens : 0) + newTokens;
  if (longest > engine.shape.maxPositions) {
    throw new AzrError("AZR_INPUT_INVALID", `The model has ${engine.shape.maxPositions} positions; the benchmark takes ${longest}.`, {
      hint: "Ask for fewer tokens, and leave the shared prompt out with 0 samples.",
    });
  }
  const row = { promptTokens, newTokens, rounds, limits, weightBytes: bytesPerWeight[weights], signal };
  const shared = { samples: sharedSamples, promptTokens: sharedPromptTokens, newTokens, rounds, signal };
  const rows: DecodeRow[] = [];
  for (const batch of batches) rows.push(await measureRow(engine, { ...row, batch, shared: false }));
  if (sharedSamples > 0) rows.push(await measureRow(engine, { ...row, batch: sharedSamples, shared: true, promptTokens: sharedPromptTokens }));
  return {
    type: "bench-decode",
    model,
    threads: engine.stats().threads,
    weights,
    parameters: engine.stats().parameters,
    gigaflops: limits.flops / 1e9,
    gigabytesPerSecond: limits.bytesPerSecond / 1e9,
    rows,
    invariance,
    sharedPrompt: sharedSamples > 0 ? await compareSharedPrompt(engine, shared) : null,
    rounds,
  };
}

interface RowOptions extends Pick<DecodeRow, "batch" | "shared" | "promptTokens" | "newTokens"> {
  rounds: number;
  limits: MachineLimits;
  weightBytes: number;
  signal: AbortSignal | undefined;
}

async function measureRow(engine: Engine, { rounds, limits, weightBytes, signal, ...row }: RowOptions): Promise<DecodeRow> {
  const { batch, shared, promptTokens, newTokens } = row;
  const request = { samples: shared ? batch : 1, seed: 1, stopTokens: [], ...(signal && { signal }) };
  const prompts = fixedPrompts(shared ? 1 : batch, promptTokens, engine.shape.vocabularySize);
  // The first token comes with the prompt: a call that makes no other tells what the prompts cost.
  const seconds = async (maxTokens: number): Promise<number> => {
    const began = performance.now();
    await engine.generate({ ...request, prompts, maxTokens });
    return (performance.now() - began) / 1000;
  };
  await seconds(2);
  const decoding: number[] = [];
  const whole: number[] = [];
  for (let round = 0; round < rounds; round++) {
    let prompt = await seconds(1);
    let all = await seconds(newTokens);
    // On a busy machine a short call may take longer than a long one: that says nothing and is done again; in the end the whole call is a rate that was reached.
    for (let again = 0; all <= prompt && again < 5; again++) [prompt, all] = [await seconds(1), await seconds(newTokens)];
    decoding.push((batch * (newTokens - 1)) / (all > prompt ? all - prompt : all));
    whole.push((batch * newTokens) / all);
  }
  const rates = spread(decoding);
  return { ...row, tokensPerSecond: rates.median, spread: rates, wholeTokensPerSecond: spread(whole).median, ...decodeLimit(engine.shape, batch, limits, weightBytes) };
}

/** Measured by a small engine of its own, so that the model's memory does not stand in the way. */
async function onSmallEngine<Result>({ model, threads = 0, signal }: OpenEngineOptions, measure: (native: NativeEngine, shape: ModelShape) => Promise<Result>): Promise<Result> {
  const { shape } = readModelConfig((await resolveModel(model, { ...(signal && { signal }) })).config);
  const { NativeEngine } = loadAddon();
  const native = new NativeEngine({ ...shape, vocabularySize: 16, layers: 1, hiddenSize: 16, feedForwardSize: 16 }, threads, { weights: "f32", trainable: false });
  try {
    await native.ready();
    return await measure(native, shape);
  } finally {
    native.stop();
  }
}

/** What the machine can do at most with weights held as the options say. */
export const measureLimits = (options: OpenEngineOptions): Promise<MachineLimits> => onSmallEngine(options, (native) => native.measureMachine(options.weights ?? "f32"));

const measureMachine = (options: OpenEngineOptions, batches: readonly number[]): Promise<{ limits: MachineLimits; invariance: DecodeBench["invariance"] }> =>
  onSmallEngine(options, async (native, shape) => {
    const weights = options.weights ?? "f32";
    const limits = await native.measureMachine(weights);
    const invariance: DecodeBench["invariance"] = [];
    for (const batch of batches) {
      const { own, library } = await native.measureProducts(shape, weights, batch);
      invariance.push({ batch, price: own / library - 1 });
    }
    return { limits, invariance };
  });
