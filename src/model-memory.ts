// How much memory a model needs, from its shape alone: for rollouts and for training. The figures behind `azr inspect model`.

import { loraTargets } from "./engine/adapter.ts";
import type { LoraSettings, LoraTarget, ModelShape, WeightFormat } from "./engine/engine.ts";
import { bytesPerWeight, layerWeights, productWeights } from "./engine/model-shape.ts";

/** Bytes by how the weights are held. */
export type BytesByFormat = Record<WeightFormat, number>;

export interface MemoryRequest {
  /** Tokens of a sequence, prompt included. */
  length: number;
  /** Sequences that are sampled at once. */
  batch: number;
  /** Tokens that the training computes at once. */
  microBatchTokens: number;
  /** Whether each layer's input alone is kept for the gradient (update.checkpointActivations). Default false. */
  checkpointActivations?: boolean;
  /** Adapters to be trained. Default: of rank 16 over all matrices of every layer. */
  lora?: Pick<LoraSettings, "rank" | "targets">;
}

/** Bytes that training takes; `total` is their sum. */
export interface TrainingMemory {
  /** In single precision: parameters x 4; adapters as well. */
  weights: number;
  gradients: number;
  /** First and second moments of the optimizer. */
  moments: number;
  /** The matrices in the order and the format in which the products read them, for sampling and the forward pass; with adapters the merged weights of one product. */
  copies: number;
  /** See `activationNumbers`; an estimate for the engine on the CPU. */
  activations: number;
  total: number;
}

export interface MemoryEstimate {
  /** An engine that samples and scores: matrices and embedding (a tied one is held for both of its uses) x width, norms and biases in single precision. */
  weights: BytesByFormat;
  /** Keys and values of one token, in single precision: 2 x layers x key-value heads x head size x 4. Layers with a window drop those that it has passed. */
  cachePerToken: number;
  /** weights + batch x the cache of a sequence, see `cacheNumbers`. */
  rollout: { length: number; batch: number; cache: number; total: BytesByFormat };
  training: { microBatchTokens: number; f32: TrainingMemory; bf16: TrainingMemory };
  /** The same for adapters (LoRA): gradients and moments are of their numbers alone. */
  lora: { rank: number; parameters: number; f32: TrainingMemory; bf16: TrainingMemory };
}

const byFormat = (bytes: (width: number) => number): BytesByFormat => ({ f32: bytes(bytesPerWeight.f32), bf16: bytes(bytesPerWeight.bf16), q8: bytes(bytesPerWeight.q8) });

/**
 * Numbers in a model. With hidden size H, query width Q = heads x head size, key-value width K = key-value heads x head size,
 * feed-forward width F and vocabulary V:
 * V H (embedding) + V H (head, unless tied) + H (last norm) + layers x (2 H Q + 2 H K + 3 H F + 2 H + biases Q + 2 K + head norms 2 x head size + norms of what is added 2 H).
 */
export function countParameters(shape: ModelShape): number {
  const { queries, keys } = sides(shape);
  const extras = (shape.qkvBias ? queries + 2 * keys : 0) + (shape.qkNorm ? 2 * shape.headSize : 0) + (shape.postNorms ? 2 * shape.hiddenSize : 0);
  const embeddings = shape.vocabularySize * shape.hiddenSize * (shape.tiedHead ? 1 : 2);
  return embeddings + shape.hiddenSize + shape.layers * (layerWeights(shape) + 2 * shape.hiddenSize + extras);
}

function sides({ heads, keyValueHeads, headSize }: ModelShape): { queries: number; keys: number } {
  return { queries: heads * headSize, keys: keyValueHeads * headSize };
}

// Rows and columns of each matrix that may have an adapter.
function targetSides(shape: ModelShape): Record<LoraTarget, [rows: number, columns: number]> {
  const { queries, keys } = sides(shape);
  const { hiddenSize: hidden, feedForwardSize: wide } = shape;
  return { q_proj: [queries, hidden], k_proj: [keys, hidden], v_proj: [keys, hidden], o_proj: [hidden, queries], gate_proj: [wide, hidden], up_proj: [wide, hidden], down_proj: [hidden, wide] };
}

/** Numbers in adapters: layers x rank x (rows + columns), for each matrix that has one. */
export function countAdapters(shape: ModelShape, { rank, targets }: Pick<LoraSettings, "rank" | "targets">): number {
  const all = targetSides(shape);
  return shape.layers * rank * targets.reduce((sum, target) => sum + all[target][0] + all[target][1], 0);
}

