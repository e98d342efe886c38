// The Engine interface: all that the curriculum, evaluation and the command line know of a language model.
// src/engine/open.ts gives one backed by the C++ addon; src/testing gives a scripted one; an embedding tool may bring its own.
// Batches cross as flat typed arrays: the rows' token ids one after another, with an array of row lengths beside them.

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
   * True when these log-probabilities are the ones that `update` computes, bit for bit (`score` rounds differently, by about 1e-6). Not so of
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
  signal?: AbortSignal;
}

/** log p(token[i] | tokens before) for i >= 1: [sum of (length - 1)]. */
export interface ScoreResult {
  logProbabilities: Float32Array;
}

export interface OptimizerSettings {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** Largest global gradient norm; 0 means no clipping. */
  clipNorm: number;
  /** Parameters that are stepped otherwise than the rest; the first group whose pattern is found in a parameter's Hugging Face name counts. */
  groups?: ParameterGroup[];
}

export interface ParameterGroup {
  /** A regular expression, such as `norm|bias` or `embed_tokens`. One that no name has is an error. */
  match: string;
  /** What multiplies the learning rate. Default 1; 0 leaves the parameters as they are. */
  learningRateScale?: number;
  /** In place of the optimizer's. */
  weightDecay?: number;
}

/** Estimators of KL(policy || reference) from a sampled token, d = log reference - log p: -d, d^2 / 2, e^d - 1 - d (Schulman 2020). */
export type KlEstimator = "k1" | "k2" | "k3";

export interface KlTerm {
  coefficient: number;
  estimator: KlEstimator;
  /** [sum of completion lengths]: log-probabilities under the reference model. */
  referenceLogProbabilities: Float32Array;
}

export interface ImportanceTerm {
  /** [sum of completion lengths]: log-probabilities under the policy that sampled. */
  samplerLogProbabilities: Float32Array;
  /** Above 0. */
  cap: number;
}

export interface UpdateRequest {
  /** One row a distinct prompt; computed once for all its completions, forward and backward. */
  prompts: TokenRows;
  /** One row a completion. */
  completions: TokenRows;
  /** [completions]: index of each completion's prompt. Completions of one prompt must be adjacent and in prompt order. */
  completionPrompt: Int32Array;
  /** [sum of completion lengths]: weight of each token's term in the loss sum (normalisation included; 0 = not trained). */
  weights: Float32Array;
  /** `policy`: clipped surrogate, -w * min(r A, clip(r, 1 - clipLow, 1 + clipHigh) A), with what follows. `cross-entropy`: -w * log p. */
  loss: "policy" | "cross-entropy";
  /** [sum of completion lengths], policy only. */
  advantages?: Float32Array;
  /** [sum of completion lengths], policy only: log-probabilities reported when the tokens were sampled. */
  oldLogProbabilities?: Float32Array;
  /** Policy only. Default 0.2. A low of 1 is no floor. */
  clipLow?: number;
  clipHigh?: number;
  /** Policy only: a negative advantage counts at most this many times, whatever the ratio (arXiv 1912.09729, equation 5). Above 1. Default: off. */
  dualClip?: number;
  /** Policy only: -coefficient * w * entropy of the next-token distribution is added to the loss. Default 0. */
  entropyBonus?: number;
  /** Policy only: coefficient * w * (estimate of the divergence from a reference model) is added to the loss, with its gradient. Default: none. */
  kl?: KlTerm;
  /**
   * Policy only: for tokens that another policy than the old one sampled (older weights, rounded weights). The surrogate of each is multiplied by
   * min(p_old / p_sampler, cap), a constant. Default: none, the old policy sampled.
   */
  importance?: ImportanceTerm;
  /** Most tokens (prompts and completions) computed at once; gradients accumulate over micro-batches. Default: engine's choice. */
  microBatchTokens?: number;
  /** Keep only the input of each layer and compute the rest again for the gradient: a third more work, far less memory, the same gradient to the bit. Default false. */
  checkpointActivations?: boolean;
  /**
   * Largest |new - old| log-probability that is taken (policy); one above it rejects with AZR_PARITY and leaves the weights untouched. 0 demands that
   * sampler and trainer agree bit for bit. Default: any.
   */
  maxGap?: number;
  optimizer: OptimizerSettings;
  signal?: AbortSignal;
}

