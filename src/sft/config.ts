// The settings of supervised warm-up (`azr sft`): schema, merging of sources, the hash of what changes results, and the form of its run
// folder. Sections that self-play has too are those of src/config/sections.ts.
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import * as z from "zod";
import { checkSettings, type Layer, layersOf, type SettingSources } from "../config/check.ts";
import { readConfigFile } from "../config/load.ts";
import { engine, run } from "../config/sections.ts";
import { leaves, stableJson, type Tree } from "../config/tree.ts";
import { update } from "../config/update-section.ts";
import type { Resolved } from "../run/folder.ts";
import type { RunForm } from "../run/form.ts";

const files = z.array(
  z.strictObject({
    path: z.string().min(1),
    weight: z.number().min(0).default(1),
  }),
);

const data = z.strictObject({
  files: files.min(1, "names no file: give --data FILE").default([]).meta({ description: "JSON lines to train on: `{path, weight}`. Weight 1: each row once an epoch; 0.5: half of the rows, others each time; 2: each twice" }),
  trainOn: z.enum(["response", "last", "all"]).default("response").meta({ description: "Which tokens are trained: responses (of a conversation all turns of the assistant), the last response, or all tokens" }),
  promptAs: z.enum(["text", "chat"]).default("text").meta({ description: "How rows of prompt and response are written: as they are, or as a user's message and its answer by the model's chat template" }),
  responseMarker: z.string().default("").meta({ description: "Rows of `text`: what follows the first place of this text is the response; empty = all of it" }),
  endToken: z.string().default("").meta({ description: "Token after each response and text (chat templates write their own); empty = the model's own, `none` = nothing" }),
  maxTokens: z.int().min(0).default(0).meta({ description: "Most tokens of a row; 0 = what the model takes" }),
  tooLong: z.enum(["error", "cut", "drop"]).default("error").meta({ description: "Longer rows: an error, cut at their end, or left out" }),
  empty: z.enum(["error", "drop"]).default("error").meta({ description: "Rows with nothing to train: an error, or left out" }),
  badLines: z.enum(["error", "skip"]).default("error").meta({ description: "Lines that are no row: an error, or left out with a warning" }),
  unknownFields: z.enum(["error", "ignore"]).default("error").meta({ description: "Fields of a row that mean nothing here: they make it a bad line, or are ignored" }),
  shuffle: z.boolean().default(true).meta({ description: "Another order in each epoch, by the seed; false = the order of the files" }),
});

const validation = z.strictObject({
  files: files.default([]).meta({ description: "Rows to measure the loss on, never trained; weights count nothing" }),
  share: z.number().min(0).lt(1).default(0).meta({ description: "Share of the rows that is kept out and measured on, by a hash of the prompt: rows with the same prompt stay together" }),
  every: z.int().min(0).default(0).meta({ description: "Steps between measurements; 0 = only at the end" }),
  patience: z.int().min(0).default(0).meta({ description: "End the run when so many measurements in a row brought no better loss; 0 = never" }),
  keepBest: z.boolean().default(false).meta({ description: "Give the model of the best measurement, not of the last step" }),
});

export const sftSchema = z.strictObject({
  model: z.string().min(1).default("seedling").meta({ description: "`seedling`, a Hugging Face folder, a GGUF file, a run folder or a name of the hub" }),
  initialize: z.boolean().default(false).meta({ description: "Start from random weights drawn from the seed; of the model only its shape and tokenizer are taken" }),
  seed: z.int().min(0).max(0xffff_ffff).default(0).meta({ description: "Root of every random choice of the run" }),
  epochs: z.number().gt(0).default(1).meta({ description: "How often the data is gone through, where `steps` is 0; may be a fraction" }),
  steps: z.int().min(0).default(0).meta({ description: "Gradient steps in all; 0 = as `epochs` says" }),
  timeBudgetSeconds: z.number().min(0).default(0).meta({ description: "Finish the current step and stop after this many seconds; 0 = no limit. Changes no step's result" }),
  data: data.prefault({}).meta({ description: "What is trained on" }),
  validation: validation.prefault({}).meta({ description: "What is measured on" }),
  update: update
    .pick({ learningRate: true, schedule: true, warmUpSteps: true, betas: true, epsilon: true, weightDecay: true, groups: true, clipNorm: true, microBatchTokens: true, checkpointActivations: true, lora: true })
    .extend({
      learningRate: z.number().min(0).default(1e-5).meta({ description: "AdamW step size at its peak" }),
      schedule: update.shape.schedule.unwrap().default("linear").meta({ description: "How the step size goes from its peak to the end of the run: it stays, or falls to zero" }),
      betas: update.shape.betas.unwrap().default([0.9, 0.999]).meta({ description: "AdamW moment decays" }),
      batchTokens: z.int().min(1).default(8192).meta({ description: "Most tokens of a gradient step, prompts counted: whole rows are taken while they fit, at least one" }),
    })
    .prefault({})
    .meta({ description: "The gradient step" }),
  engine: engine.prefault({}).meta({ description: "The model's engine" }),
  run: run.pick({ dir: true, name: true, keepCheckpoints: true, keepEvery: true, rollBack: true }).extend({ checkpointEvery: z.int().min(0).default(200).meta({ description: "Steps between checkpoints; 0 = only at the end" }) }).prefault({}).meta({ description: "The run folder" }),
  out: z.string().default("").meta({ description: "Folder for the finished model, in the layout of Hugging Face; empty = `model` in the run folder" }),
  dtype: z.enum(["f32", "bf16", "f16"]).default("f32").meta({ description: "Type of the weights of the finished model" }),
}).superRefine(({ data: { shuffle }, run: { rollBack } }, context) => {
  if (rollBack > 0 && !shuffle) context.addIssue({ code: "custom", path: ["run", "rollBack"], message: "needs data.shuffle: rows in the same order would lead to the same place" });
});

