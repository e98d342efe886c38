// What a model is to the engine: its shape, how its weights are held, and how many there are. Part of the Engine interface (engine.ts), which passes these types on.

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

/**
 * How an engine holds the weights of its matrices. `f32`: single precision. `bf16`: bfloat16; products take their inputs in bfloat16 too and sum in single
 * precision. `q8`: integers of 8 bits with a scale for each 32 (GGUF's Q8_0), inputs of 16 bits; not trainable.
 */
export type WeightFormat = "f32" | "bf16" | "q8";

/** Bytes that a weight of the products takes in memory: q8 has a scale of two bytes for each 32. */
export const bytesPerWeight = { f32: 4, bf16: 2, q8: 34 / 32 } as const satisfies Record<WeightFormat, number>;

/** Weights of one layer's matrices: H (2 Q + 2 K + 3 F), with queries of width Q, keys of width K, the feed-forward's F and the hidden size H. */
export function layerWeights({ hiddenSize, heads, keyValueHeads, headSize, feedForwardSize }: ModelShape): number {
  return hiddenSize * (headSize * (2 * heads + 2 * keyValueHeads) + 3 * feedForwardSize);
}

/** Weights of the matrix products that a token passes through: all but the embedding, which is looked up. */
export function productWeights(shape: ModelShape): number {
  return shape.layers * layerWeights(shape) + shape.vocabularySize * shape.hiddenSize;
}
