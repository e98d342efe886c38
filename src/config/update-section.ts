// The settings of the gradient step: the optimizer, and the four choices that make an algorithm (algorithms.ts names some). Put together by schema.ts.
import * as z from "zod";

const share = z.number().min(0).max(1);
const count = z.int().min(1);

const advantage = z.strictObject({
  scope: z
    .enum(["batch", "group", "task"])
    .default("group")
    .meta({ description: "Over what the baseline is taken: the whole batch, the sequences of one kind and role, or the answers to one task; where a task has only one, and for proposals, its group stands in" }),
  baseline: z
    .enum(["mean", "leave-one-out", "none"])
    .default("mean")
    .meta({ description: "What is taken from a reward: the mean of its scope, that of the others in it, or nothing" }),
  scale: z
    .enum(["none", "task", "group", "batch"])
    .default("group")
    .meta({ description: "Over what the deviation of the rewards is taken that divides; `none` = nothing divides" }),
  whiten: z
    .enum(["none", "group", "batch"])
    .default("none")
    .meta({ description: "A second stage: the advantages themselves less their mean, divided by their deviation" }),
  weights: z
    .enum(["sequence", "token"])
    .default("sequence")
    .meta({ description: "What counts once in the statistics of a group or the batch: a sequence (population variance), or a token (unbiased variance). Where it is over a task, its answers always count once each" }),
});

const clip = z.strictObject({
  low: share.default(0.2).meta({ description: "Ratio floor is 1 - low; 1 = none" }),
  high: z.number().min(0).default(0.2).meta({ description: "Ratio ceiling is 1 + high" }),
  dual: z
    .number()
    .min(0)
    .refine((value) => value === 0 || value > 1, "must be above 1, or 0 for none")
    .default(0)
    .meta({ description: "Above 1: a negative advantage counts at most this many times, whatever the ratio (dual clip); 0 = off" }),
});

const kl = z.strictObject({
  coefficient: z.number().min(0).default(0).meta({ description: "How strongly the divergence from the reference model counts; 0 = off. Otherwise a second model is held, but with `update.lora` or a frozen proposer" }),
  estimator: z
    .enum(["k1", "k2", "k3"])
    .default("k3")
    .meta({ description: "Its estimate from a sampled token, with d = log p(reference) - log p: -d, d^2 / 2, or e^d - 1 - d" }),
  in: z
    .enum(["loss", "reward"])
    .default("loss")
    .meta({ description: "A term of the loss with a gradient of its own, or taken from the reward of the tokens before it" }),
  reference: z.string().default("").meta({ description: "The reference model, as `model`; empty = the run's model as it was before the first step" }),
});

const loraTargets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] as const;

const lora = z.strictObject({
  rank: z.int().min(0).default(0).meta({ description: "Rank of the adapters; 0 = none: all weights are trained" }),
  alpha: z.number().gt(0).default(32).meta({ description: "alpha / rank multiplies what the adapters add" }),
  targets: z
    .array(z.enum(loraTargets))
    .min(1)
    .default([...loraTargets])
    .meta({ description: "Matrices of every layer that get one" }),
});

/** The adapters that an engine is to train, by `update.lora`; nothing where it is off. */
export function loraOptions({ rank, ...same }: z.output<typeof lora>, seed: number) {
  return rank === 0 ? {} : { lora: { rank, ...same, seed } };
}

export const update = z.strictObject({
  learningRate: z.number().min(0).default(1.5e-4).meta({ description: "AdamW step size at its peak" }),
  schedule: z
    .enum(["constant", "linear", "cosine"])
    .default("constant")
    .meta({ description: "How the step size goes from its peak to the end of `steps`: it stays, or falls to zero" }),
  warmUpSteps: z.int().min(0).default(0).meta({ description: "Steps over which the step size rises to its peak" }),
  betas: z.tuple([share.lt(1), share.lt(1)]).default([0.9, 0.99]).meta({ description: "AdamW moment decays" }),
  epsilon: z.number().gt(0).default(1e-8).meta({ description: "AdamW denominator floor" }),
  weightDecay: z.number().min(0).default(0).meta({ description: "Decoupled weight decay" }),
  groups: z
    .array(
      z.strictObject({
        match: z.string().min(1).meta({ description: "Regular expression looked for in the Hugging Face names of parameters" }),
        learningRateScale: z.number().min(0).optional().meta({ description: "What multiplies the step size; 0 leaves these parameters as they are" }),
        weightDecay: z.number().min(0).optional().meta({ description: "In place of `weightDecay`" }),
      }),
    )
    .default([])
    .meta({ description: "Parameters that are stepped otherwise, such as norms and biases without decay: `[{\"match\":\"norm|bias\",\"weightDecay\":0}]`. The first that matches counts" }),
  advantage: advantage.prefault({}).meta({ description: "The advantage estimator" }),
  clip: clip.prefault({}).meta({ description: "Clipping of the surrogate's ratio; acts from the second minibatch on" }),
  aggregation: z
    .enum(["sequence", "token", "constant"])
    .default("sequence")
    .meta({ description: "The loss is the mean over sequences of token means, the mean over all tokens, or the mean over sequences of token sums divided by a constant" }),
  aggregationLength: z
    .int()
    .min(0)
    .default(0)
    .meta({ description: "With aggregation `constant`: that constant; 0 = the longest completion that generation.maxTokens allows" }),
  kl: kl.prefault({}).meta({ description: "Divergence from a frozen reference model" }),
  entropyBonus: z.number().min(0).default(0).meta({ description: "What the mean entropy of the next token, in nats, is multiplied by and taken from the loss" }),
  importanceCap: z
    .number()
    .min(0)
    .default(2)
    .meta({
      description:
        "For completions whose log-probabilities are not the trainer's own (sampled with rounded or older weights): each token's surrogate is multiplied by p(trainer) / p(sampler), at most this; 0 = never",
    }),
  clipNorm: z.number().min(0).default(1).meta({ description: "Largest global gradient norm; 0 = off" }),
  minibatches: count.default(1).meta({ description: "Gradient steps a step: the batch is split into this many, by prompt" }),
  maxGap: z
    .number()
    .min(0)
    .default(0)
    .meta({
      description:
        "Largest difference between the log-probability that a token had when it was sampled and the one it has at the first gradient step after; above it the run stops. 0 = none, where the engine says that both are equal to the bit, and any elsewhere",
    }),
  microBatchTokens: z.int().min(0).default(0).meta({ description: "Most tokens computed at once; 0 = the engine's choice" }),
  checkpointActivations: z
    .boolean()
    .default(false)
    .meta({ description: "Keep only each layer's input for the gradient and compute the rest again: less memory, a third more work, the same gradient" }),
  lora: lora.prefault({}).meta({ description: "Low-rank adapters (LoRA) that are trained in place of the weights: gradients, optimizer state and checkpoints are of their size" }),
});
