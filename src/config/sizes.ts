// Named sizes: a model, and what depends on it. Over a recipe (presets.ts), whatever the order in which the two are named. The published ones are
// those of the authors' scripts (docs/fidelity.md has each value's source); how they split a model over GPUs has no counterpart here.
import type { SizeName } from "./preset-names.ts";
import type { ConfigInput } from "./schema.ts";

/** Held and trained as in the scripts: products in bfloat16, the optimizer in single precision, activations computed again. */
const published = (model: string, more: ConfigInput = {}): ConfigInput => ({
  model,
  format: "paper",
  ...more,
  update: { checkpointActivations: true, ...more.update },
  engine: { weights: "bf16" },
});

const severalFunctions = { rejectSeveralFunctions: false };

export const sizes: Record<SizeName, ConfigInput> = {
  // The seedling at the smallest size that still does everything: for trying things out and for tests.
  "tiny-cpu": {
    model: "seedling",
    format: "compact",
    steps: 10,
    generation: { maxTokens: { propose: 96, solve: 64 } },
    curriculum: { proposals: 8, references: 1, rollouts: { n: 4 }, induction: { inputs: 6, shown: 3 }, seedTasks: 0 },
    update: { learningRate: 1.5e-4, schedule: "constant" },
    executor: { limits: { cpuMs: 1000, wallMs: 3000 } },
    run: { checkpointEvery: 5, keepCheckpoints: 2 },
  },
  // Ours, not measured: what fits one GPU of 24 GB with all weights trained.
  "small-1gpu": {
    model: "Qwen/Qwen2.5-Coder-0.5B",
    format: "paper",
    steps: 300,
    generation: { maxTokens: { propose: 1024, solve: 1024 } },
    curriculum: { proposals: 16, references: 3, rollouts: { n: 8 }, seedTasks: 64 },
    update: { learningRate: 1e-6, checkpointActivations: true },
    engine: { weights: "bf16" },
  },
  "coder-3b": published("Qwen/Qwen2.5-Coder-3B"),
  "7b": published("Qwen/Qwen2.5-7B"),
  "coder-7b": published("Qwen/Qwen2.5-Coder-7B"),
  "14b": published("Qwen/Qwen2.5-14B"),
  "coder-14b": published("Qwen/Qwen2.5-Coder-14B"),
  // Seeds of one batch, and programs with several functions.
  "llama-8b": published("meta-llama/Llama-3.1-8B", { curriculum: { seedTasks: 64, validation: severalFunctions } }),
  // Only in the branch `master`, whose optimizer settings differ. Its greedy difficulty rollouts are not taken over.
  "qwen3-4b": published("Qwen/Qwen3-4B-Base", {
    curriculum: { validation: severalFunctions },
    update: { clip: { low: 0.2, high: 0.28, dual: 3 }, entropyBonus: 0, weightDecay: 0 },
  }),
};
