// The sections of the configuration: sampling, curriculum, rewards, gradient step, executor, engine, run folder.
// schema.ts composes them; what the task kinds take is in ../curriculum/settings.ts. Defaults are the demo's recipe.
import * as z from "zod";
import { inductionSchema, limitsSchema, validationSchema } from "../curriculum/settings.ts";
import { layerNames } from "../executor/layers.ts";

const share = z.number().min(0).max(1);
const count = z.int().min(1);
const temperature = z.number().gt(0, "must be above 0: the rollouts of one task have to differ for its difficulty to be measured").default(1);

export const generation = z.strictObject({
  maxTokens: z
    .strictObject({
      propose: count.default(96).meta({ description: "Most tokens a proposal, stop token counted" }),
      solve: count.default(64).meta({ description: "Most tokens an answer, stop token counted" }),
    })
    .prefault({})
    .meta({ description: "Length limits of completions" }),
  temperature: z
    .strictObject({
      propose: temperature.meta({ description: "Sampling temperature of proposals" }),
      solve: temperature.meta({ description: "Sampling temperature of answers; below 1, training looks at the answers that greedy decoding chooses between" }),
    })
    .prefault({})
    .meta({ description: "Sampling temperatures; log-probabilities, and so the loss, are the model's own whatever they are" }),
  topP: z.number().gt(0).max(1).default(1).meta({ description: "Nucleus sampling; 1 = off" }),
});

export const curriculum = z.strictObject({
  proposals: count.default(48).meta({ description: "Proposals a kind and step (B)" }),
  references: z.int().min(0).default(1).meta({ description: "Past tasks shown to the proposer (K)" }),
  referenceSampling: z
    .enum(["uniform", "recent"])
    .default("uniform")
    .meta({ description: "How past tasks are drawn: all alike, or weighted by the step in which they arrived" }),
  rollouts: z
    .strictObject({
      n: count.default(8).meta({ description: "Answers sampled a task to measure its difficulty (n)" }),
      reuse: z
        .boolean()
        .default(true)
        .meta({ description: "Train the solver on these; false samples one separate answer a task, as the paper does" }),
    })
    .prefault({})
    .meta({ description: "Difficulty rollouts" }),
  replay: z
    .int()
    .min(0)
    .default(0)
    .meta({ description: "With rollouts.reuse: past tasks a kind and step that are answered again, n times each, and trained on" }),
  dynamicSampling: z
    .int()
    .min(0)
    .default(0)
    .meta({ description: "With rollouts.reuse: tasks whose answers all earn the same are left out of the update, and past ones answered in their place, in at most this many rounds; 0 = off (DAPO, arXiv 2503.14476, section 3.2)" }),
  solverTasks: z
    .enum(["this-step", "previous-step"])
    .default("this-step")
    .meta({ description: "Without rollouts.reuse: whose new tasks the solver trains on, topped up from the buffer" }),
  proposer: z
    .enum(["trained", "untrained", "frozen"])
    .default("trained")
    .meta({
      description:
        "Who proposes: the model, trained for it; the model, its proposals kept out of the loss; or a frozen copy of the model as the run found it",
    }),
  deduplicate: z
    .boolean()
    .default(true)
    .meta({ description: "Count a proposal whose normalised program is already known as invalid" }),
  inputsPerProgram: count
    .default(1)
    .meta({ description: "With deduplicate: how many tasks of deduction and abduction one program may make, each with another input" }),
  fidelity: z
    .enum(["paper", "reference", "tuned"])
    .default("tuned")
    .meta({ description: "Column of the reward table" }),
  induction: inductionSchema.prefault({}),
  validation: validationSchema.prefault({}),
  seedTasks: z
    .int()
    .min(0)
    .default(0)
    .meta({ description: "Grow each buffer to this many tasks by proposing without training before step 1; 0 = start from the seed tasks alone" }),
  seedFile: z.string().default("").meta({ description: "JSONL file of tasks to start from; empty = the built-in identity function" }),
  bufferCapacity: count.default(16_384).meta({ description: "Tasks kept a kind; the oldest leave first" }),
  heldOut: z
    .array(z.string().min(1))
    .default([])
    .meta({ description: "Task files whose programs may not be proposed (compared by normalised program)" }),
});

export const reward = z.strictObject({
  shuffle: z
    .boolean()
    .default(false)
    .meta({ description: "Control experiment: permute rewards inside each group, which detaches them from the samples" }),
  overlong: z
    .strictObject({
      tokens: z.int().min(0).default(0).meta({ description: "Last tokens before generation.maxTokens over which the penalty grows from nothing; 0 = off" }),
      penalty: z.number().min(0).default(1).meta({ description: "Taken from the reward of a completion that reaches generation.maxTokens" }),
    })
    .prefault({})
    .meta({ description: "Soft penalty on length (DAPO, arXiv 2503.14476, equation 13)" }),
});

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
  coefficient: z.number().min(0).default(0).meta({ description: "How strongly the divergence from the reference model counts; 0 = off. Otherwise a second model is held" }),
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
});

export const executor = z.strictObject({
  workers: z.int().min(0).default(0).meta({ description: "Programs run at a time; 0 = by the number of cores" }),
  python: z
    .string()
    .default("")
    .meta({ description: "Python interpreter to use; empty = the newest tested one among python3 and python3.11 to python3.13 on the path" }),
  allowUntestedPython: z
    .boolean()
    .default(false)
    .meta({ description: "Take a Python that this package is not tested with too, when it is the one that is named or the only one" }),
  require: z
    .array(z.enum(layerNames))
    .default([])
    .meta({ description: "Layers of isolation without which nothing runs, beside those that always have to be there (docs/executor.md)" }),
  limits: limitsSchema.prefault({}),
});

export const engine = z.strictObject({
  threads: z.int().min(0).default(0).meta({ description: "Threads of the engine; 0 = by the number of cores" }),
  weights: z
    .enum(["f32", "bf16"])
    .default("f32")
    .meta({ description: "How the products read the weights, when sampling and when training: in single precision or in bfloat16. The optimizer's copy is always in single precision" }),
});

export const run = z.strictObject({
  dir: z.string().min(1).default("runs").meta({ description: "Folder that holds the run folders" }),
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "must be a plain folder name")
    .optional()
    .meta({ description: "Name of the run's folder; by default made from the preset and the seed" }),
  checkpointEvery: z.int().min(0).default(20).meta({ description: "Steps between checkpoints; 0 = only at the end" }),
  keepCheckpoints: count.default(2).meta({ description: "Newest checkpoints that are kept; older ones are removed" }),
  keepEvery: z.int().min(0).default(0).meta({ description: "Checkpoints of steps that are a multiple of this are kept for good, beside the newest; 0 = none" }),
  rollBack: z
    .int()
    .min(0)
    .default(0)
    .meta({
      description:
        "How many times in a run a loss, gradient or probability that is not finite takes the run back to its last good checkpoint, from where it goes on with other random choices; 0 = it stops",
    }),
  recordRollouts: z.boolean().default(true).meta({ description: "Keep every prompt, completion and verdict under rollouts/" }),
});
