// Named sets of values. A preset sets everything that belongs to its recipe, so that a later change of a default does not change it.
import type { ConfigInput, PresetName } from "./schema.ts";

// The recipe of the bundled seedling: no clip acts (one minibatch), every rollout is trained, against the other answers to its task,
// at a low rate that falls to zero: noise costs greedy accuracy first. Chosen on the validation split (docs/demo.md).
const demo: ConfigInput = {
  model: "seedling",
  format: "compact",
  algorithm: "trr++",
  steps: 450,
  generation: { maxTokens: { propose: 96, solve: 64 }, temperature: { propose: 1, solve: 0.6 }, topP: 1 },
  curriculum: {
    proposals: 48,
    references: 1,
    rollouts: { n: 8, reuse: true },
    replay: 16,
    deduplicate: true,
    inputsPerProgram: 8,
    fidelity: "tuned",
    induction: { inputs: 6, shown: 3, check: "hidden" },
    seedTasks: 0,
  },
  update: {
    learningRate: 1.5e-4,
    schedule: "linear",
    betas: [0.9, 0.99],
    weightDecay: 0,
    advantage: { scope: "task", baseline: "leave-one-out" },
    clipNorm: 1,
    minibatches: 1,
  },
  run: { checkpointEvery: 20, keepCheckpoints: 2 },
};

// Zhao et al. 2025 (arXiv 2505.03335), table 3 and appendix: 64 sequences for each of six groups, one gradient step.
const paper: ConfigInput = {
  model: "Qwen/Qwen2.5-Coder-3B",
  format: "paper",
  algorithm: "trr++",
  steps: 500,
  generation: { maxTokens: { propose: 8096, solve: 8096 }, temperature: { propose: 1, solve: 1 }, topP: 1 },
  curriculum: {
    proposals: 64,
    references: 6,
    referenceSampling: "uniform",
    rollouts: { n: 8, reuse: false },
    solverTasks: "this-step",
    keep: "all",
    bufferCapacity: 16_384,
    eviction: "oldest",
    deduplicate: false,
    fidelity: "paper",
    induction: { inputs: 10, shown: 5, check: "all", distinct: false },
    seedTasks: 256,
  },
  update: {
    learningRate: 1e-6,
    schedule: "constant",
    betas: [0.9, 0.999],
    weightDecay: 0.01,
    entropyBonus: 0.001,
    clipNorm: 1,
    minibatches: 1,
  },
  run: { checkpointEvery: 10 },
};

// The authors' code where it departs from their text: last step's tasks, full buffers that keep their oldest, token-weighted loss, its reward column.
const reference: ConfigInput = {
  ...paper,
  algorithm: "trr++-token",
  curriculum: {
    ...paper.curriculum,
    solverTasks: "previous-step",
    eviction: "newest",
    fidelity: "reference",
    induction: { inputs: 10, shown: 5, check: "hidden", distinct: false },
    validation: { rejectSeveralFunctions: true },
  },
};

// What we would run on a large model: nothing sampled is thrown away, duplicates do not pay.
const tuned: ConfigInput = {
  ...paper,
  generation: { maxTokens: { propose: 4096, solve: 4096 }, temperature: { propose: 1, solve: 1 }, topP: 1 },
  curriculum: { ...paper.curriculum, rollouts: { n: 8, reuse: true }, deduplicate: true, fidelity: "tuned" },
  update: { ...paper.update, entropyBonus: 0 },
};

// The demo's recipe at the smallest size that still does everything: for trying things out and for tests.
const tinyCpu: ConfigInput = {
  ...demo,
  steps: 10,
  curriculum: { ...demo.curriculum, proposals: 8, rollouts: { n: 4, reuse: true } },
  update: { ...demo.update, schedule: "constant" },
  run: { checkpointEvery: 5, keepCheckpoints: 2 },
};

/** The values of each preset; `resolveConfig` merges them over the defaults. */
export const presets: Record<PresetName, ConfigInput> = { demo, "tiny-cpu": tinyCpu, tuned, paper, reference };
