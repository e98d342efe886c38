// The sections of the configuration: sampling, curriculum, executor, engine, run folder; rewards and the gradient step are in files of their own.
// schema.ts composes them; what the task kinds take is in ../curriculum/settings.ts. Defaults are the demo's recipe.
import * as z from "zod";
import { evictions } from "../curriculum/eviction.ts";
import { compositeSchema, errorSchema, inductionSchema, limitsSchema, validationSchema } from "../curriculum/settings.ts";
import { weightings } from "../curriculum/task-buffer.ts";
import { layerNames } from "../executor/layers.ts";

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
    .enum(weightings)
    .default("uniform")
    .meta({ description: "How past tasks are drawn for the proposer: all alike, weighted by the step in which they arrived, or by how much there is to learn from them (docs/buffers.md)" }),
  rollouts: z
    .strictObject({
      n: count.default(8).meta({ description: "Answers sampled a task to measure its difficulty (n)" }),
      reuse: z
        .boolean()
        .default(true)
        .meta({ description: "Train the solver on these; false samples one separate answer a task, as the paper does" }),
      earlyStop: z
        .boolean()
        .default(false)
        .meta({ description: "Stop asking about a task once a right and another answer were seen. Only with reward.learnability `mixed`: the share of right answers is then biased" }),
    })
    .prefault({})
    .meta({ description: "Difficulty rollouts" }),
  replay: z
    .int()
    .min(0)
    .default(0)
    .meta({ description: "With rollouts.reuse: past tasks a kind and step that are answered again, n times each, and trained on" }),
  replaySampling: z
    .enum(weightings)
    .default("uniform")
    .meta({ description: "How the tasks of replay are drawn; the names are those of referenceSampling" }),
  overlap: z
    .boolean()
    .default(false)
    .meta({
      description:
        "Write each step's proposals while the answers of the step before are judged and trained on: faster where the executor takes long, and the proposals are one update older than the weights that train on them, which update.importanceCap corrects",
    }),
  dynamicSampling: z
    .int()
    .min(0)
    .default(0)
    .meta({ description: "With rollouts.reuse: tasks whose answers all earn the same are left out of the update, and past ones answered in their place, in at most this many rounds; 0 = off (DAPO, arXiv 2503.14476, section 3.2)" }),
  solverTasks: z
    .enum(["this-step", "previous-step", "newest", "uniform", "learnability"])
    .default("this-step")
    .meta({
      description:
        "Without rollouts.reuse: the tasks that the solver trains on. The new ones of this step (the paper) or of the one before (its code), topped up from the buffer; the newest there are; or drawn from all, alike or by how much there is to learn from them",
    }),
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
  error: errorSchema.prefault({}),
  composite: compositeSchema.prefault({}),
  validation: validationSchema.prefault({}),
  seedTasks: z
    .int()
    .min(0)
    .default(0)
    .meta({ description: "Grow each buffer to this many tasks by proposing without training before step 1; 0 = start from the seed tasks alone" }),
  tasks: z
    .strictObject({
      files: z.array(z.string().min(1)).default([]).meta({ description: "Task files whose answers can be checked; the solver trains on them beside self-play, or alone (docs/curated-tasks.md)" }),
      share: z
        .number()
        .min(0)
        .max(1)
        .default(0)
        .meta({ description: "Share of each step that they are: so much fewer proposals of each kind are asked for, and as many tasks are taken from the files; 1 = no self-play" }),
      perStep: z.int().min(0).default(0).meta({ description: "Tasks of the files a step, all kinds together; 0 = as many as the proposals that `share` leaves out" }),
      shuffle: z.boolean().default(true).meta({ description: "Another order in each epoch, by the seed; false = the order of the files" }),
    })
    .prefault({})
    .meta({ description: "Tasks that come from files" }),
  seedFile: z.string().default("").meta({ description: "JSONL file of tasks to start from, or a run folder, whose seeds are taken; empty = the built-in identity function" }),
  keep: z
    .enum(["all", "not-always-solved", "not-extreme"])
    .default("all")
    .meta({ description: "Which new tasks enter the buffers: all, those that not every rollout solves, or of these those that some rollout solves. The others are still rewarded and trained on in their own step, and stay known" }),
  bufferCapacity: count.default(16_384).meta({ description: "Tasks kept a kind" }),
  eviction: z
    .enum(evictions)
    .default("oldest")
    .meta({ description: "Which task leaves a full buffer: the oldest, the one with least to learn from, one by chance so that every task ever added is as likely to be there, or the new one itself, as in the authors' code (docs/buffers.md)" }),
  heldOut: z
    .array(z.string().min(1))
    .default([])
    .meta({ description: "Task files whose programs may not be proposed (compared by normalised program)" }),
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
