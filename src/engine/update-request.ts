// What Engine.update takes and gives; part of the Engine interface (engine.ts), which passes these types on.
import type { TokenRows } from "./engine.ts";

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
