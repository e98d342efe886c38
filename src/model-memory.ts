// How much memory a model needs, from its shape alone: for rollouts and for training. The figures behind `azr inspect model`.

import type { ModelShape } from "./engine/engine.ts";

/** Bytes with numbers of 4 bytes, and of 2. */
export interface BytesByType {
  fp32: number;
  bf16: number;
}

export interface MemoryRequest {
  /** Tokens of a sequence, prompt included. */
  length: number;
  /** Sequences that are sampled at once. */
  batch: number;
  /** Tokens that the training computes at once. */
  microBatchTokens: number;
}

export interface MemoryEstimate {
  /** parameters x width. */
  weights: BytesByType;
  /** The matrices once more, in the order in which the engine on the CPU reads them: (parameters - norms - biases, the tied head counted again) x width. */
  copies: BytesByType;
  /** Keys and values of one token: 2 x layers x key-value heads x head size x width. */
  cachePerToken: BytesByType;
  /** weights + copies + cachePerToken x length x batch. */
  rollout: { length: number; batch: number; cache: BytesByType; total: BytesByType };
  /** In fp32, bytes. total = weights + gradients + moments + copies + activations. */
  training: {
    microBatchTokens: number;
    weights: number;
    gradients: number;
    /** First and second moments of the optimizer. */
    moments: number;
    /** Those of the forward and of the backward products. */
    copies: number;
    /** See `activationNumbers`; an estimate for the engine on the CPU. */
    activations: number;
    total: number;
  };
}

const widths = (size: number): BytesByType => ({ fp32: 4 * size, bf16: 2 * size });
const add = (...all: BytesByType[]): BytesByType => ({ fp32: all.reduce((sum, { fp32 }) => sum + fp32, 0), bf16: all.reduce((sum, { bf16 }) => sum + bf16, 0) });

/**
 * Numbers in a model. With hidden size H, query width Q = heads x head size, key-value width K = key-value heads x head size,
 * feed-forward width F and vocabulary V:
 * V H (embedding) + V H (head, unless tied) + H (last norm) + layers x (2 H Q + 2 H K + 3 H F + 2 H + biases Q + 2 K + head norms 2 x head size).
 */
export function countParameters(shape: ModelShape): number {
  const { queries, keys } = sides(shape);
  const extras = (shape.qkvBias ? queries + 2 * keys : 0) + (shape.qkNorm ? 2 * shape.headSize : 0);
  const embeddings = shape.vocabularySize * shape.hiddenSize * (shape.tiedHead ? 1 : 2);
  return embeddings + shape.hiddenSize + shape.layers * (layerMatrices(shape) + 2 * shape.hiddenSize + extras);
}

function sides({ heads, keyValueHeads, headSize }: ModelShape): { queries: number; keys: number } {
  return { queries: heads * headSize, keys: keyValueHeads * headSize };
}

function layerMatrices(shape: ModelShape): number {
  const { queries, keys } = sides(shape);
  return shape.hiddenSize * (2 * queries + 2 * keys + 3 * shape.feedForwardSize);
}

/**
 * Numbers that training keeps: for each token and layer its input, the state between attention and feed-forward (2 H), queries, keys and values (Q + 2 K),
 * attention (Q), gate and up (2 F), a few for each head; with head norms the queries and keys before them (Q + K). Beside that, for each token,
 * working space of one layer and the gradients on the way (4 H + 2 (Q + 2 K) + 2 Q + 4 F), and logits of at most 512 tokens.
 */
export function activationNumbers(shape: ModelShape, tokens: number): number {
  const { queries, keys } = sides(shape);
  const { hiddenSize, feedForwardSize, heads, keyValueHeads, layers } = shape;
  const kept = 2 * hiddenSize + 2 + 2 * queries + 2 * keys + heads + 2 * feedForwardSize + (shape.qkNorm ? queries + keys + heads + keyValueHeads : 0);
  const working = 4 * hiddenSize + 4 * queries + 4 * keys + 4 * feedForwardSize;
  return tokens * (layers * kept + working) + Math.min(512, tokens) * (shape.vocabularySize + 3 * hiddenSize);
}

/** Memory for rollouts and for training; `parameters` as counted in the files, or by `countParameters`. */
export function estimateMemory(shape: ModelShape, parameters: number, { length, batch, microBatchTokens }: MemoryRequest): MemoryEstimate {
  const { keys } = sides(shape);
  const weights = widths(parameters);
  const copies = widths(shape.layers * layerMatrices(shape) + shape.vocabularySize * shape.hiddenSize);
  const cachePerToken = widths(2 * shape.layers * keys);
  const cache = widths(2 * shape.layers * keys * length * batch);
  const training = { weights: weights.fp32, gradients: weights.fp32, moments: 2 * weights.fp32, copies: 2 * copies.fp32, activations: 4 * activationNumbers(shape, microBatchTokens) };
  const total = Object.values(training).reduce((sum, bytes) => sum + bytes, 0);
  return { weights, copies, cachePerToken, rollout: { length, batch, cache, total: add(weights, copies, cache) }, training: { microBatchTokens, ...training, total } };
}
