// The shape of a run's configuration: every setting with its default, range and meaning. The sections are in sections.ts; this file
// composes them and adds the rules that span several. resolve.ts merges presets, files and arguments into one value of this shape.
import * as z from "zod";
import { promptVersions } from "../curriculum/format.ts";
import { algorithmNames } from "./algorithms.ts";
import { type Preset, readPreset, recipeNames, sizeNames } from "./preset-names.ts";
import { reward } from "./reward-section.ts";
import { curriculum, engine, executor, generation, run } from "./sections.ts";
import { oversightFaults } from "../oversight/check-settings.ts";
import { oversightSchema } from "../oversight/settings.ts";
import { update } from "./update-section.ts";

const presetFault = (text: unknown): string | undefined => {
  const read = readPreset(String(text));
  return typeof read === "string" ? read : undefined;
};
const preset = z.string().refine((text) => presetFault(text) === undefined, { error: ({ input }) => `${presetFault(input)}, got ${JSON.stringify(input)}` });

/** zod schema of a configuration. Misspelt keys are errors; every field has a default and a description. */
export const configSchema = z
  .strictObject({
    preset: (preset as unknown as z.ZodType<Preset, Preset>)
      .optional()
      .meta({ description: `Set of values to start from: a recipe (${recipeNames.join(", ")}), a size (${sizeNames.join(", ")}), or both with a comma between: \`paper,coder-7b\`. A size alone goes by the recipe \`paper\`; \`tiny-cpu\` by \`demo\`, and \`small-1gpu\` by \`tuned\`` }),
    model: z
      .string()
      .min(1)
      .default("seedling")
      .meta({ description: "`seedling`, a folder in the Hugging Face layout, or a run folder" }),
    seed: z.int().min(0).max(0xffff_ffff).default(0).meta({ description: "Root of every random choice of the run" }),
    steps: z.int().min(0).default(100).meta({ description: "Gradient steps in all; the step size of a falling schedule depends on it" }),
    timeBudgetSeconds: z
      .number()
      .min(0)
      .default(0)
      .meta({ description: "Finish the current step and stop after this many seconds; 0 = no limit. Changes no step's result" }),
    kinds: z
      .array(z.string().min(1))
      .min(1)
      .default(["deduction", "abduction", "induction"])
      .meta({ description: "Registered task kinds, in the order in which they are worked on" }),
    format: z
      .enum(["compact", "paper"])
      .default("compact")
      .meta({ description: "Prompt format: `compact` for the seedling, `paper` for models that read prose" }),
    prompts: z
      .enum(promptVersions)
      .default("v1")
      .meta({ description: "Version of the format's prompts; `v1-swapped` interchanges two sentences, as the authors' code does (docs/task-kinds.md)" }),
    algorithm: z
      .enum(algorithmNames)
      .default("trr++")
      .meta({ description: "Name of the values of update.advantage, clip, aggregation and kl to start from (docs/algorithms.md); what is set beside it counts" }),
    generation: generation.prefault({}).meta({ description: "Sampling" }),
    curriculum: curriculum.prefault({}).meta({ description: "Proposing, validating, solving" }),
    reward: reward.prefault({}).meta({ description: "Rewards" }),
    update: update.prefault({}).meta({ description: "The gradient step" }),
    executor: executor.prefault({}).meta({ description: "The locked Python process" }),
    engine: engine.prefault({}).meta({ description: "The model's engine" }),
    oversight: oversightSchema.prefault({}).meta({ description: "Rules that watch a run" }),
    run: run.prefault({}).meta({ description: "The run folder" }),
  })
  .superRefine((config, context) => {
    const complain = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    if (new Set(config.kinds).size !== config.kinds.length) complain(["kinds"], "a kind is listed twice");
    const { dynamicSampling, overlap, proposer, rollouts } = config.curriculum;
    const { replay, replaySampling, referenceSampling, solverTasks, eviction } = config.curriculum;
    if (overlap && proposer === "trained" && config.update.importanceCap === 0) complain(["curriculum", "overlap"], "needs update.importanceCap: proposals of older weights are corrected for by it");
    if (dynamicSampling > 0 && !rollouts.reuse) complain(["curriculum", "dynamicSampling"], "needs curriculum.rollouts.reuse: one answer a task has no spread");
    if (rollouts.earlyStop) {
      const { learnability } = config.reward;
      if (learnability !== "mixed") complain(["curriculum", "rollouts", "earlyStop"], `needs reward.learnability=mixed, not ${learnability}: where answers end with the first contrast, the share of right ones is biased`);
      if (rollouts.reuse) complain(["curriculum", "rollouts", "earlyStop"], "does not go with curriculum.rollouts.reuse: answers that end with the first contrast are no fair sample to train on. Set reuse=false");
      const measured = Object.entries({ referenceSampling, solverTasks, eviction }).find(([, value]) => value.endsWith("learnability"));
      if (measured !== undefined) complain(["curriculum", measured[0]], `${measured[1]} needs curriculum.rollouts.earlyStop=false: where answers end with the first contrast, what there is to learn from a task is measured wrongly`);
    }
    if (replaySampling !== "uniform" && replay === 0) complain(["curriculum", "replaySampling"], "needs curriculum.replay above 0: no past task is answered again");
    if (rollouts.reuse && solverTasks !== "this-step" && solverTasks !== "previous-step") {
      complain(["curriculum", "solverTasks"], `${solverTasks} needs curriculum.rollouts.reuse=false: with reuse the solver trains on the difficulty rollouts of the new tasks, and curriculum.replay adds past ones`);
    }
    const { composite } = config.curriculum;
    if (composite.probability > 0 && config.format === "compact") complain(["curriculum", "composite", "probability"], "must be 0 with format compact, which has no words for functions to build on");
    const { files, share, perStep } = config.curriculum.tasks;
    if (files.length === 0 && (share > 0 || perStep > 0)) complain(["curriculum", "tasks", "files"], "names no file, but curriculum.tasks.share or perStep asks for its tasks");
    const leftOut = Math.round(config.curriculum.proposals * share);
    if (files.length > 0 && perStep === 0 && leftOut === 0) complain(["curriculum", "tasks", "share"], `takes no task from the files (${share} of ${config.curriculum.proposals} proposals): raise it, or set curriculum.tasks.perStep`);
    const { seedTasks, bufferCapacity } = config.curriculum;
    if (seedTasks > bufferCapacity) complain(["curriculum", "seedTasks"], `must not be above curriculum.bufferCapacity (${seedTasks} > ${bufferCapacity})`);
    for (const { rule, fault } of oversightFaults(config)) complain(["oversight", "levels", rule], fault);
    const { cpuMs, wallMs } = config.executor.limits;
    if (wallMs < cpuMs) {
      complain(["executor", "limits", "wallMs"], `must not be below executor.limits.cpuMs (${wallMs} < ${cpuMs})`);
    }
  });

/** A complete configuration. */
export type Config = z.output<typeof configSchema>;
/** What a user writes: any part of a configuration. */
export type ConfigInput = z.input<typeof configSchema>;

/** The configuration as JSON Schema (draft 2020-12), for editors. */
export const configJsonSchema = (): Record<string, unknown> =>
  z.toJSONSchema(configSchema, { io: "input" }) as Record<string, unknown>;
