// Checks and completes the requests of the Engine interface before they cross to native code, so that a mistake is a
// sentence with the argument's name and not a crash. Ranges that depend on the model are checked in native/engine.
import { AzrError } from "../errors.ts";
import type { GenerateRequest, KlEstimator, ScoreRequest, TokenRows, UpdateRequest } from "./engine.ts";

/** Most tokens computed at once by default: activations of a small model then stay in the processor's caches. */
export const defaultMicroBatchTokens = 1024;

function invalid(message: string): AzrError {
  return new AzrError("AZR_INPUT_INVALID", message, { hint: "See the Engine interface in absolute-zero's types." });
}

/** A value as a message shows it. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? (value.constructor?.name ?? "object") : `${typeof value} ${String(value)}`;
}

export function requireNumber(name: string, value: unknown, low: number, high = Number.MAX_VALUE): number {
  if (typeof value === "number" && value >= low && value <= high) return value;
  throw invalid(`Expected a number between ${low} and ${high === Number.MAX_VALUE ? "infinity" : high} for ${name} but received ${describe(value)}.`);
}

export function requireInteger(name: string, value: unknown, low: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= low) return value as number;
  throw invalid(`Expected an integer of at least ${low} for ${name} but received ${describe(value)}.`);
}

function requireArray<Type>(name: string, value: unknown, type: new (size: number) => Type): Type {
  if (value instanceof type) return value;
  throw invalid(`Expected ${type.name} for ${name} but received ${describe(value)}.`);
}

export function requireRows(name: string, rows: TokenRows): TokenRows {
  if (typeof rows !== "object" || rows === null) throw invalid(`Expected token rows for ${name} but received ${describe(rows)}.`);
  return {
    tokens: requireArray(`${name}.tokens`, rows.tokens, Int32Array),
    lengths: requireArray(`${name}.lengths`, rows.lengths, Int32Array),
  };
}

/** A request's own object, whose signal is one when it is there. */
export function requireRequest<Request extends { signal?: AbortSignal }>(request: Request): Request {
  if (typeof request !== "object" || request === null) throw invalid(`Expected an object for the request but received ${describe(request)}.`);
  const { signal } = request;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid(`Expected an AbortSignal for signal but received ${describe(signal)}.`);
  return request;
}

export function requireText(name: string, value: unknown): string {
  if (typeof value === "string" && value !== "" && !value.includes("\0")) return value;
  throw invalid(`Expected a text for ${name} but received ${value === "" ? "an empty one" : describe(value).replaceAll("\0", "\\0")}.`);
}

export function requireTexts(name: string, value: unknown): string[] {
  if (Array.isArray(value) && value.every((text) => typeof text === "string")) return value as string[];
  throw invalid(`Expected an array of texts for ${name} but received ${Array.isArray(value) ? "something else in one" : describe(value)}.`);
}

function stopTokens(tokens: unknown): Int32Array {
  if (!Array.isArray(tokens) && !(tokens instanceof Int32Array)) throw invalid(`Expected an array for stopTokens but received ${describe(tokens)}.`);
  return Int32Array.from(tokens, (token) => requireNumber("stopTokens", requireInteger("stopTokens", token, 0), 0, 2 ** 31 - 1));
}

function logitBias(bias: unknown): [token: number, value: number][] {
  if (typeof bias !== "object" || bias === null) throw invalid(`Expected an object of numbers for logitBias but received ${describe(bias)}.`);
  return Object.entries(bias).map(([token, value]) => [
    requireNumber("a token of logitBias", requireInteger("a token of logitBias", Number(token), 0), 0, 2 ** 31 - 1),
    requireNumber(`logitBias[${token}]`, value, -1e30, 1e30),
  ]);
}

function seedsOf(seeds: unknown): Float64Array {
  if (!Array.isArray(seeds)) throw invalid(`Expected an array for seeds but received ${describe(seeds)}.`);
  return Float64Array.from(seeds, (seed) => requireInteger("seeds", seed, 0));
}

/** The request as native code takes it, defaults filled in. */
export function nativeGenerateRequest(request: GenerateRequest): object {
  const { samples = 1, temperature = 1, topP = 1, topK = 0, minP = 0, repetitionPenalty = 1, minTokens = 0, cacheBytes = 0 } = request;
  const bias = logitBias(request.logitBias ?? {});
  return {
    prompts: requireRows("prompts", request.prompts),
    samples: requireInteger("samples", samples, 1),
    maxTokens: requireInteger("maxTokens", request.maxTokens, 1),
    temperature: requireNumber("temperature", temperature, 0),
    topP: requireNumber("topP", topP, 0, 1),
    topK: requireInteger("topK", topK, 0),
    seed: requireInteger("seed", request.seed, 0),
    stopTokens: stopTokens(request.stopTokens ?? []),
    minP: requireNumber("minP", minP, 0, 1),
    repetitionPenalty: requireNumber("repetitionPenalty", repetitionPenalty, Number.MIN_VALUE),
    biasTokens: Int32Array.from(bias, ([token]) => token),
    biasValues: Float32Array.from(bias, ([, value]) => value),
    ...(request.seeds === undefined ? {} : { seeds: seedsOf(request.seeds) }),
    minTokens: requireInteger("minTokens", minTokens, 0),
    cacheBytes: requireInteger("cacheBytes", cacheBytes, 0),
  };
}