/**
 * Numbers that training keeps: for each token and layer its input, the state between attention and feed-forward (2 H), queries, keys and values (Q + 2 K),
 * attention (Q), gate and up (2 F), a few for each head; with head norms the queries and keys before them (Q + K), with norms of what is added that (2 H + 2). Beside that, for each token,
 * working space of one layer and the gradients on the way (4 H + 2 (Q + 2 K) + 2 Q + 4 F), and logits of 512 tokens, or of fewer
 * where the vocabulary is large: as many as keep them within 128 MiB, and 64 at least. With `checkpoint` all of a layer is kept for one layer at a time,
 * and of the others their input (H).
 */
export function activationNumbers(shape: ModelShape, tokens: number, checkpoint = false): number {
  const { queries, keys } = sides(shape);
  const { hiddenSize, feedForwardSize, heads, keyValueHeads, layers } = shape;
  const kept = 2 * hiddenSize + 2 + 2 * queries + 2 * keys + heads + 2 * feedForwardSize + (shape.qkNorm ? queries + keys + heads + keyValueHeads : 0) + (shape.postNorms ? 2 * hiddenSize + 2 : 0);
  const working = 4 * hiddenSize + 4 * queries + 4 * keys + 4 * feedForwardSize + (shape.postNorms ? 2 * hiddenSize : 0);
  const logitRows = Math.min(512, Math.max(64, Math.floor(2 ** 25 / shape.vocabularySize)));
  return tokens * ((checkpoint ? layers * hiddenSize + kept : layers * kept) + working) + Math.min(logitRows, tokens) * (shape.vocabularySize + 3 * hiddenSize);
}

/**
 * Keys and values that a sequence of so many tokens holds. A layer with a window keeps twice its length (in blocks of 16), so that what it has passed
 * is dropped now and then and not at each token.
 */
export function cacheNumbers(shape: ModelShape, length: number): number {
  const kept = Array.from({ length: shape.layers }, (_, layer) => {
    const window = shape.windows?.[layer] ?? 0;
    return window > 0 ? Math.min(length, 2 * 16 * Math.ceil((window + 15) / 16)) : length;
  });
  return 2 * sides(shape).keys * kept.reduce((sum, tokens) => sum + tokens, 0);
}

const everyTarget: Pick<LoraSettings, "rank" | "targets"> = { rank: 16, targets: [...loraTargets] };

/** Memory for rollouts and for training; `parameters` as counted in the files, or by `countParameters`. */
export function estimateMemory(shape: ModelShape, parameters: number, { length, batch, microBatchTokens, checkpointActivations = false, lora = everyTarget }: MemoryRequest): MemoryEstimate {
  const embedding = shape.vocabularySize * shape.hiddenSize;
  const matrices = productWeights(shape);
  const vectors = countParameters(shape) - (shape.tiedHead ? matrices : matrices + embedding);
  const weights = byFormat((width) => Math.round(width * (matrices + embedding)) + 4 * vectors);
  const cachePerToken = 4 * 2 * shape.layers * sides(shape).keys;
  const cache = 4 * cacheNumbers(shape, length) * batch;
  const adapters = countAdapters(shape, lora);
  // Of one product the merged weights, of one matrix A as products read it, and of the tokens what is of the rank.
  const { queries, keys } = sides(shape);
  const widest = shape.hiddenSize * Math.max(queries + 2 * keys, 2 * shape.feedForwardSize);
  const scratch = 4 * (widest + microBatchTokens * lora.rank + 32 * Math.ceil(lora.rank / 32) * Math.max(shape.hiddenSize, queries, shape.feedForwardSize));
  const training = (format: "f32" | "bf16", adapters = 0): TrainingMemory => {
    const trained = adapters > 0 ? adapters : parameters;
    const parts = {
      weights: 4 * (parameters + adapters),
      gradients: 4 * trained,
      moments: 8 * trained,
      copies: bytesPerWeight[format] * matrices + (adapters > 0 ? scratch : 0),
      activations: 4 * activationNumbers(shape, microBatchTokens, checkpointActivations),
    };
    return { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) };
  };
  return {
    weights,
    cachePerToken,
    rollout: { length, batch, cache, total: { f32: weights.f32 + cache, bf16: weights.bf16 + cache, q8: weights.q8 + cache } },
    training: { microBatchTokens, f32: training("f32"), bf16: training("bf16") },
    lora: { rank: lora.rank, parameters: adapters, f32: training("f32", adapters), bf16: training("bf16", adapters) },
  };
}