export interface UpdateResult {
  /** The loss: weighted sum over tokens. */
  loss: number;
  /** Global gradient norm before clipping. */
  gradientNorm: number;
  /** Share of weighted tokens whose ratio was clipped (policy), else 0. */
  clipFraction: number;
  /** Mean of (old log p - new log p) over weighted tokens (policy), else 0. */
  approximateKl: number;
  /** Mean entropy of the next-token distribution over weighted tokens, nats. */
  entropy: number;
  /** Mean |new - old| log-probability over weighted tokens before the step (policy), else 0. */
  meanLogProbabilityGap: number;
  /** Largest |new - old| log-probability over weighted tokens before the step (policy), else 0. Shows sampler/trainer disagreement. */
  maxLogProbabilityGap: number;
  /** Mean of the divergence's estimate over weighted tokens (`kl`), else 0. */
  referenceKl: number;
  /** Of the truncated importance weights of weighted tokens (`importance`): mean, largest, share truncated; else 1, 1 and 0. */
  importanceMean: number;
  importanceMax: number;
  importanceCapped: number;
  /** Tokens that went through the model, shared prompts counted once. */
  computedTokens: number;
  /** Tokens with a non-zero weight. */
  trainedTokens: number;
}

/**
 * How an engine holds the weights of its matrices. `f32`: single precision. `bf16`: bfloat16; products take their inputs in bfloat16 too and sum in single
 * precision. `q8`: integers of 8 bits with a scale for each 32 (GGUF's Q8_0), inputs of 16 bits; not trainable.
 */
export type WeightFormat = "f32" | "bf16" | "q8";

export interface EngineStats {
  threads: number;
  parameters: number;
  weights: WeightFormat;
  trainable: boolean;
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
  /** Parameters; of an engine without trainable weights the embedding, norms and biases. */
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

/** Shape of a model as this engine runs it, read from a Hugging Face config.json. */
export interface ModelShape {
  vocabularySize: number;
  hiddenSize: number;
  layers: number;
  heads: number;
  keyValueHeads: number;
  headSize: number;
  feedForwardSize: number;
  ropeTheta: number;
  normEpsilon: number;
  tiedHead: boolean;
  maxPositions: number;
  /** Biases on the projections of queries, keys and values (Qwen2). */
  qkvBias: boolean;
  /** RMSNorm over each head of the queries and keys (Qwen3). */
  qkNorm: boolean;
  /** What divides each rotary frequency: [headSize / 2]; absent where nothing does. */
  ropeFactors?: number[];
  /** [layers]: how many positions, its own included, a query of the layer sees; 0 where it sees all before it. Absent: all layers see all. */
  windows?: number[];
  /** The rotary embedding of layers with a window, where it is another (Gemma 3). */
  localRope?: { theta: number; factors?: number[] };
  /** What multiplies the products of queries and keys. Absent: 1 / sqrt(headSize). */
  attentionScale?: number;
  /** What multiplies the embeddings of tokens (Gemma: sqrt(hiddenSize)). Absent: 1. */
  embeddingScale?: number;
  /** What is added to the weights of every norm before they multiply (Gemma: 1). Absent: 0. */
  normOffset?: number;
  /** What attention and feed-forward give is normed before it is added (Gemma). */
  postNorms?: boolean;
  /** Of the feed-forward's gate: x * sigmoid(x), or GELU in its form with tanh. Absent: silu. */
  activation?: "silu" | "gelu-tanh";
}

export interface SaveModelOptions {
  /** Type of the values in the file, rounded to nearest. Default `f32`, which loses nothing. */
  dtype?: "f32" | "bf16" | "f16";
  /** Most bytes of tensors a file; more make several files with an index. Default 5e9. */
  maxShardBytes?: number;
}

/**
 * A model with its optimizer. Calls are queued and run one at a time in call order. Every method rejects with AZR_DISPOSED
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
  /** Writes `model.safetensors` (Hugging Face tensor names), or shards with an index, into an existing folder, synced to disk. */
  saveModel(folder: string, options?: SaveModelOptions): Promise<void>;
  /** Writes `optimizer.safetensors` (AdamW moments and the step count) into an existing folder, synced to disk. */
  saveOptimizer(folder: string): Promise<void>;
  /** Replaces weights and optimizer state (by default where the weights are trainable) by those of a checkpoint folder. */
  load(folder: string, options?: { optimizer?: boolean }): Promise<void>;
  stats(): EngineStats;
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
