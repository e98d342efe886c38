// The Engine interface: all that the curriculum, evaluation and the command line know of a language model.
// src/engine/open.ts gives one backed by the C++ addon; src/testing gives a scripted one; an embedding tool may bring its own.
// Batches cross as flat typed arrays: the rows' token ids one after another, with an array of row lengths beside them.

import type { ModelShape, WeightFormat } from "./model-shape.ts";
import type { UpdateRequest, UpdateResult } from "./update-request.ts";

export type * from "./model-shape.ts";
export type * from "./update-request.ts";

/** Rows of token ids laid end to end: `tokens` is [sum of lengths], `lengths` is [rows]. */
export interface TokenRows {
  tokens: Int32Array;
  lengths: Int32Array;
}

export interface GenerateRequest {
  /** One row a prompt. A prompt has at least one token; its keys and values are computed once for its samples. */
  prompts: TokenRows;
  /** Completions a prompt (n). Default 1. One call makes at most 2^20 completions, and 2^28 tokens counting maxTokens for each. */
  samples?: number;
  /** Most tokens a completion, the stop token counted. */
  maxTokens: number;
  /** 0 means greedy. Default 1. */
  temperature?: number;
  /** Keep the smallest set of tokens whose probability reaches this. Default 1 (off). */
  topP?: number;
  /** Keep the k most probable tokens. Default 0 (off). */
  topK?: number;
  /** Drop tokens less probable than this share of the most probable one. Default 0 (off). */
  minP?: number;
  /** Positive logits of tokens that the row has seen, prompt included, are divided by this, the others multiplied (Keskar et al. 2019). Default 1 (off). */
  repetitionPenalty?: number;
  /** What is added to the logits of some tokens. */
  logitBias?: Record<number, number>;
  /** No stop token comes before so many tokens. Default 0. */
  minTokens?: number;
  /** Sampling is a function of (seed, prompt index * samples + sample index, position) alone, not of what else is in the batch. */
  seed: number;
  /** A seed for each prompt in place of `seed`: then it is a function of (the prompt's seed, sample index, position), wherever the prompt stands. */
  seeds?: number[];
  /** Most bytes of keys and values held at once; fewer rows are decoded together where more would be needed. Default: half of the free memory. */
  cacheBytes?: number;
  /** A completion ends after one of these. */
  stopTokens: number[];
  signal?: AbortSignal;
}

export interface GenerateResult {
  /** Row p * samples + s is sample s of prompt p. The stop token, when reached, is the last token of its row. */
  completions: TokenRows;
  /** log p of each completion token under the untruncated model at temperature 1: [sum of lengths]. */
  logProbabilities: Float32Array;
  /** [rows]: 1 where a stop token ended the row, 0 where maxTokens did. */
  stopped: Uint8Array;
  /**
   * True when these log-probabilities are the ones that `update` computes, bit for bit. `score` does not know where a prompt
   * ended and adds up in another order: it differs by 1e-6 to 1e-4 in `f32` and, where products round their inputs, by up to 1e-1 in `bf16`. Not so of
   * weights in `q8`, which cannot be trained: a trainer has others.
   */
  parity: boolean;
}

/** A token as it is drawn. */
export interface GeneratedToken {
  /** Row p * samples + s is sample s of prompt p. */
  row: number;
  token: number;
  /** As in GenerateResult. */
  logProbability: number;
}

export interface ScoreRequest {
  /** Whole sequences, at least two tokens a row. */
  sequences: TokenRows;
  /**
   * False: by the weights that the adapters are added to, of an engine that was opened with `lora`; to the bit what a model without them gives.
   * The matrices that have adapters are laid out anew before and after. Default true.
   */
  adapters?: boolean;
  signal?: AbortSignal;
}

/** log p(token[i] | tokens before) for i >= 1: [sum of (length - 1)]. */
export interface ScoreResult {
  logProbabilities: Float32Array;
}

/** The matrices of a layer that may have adapters. */
export type LoraTarget = "q_proj" | "k_proj" | "v_proj" | "o_proj" | "gate_proj" | "up_proj" | "down_proj";

/** Low-rank adapters (LoRA, Hu et al. 2021): alpha / rank * B A is added to each target matrix, and A and B alone are trained. */
export interface LoraSettings {
  rank: number;
  alpha: number;
  targets: LoraTarget[];
}

export interface EngineStats {
  threads: number;
  parameters: number;
  weights: WeightFormat;
  trainable: boolean;
  /** The adapters that are trained in the place of the weights, and how many numbers they are. */
  lora?: LoraSettings & { parameters: number };
  /** Since open: counts and the seconds that the engine thread spent on each kind of work. */
  generatedTokens: number;
  trainedTokens: number;
  generateSeconds: number;
  scoreSeconds: number;
  updateSeconds: number;
  memory: EngineMemory;
}

/** Bytes that an engine holds after its last call, keys and values of a running `generate` aside. */
export interface EngineMemory {
  /** Parameters, and adapters; of an engine without trainable weights the embedding, norms and biases. */
  weights: number;
  /** The matrices in the order and the format in which products read them. */
  copies: number;
  gradients: number;
  /** First and second moments of the optimizer. */
  moments: number;
  /** What a batch keeps for its gradient, and working space. */
  activations: number;
  /** Of a chunk of rows, with their gradients. */
  logits: number;
}

export interface SaveModelOptions {
  /** Type of the values in the file, rounded to nearest. Default `f32`, which loses nothing. */
  dtype?: "f32" | "bf16" | "f16";
  /** Most bytes of tensors a file; more make several files with an index. Default 5e9. */
  maxShardBytes?: number;
}

/**
 * A model with its optimizer. Calls are queued and run one at a time in call order, those that read or write several files too. Every method rejects with AZR_DISPOSED
 * after disposal, AZR_ABORTED when its signal fires (between tokens or micro-batches; an aborted update leaves the weights
 * untouched), AZR_INPUT_INVALID for malformed arrays and, of an engine that was opened without
 * trainable weights, for `update` and the saving methods, AZR_NUMERICS for non-finite loss or gradients (weights untouched).
 */
export interface Engine {
  readonly shape: ModelShape;
  generate(request: GenerateRequest): Promise<GenerateResult>;
  /**
   * The same tokens as `generate` gives, one by one as they are drawn; the iterator's return value is the whole result. Leaving the loop
   * early aborts the call.
   */
  stream(request: GenerateRequest): AsyncGenerator<GeneratedToken, GenerateResult, undefined>;
  score(request: ScoreRequest): Promise<ScoreResult>;
  update(request: UpdateRequest): Promise<UpdateResult>;
  /** Writes `model.safetensors` (Hugging Face tensor names), or shards with an index, into an existing folder, synced to disk. Adapters are merged into the weights. */
  saveModel(folder: string, options?: SaveModelOptions): Promise<void>;
  /** Writes `adapter_config.json` and `adapter_model.safetensors`, which the Python package peft reads, into an existing folder; only with `lora`. */
  saveAdapter(folder: string): Promise<void>;
  /** Writes `optimizer.safetensors` (AdamW moments and the step count) into an existing folder, synced to disk. */
  saveOptimizer(folder: string): Promise<void>;
  /** Replaces weights, or with `lora` the adapters, and optimizer state (by default where the weights are trainable) by those of a checkpoint folder. */
  load(folder: string, options?: { optimizer?: boolean }): Promise<void>;
  stats(): EngineStats;
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The part of an engine that a model which is only compared with has. */
export type Scorer = Pick<Engine, "shape" | "score">;