export type SftConfig = z.output<typeof sftSchema>;
export type SftConfigInput = z.input<typeof sftSchema>;
export type ResolvedSft = Resolved<SftConfig>;

/** Environment variables that set a value. */
export const sftEnvironmentKeys: Record<string, string> = { AZR_MODEL: "model", AZR_SEED: "seed", AZR_RUN_DIR: "run.dir", AZR_THREADS: "engine.threads" };

const neutral = /^(timeBudgetSeconds|run\..*|engine\.threads|out|dtype)$/;
const isFiles = (path: string): boolean => /^(data|validation)\.files$/.test(path);

/** Whether a run may go on with another value. How long it is changes nothing only where the step size does not fall towards its end. */
const mayChange = (path: string, { update: { schedule } }: SftConfig): boolean =>
  neutral.test(path) || isFiles(path) || (schedule === "constant" && /^(steps|epochs)$/.test(path));

/** Hash of the settings that change results. Of the data the weights of its files: what is in them is known by a checksum, not by its place. */
export function sftHash(config: SftConfig): string {
  const decisive = leaves(config as Tree).filter(([path]) => isFiles(path) || !mayChange(path, config));
  const values = decisive.map(([path, value]) => [path, isFiles(path) ? (value as SftConfig["data"]["files"]).map(({ weight }) => weight) : value]);
  return createHash("sha256").update(stableJson(Object.fromEntries(values))).digest("hex").slice(0, 16);
}

/**
 * Merges the sources and checks the result; paths become absolute.
 * @throws AzrError AZR_CONFIG_INVALID
 */
export function resolveSft(sources: SettingSources, from = process.cwd()): ResolvedSft {
  const layers: Layer[] = layersOf(sources, sftEnvironmentKeys);
  const { config, origins } = checkSettings(sftSchema, layers, { page: "docs/sft.md", example: `--set 'data.files=[{"path":"rows.jsonl"}]'` });
  const absolute = (list: SftConfig["data"]["files"]) => list.map(({ path, weight }) => ({ path: resolve(from, path), weight }));
  const settled: SftConfig = {
    ...config,
    data: { ...config.data, files: absolute(config.data.files) },
    validation: { ...config.validation, files: absolute(config.validation.files) },
    out: config.out === "" ? "" : resolve(from, config.out),
  };
  return { config: settled, origins, hash: sftHash(settled) };
}

/** `resolveSft` with the values of a file; JSON, JavaScript or TypeScript. Throws AZR_CONFIG_NOT_FOUND too. */
export async function loadSft({ file, cwd = process.cwd(), ...sources }: Omit<SettingSources, "file"> & { file?: string; cwd?: string }): Promise<ResolvedSft> {
  if (file === undefined) return resolveSft(sources, cwd);
  const path = resolve(cwd, file);
  return resolveSft({ ...sources, file: { path, values: await readConfigFile(path, { command: "sft", mode: "default" }) } }, cwd);
}

const logs = ["events", "metrics", "timings"] as const;
export type SftLog = (typeof logs)[number];

export const sftForm: RunForm<SftConfig, SftLog> = {
  method: "sft",
  logs,
  parse: (value) => sftSchema.parse(value),
  hash: sftHash,
  mayChange,
  folderName: ({ seed }) => `sft-seed${seed}`,
};
