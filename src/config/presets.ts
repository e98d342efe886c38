// Named recipes: how to train, whatever the model. A recipe sets everything that belongs to it, so that a later change of a default does not change
// it. docs/fidelity.md says row by row what paper and code do, and why `tuned` departs from them; the sizes beside them are in sizes.ts.
import { defaultBannedModules } from "../curriculum/settings.ts";
import type { PresetName, RecipeName } from "./preset-names.ts";
import type { ConfigInput } from "./schema.ts";
import { sizes } from "./sizes.ts";

// The recipe of the bundled seedling: no clip acts (one minibatch), every rollout is trained, against the other answers to its task,
// at a low rate that falls to zero: noise costs greedy accuracy first. Chosen on the validation split (docs/demo.md).
const demo: ConfigInput = {
  model: "seedling",
  format: "compact",
  prompts: "v1",
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
  reward: { learnability: "one-minus" },
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

const bannedByBoth = ["logging", "random", "multiprocessing", "pebble", "subprocess", "threading", "datetime", "time", "hashlib", "bcrypt", "calendar"];

// Zhao et al. 2025 (arXiv 2505.03335), table 3 and appendix: 64 sequences for each of six groups, one gradient step.
const paper: ConfigInput = {
  model: "Qwen/Qwen2.5-Coder-3B",
  format: "paper",
  prompts: "v1",
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
    // Figure 8, and the two modules that the text names.
    validation: { bannedModules: [...bannedByBoth, "os.sys", "os.path", "os.environ", "sys.exit", "sys", "shutil"], rejectSeveralFunctions: false },
    seedTasks: 256,
  },
  reward: { learnability: "one-minus" },
  update: {
    learningRate: 1e-6,
    schedule: "constant",
    betas: [0.9, 0.999],
    weightDecay: 0.01,
    entropyBonus: 0.001,
    clipNorm: 1,
    minibatches: 1,
  },
  executor: { limits: { cpuMs: 10_000, wallMs: 30_000 } },
  run: { checkpointEvery: 10 },
};

// The authors' code where it departs from their text (branch `paper`): the step before's tasks, full buffers that keep their oldest, loss and baselines by
// tokens, its reward column, half of the pairs, programs of one function, and as many steps as its scripts come to. Names with dots never match in its check of imports.
const reference: ConfigInput = {
  ...paper,
  // Its two sentences on difficulty stand in each other's place.
  prompts: "v1-swapped",
  algorithm: "trr++-token",
  steps: 960,
  curriculum: {
    ...paper.curriculum,
    solverTasks: "previous-step",
    eviction: "newest",
    fidelity: "reference",
    induction: { inputs: 10, shown: 5, check: "hidden", distinct: false },
    validation: { bannedModules: [...bannedByBoth, "hmac"], rejectSeveralFunctions: true },
  },
};

// What we would run on a large model: nothing sampled is thrown away, duplicates do not pay.
const tuned: ConfigInput = {
  ...paper,
  generation: { maxTokens: { propose: 4096, solve: 4096 }, temperature: { propose: 1, solve: 1 }, topP: 1 },
  curriculum: {
    ...paper.curriculum,
    rollouts: { n: 8, reuse: true },
    deduplicate: true,
    fidelity: "tuned",
    induction: { inputs: 10, shown: 5, check: "all", distinct: true },
    validation: { bannedModules: defaultBannedModules, rejectSeveralFunctions: false },
  },
  update: { ...paper.update, entropyBonus: 0 },
  executor: { limits: { cpuMs: 1000, wallMs: 3000 } },
};

const recipes: Record<RecipeName, ConfigInput> = { demo, tuned, paper, reference };

/** The values of each name; those of a size go over those of a recipe (preset-names.ts), and both over the defaults. */
export const presets: Record<PresetName, ConfigInput> = { ...recipes, ...sizes };