/** The request as native code takes it, defaults filled in. */
export function nativeScoreRequest({ sequences, adapters = true }: ScoreRequest): object {
  if (typeof adapters !== "boolean") throw invalid(`Expected true or false for adapters but received ${describe(adapters)}.`);
  return { sequences: requireRows("sequences", sequences), adapters };
}

const klEstimators: KlEstimator[] = ["k1", "k2", "k3"];

// Native code takes 0 for what is off.
const noPolicyTerms = { dualClip: 0, entropyBonus: 0, klEstimator: 0, klCoefficient: 0, importanceCap: 0 };

/** What may be added to the clipped surrogate. */
function policyTerms({ dualClip, entropyBonus = 0, kl, importance }: UpdateRequest): object {
  const estimator = kl === undefined ? -1 : klEstimators.indexOf(kl.estimator);
  if (kl !== undefined && estimator < 0) throw invalid(`Expected "k1", "k2" or "k3" for kl.estimator but received ${describe(kl.estimator)}.`);
  return {
    dualClip: dualClip === undefined ? 0 : requireNumber("dualClip", dualClip, 1),
    entropyBonus: requireNumber("entropyBonus", entropyBonus, 0),
    klEstimator: estimator + 1,
    klCoefficient: kl === undefined ? 0 : requireNumber("kl.coefficient", kl.coefficient, 0),
    referenceLogProbabilities: kl === undefined ? undefined : requireArray("kl.referenceLogProbabilities", kl.referenceLogProbabilities, Float32Array),
    importanceCap: importance === undefined ? 0 : requireNumber("importance.cap", importance.cap, Number.MIN_VALUE),
    samplerLogProbabilities:
      importance === undefined ? undefined : requireArray("importance.samplerLogProbabilities", importance.samplerLogProbabilities, Float32Array),
  };
}

/** The request as native code takes it, defaults filled in. */
export function nativeUpdateRequest(request: UpdateRequest): object {
  const { loss, clipLow = 0.2, clipHigh = 0.2, microBatchTokens = defaultMicroBatchTokens, checkpointActivations, optimizer, maxGap } = request;
  if (loss !== "policy" && loss !== "cross-entropy") throw invalid(`Expected "policy" or "cross-entropy" for loss but received ${describe(loss)}.`);
  if (typeof optimizer !== "object" || optimizer === null) throw invalid(`Expected settings for optimizer but received ${describe(optimizer)}.`);
  const policy = loss === "policy";
  return {
    prompts: requireRows("prompts", request.prompts),
    completions: requireRows("completions", request.completions),
    completionPrompt: requireArray("completionPrompt", request.completionPrompt, Int32Array),
    weights: requireArray("weights", request.weights, Float32Array),
    advantages: policy ? requireArray("advantages", request.advantages, Float32Array) : undefined,
    oldLogProbabilities: policy ? requireArray("oldLogProbabilities", request.oldLogProbabilities, Float32Array) : undefined,
    ...(policy ? policyTerms(request) : noPolicyTerms),
    loss,
    clipLow: requireNumber("clipLow", clipLow, 0, 1),
    clipHigh: requireNumber("clipHigh", clipHigh, 0),
    microBatchTokens: requireInteger("microBatchTokens", microBatchTokens, 1),
    checkpointActivations: checkpointActivations === true,
    // Native code takes a negative one for none.
    maxGap: maxGap === undefined ? -1 : requireNumber("maxGap", maxGap, 0),
    optimizer: {
      learningRate: requireNumber("optimizer.learningRate", optimizer.learningRate, 0),
      beta1: requireNumber("optimizer.beta1", optimizer.beta1, 0, 1),
      beta2: requireNumber("optimizer.beta2", optimizer.beta2, 0, 1),
      epsilon: requireNumber("optimizer.epsilon", optimizer.epsilon, 0),
      weightDecay: requireNumber("optimizer.weightDecay", optimizer.weightDecay, 0),
      clipNorm: requireNumber("optimizer.clipNorm", optimizer.clipNorm, 0),
    },
  };
}
