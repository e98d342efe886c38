// Supervised warm-up as a library call: `sft` begins a run, `resumeSft` goes on with one, `planSft` tells what a run would do. For base
// models that cannot hold the format yet. The gradient steps are those of self-play: the same engine, the same run folder.
import { join } from "node:path";
import { estimateMemory, countParameters, type TrainingMemory } from "./model-memory.ts";
import { defaultMicroBatchTokens } from "./engine/arguments.ts";
import type { Engine } from "./engine/engine.ts";
import { isTree } from "./config/tree.ts";
import { AzrError } from "./errors.ts";
import { requireEmpty, writeModelFolder } from "./export-model.ts";
import { nodeDisk } from "./run/disk.ts";
import { createRunFolder, type OpenedRun } from "./run/folder.ts";
import { pinnedModel, settledModel } from "./run/open-parts.ts";
import { reopenRun } from "./run/reopen.ts";
import { rollingBack } from "./run/roll-back.ts";
import { type Run, type RunOptions, startRun } from "./run/start-run.ts";
import { countSteps } from "./sft/batches.ts";
import { type ResolvedSft, resolveSft, type SftConfig, type SftConfigInput, sftForm, sftHash, type SftLog } from "./sft/config.ts";
import type { FileCounts } from "./sft/dataset.ts";
import { openSftEngine, openSftParts, type SftParts } from "./sft/open.ts";
import { bestFolder } from "./sft/keep-best.ts";
import { runSftSession, type SftOutcome, type SftState } from "./sft/session.ts";

export interface SftOptions extends RunOptions {
  /** An engine that is open already, trainable and with the run's model in it; otherwise one is opened and closed. */
  engine?: Engine;
}

export interface ResumeSftOptions extends SftOptions {
  /** Settings to change on going on: those that change no result (timeBudgetSeconds, run, out, dtype; steps with a constant schedule; places of files). */
  change?: SftConfigInput;
  /** The same as texts: `run.keepCheckpoints=5`. */
  set?: string[];
  /** Name of an earlier checkpoint to go on from (`step-000120`); the default is the latest. */
  checkpoint?: string;
}

export interface SftResult extends SftOutcome {
  /** The finished model, a Hugging Face folder; undefined where the run was stopped before its end. */
  model: string | undefined;
}

export type SftRun = Run<SftResult>;

export type { ResolvedSft, SftConfig, SftConfigInput } from "./sft/config.ts";

/** What a run would do; tokens are those of its rows, prompts counted. */
export interface SftPlan {
  steps: number;
  files: FileCounts[];
  validationFiles: FileCounts[];
  rows: number;
  tokens: number;
  trainedTokens: number;
  heldOutRows: number;
  /** What was left out or cut. */
  notes: string[];
  parameters: number;
  memory: TrainingMemory;
}

const isResolved = (config: SftConfigInput | ResolvedSft): config is ResolvedSft => isTree(config) && "origins" in config && "hash" in config;
const resolved = (config: SftConfigInput | ResolvedSft): ResolvedSft => (isResolved(config) ? config : resolveSft({ argument: config }));

function requireFiles({ data }: SftConfig): void {
  if (data.files.length > 0) return;
  throw new AzrError("AZR_CONFIG_INVALID", "There is nothing to train on: data.files is empty", { hint: "Give a file of JSON lines: azr sft --data rows.jsonl." });
}

/**
 * Reads the data and counts; opens no weights.
 * @throws AzrError as `sft`
 */
export async function planSft(config: SftConfigInput | ResolvedSft, { signal }: { signal?: AbortSignal } = {}): Promise<SftPlan> {
  const settings = resolved(config).config;
  requireFiles(settings);
  const { shape, data } = await openSftParts(settings, signal);
  const { batchTokens, microBatchTokens, checkpointActivations } = settings.update;
  const parameters = countParameters(shape);
  const longest = Math.max(...data.files.map((file) => file.longest));
  // A row that is longer than a micro-batch is computed as a whole.
  const computed = Math.max(longest, Math.min(batchTokens, microBatchTokens || defaultMicroBatchTokens));
  const { lora } = settings.update;
  const memory = estimateMemory(shape, parameters, { length: 1, batch: 1, microBatchTokens: computed, checkpointActivations, ...(lora.rank > 0 ? { lora } : {}) });
  const sum = (pick: (file: FileCounts) => number) => data.files.reduce((total, file) => total + pick(file), 0);
  return {
    steps: countSteps({ rows: data.rows, files: data.files, config: settings }),
    files: data.files,
    validationFiles: data.validationFiles,
    rows: data.rows.length,
    tokens: sum(({ tokens }) => tokens),
    trainedTokens: sum(({ trainedTokens }) => trainedTokens),
    heldOutRows: data.heldOut.length,
    notes: data.notes,
    parameters,
    memory: (lora.rank > 0 ? memory.lora : memory.training)[settings.engine.weights],
  };
}

/**
 * Begins a run in a new folder; it ends with the model as a Hugging Face folder. Files are read by the paths in the configuration, nothing else.
 * @throws AzrError AZR_CONFIG_INVALID for a wrong configuration, at once; all other failures come by `result`
 */
export function sft(config: SftConfigInput | ResolvedSft, options: SftOptions = {}): SftRun {
  const { config: asked, origins } = resolved(config);
  requireFiles(asked);
  const settled = { ...asked, model: settledModel(asked.model) };
  return start(settled, options, async () => {
    const pinned = { ...settled, model: await pinnedModel(settled.model) };
    const folder = await createRunFolder(sftForm, { config: pinned, origins, hash: sftHash(pinned) }, options.disk);
    return { folder, config: pinned, checkpoint: undefined, journal: [], audit: [] };
  });
}

/** Goes on with a run from its latest checkpoint, equal to one that was never interrupted, line by line of metrics.jsonl. All failures come by `result`. */
export function resumeSft(dir: string, options: ResumeSftOptions = {}): SftRun {
  return start(undefined, options, async () => {
    const { disk, checkpoint, change, set = [] } = options;
    const given = change !== undefined || set.length > 0;
    const settings = (there: SftConfig): SftConfig => resolveSft({ file: { path: join(dir, "config.json"), values: there }, set, ...(change && { argument: change }) }).config;
    return reopenRun<SftState, SftConfig, SftLog>(sftForm, dir, {
      disk,
      checkpoint,
      settings: given ? settings : undefined,
      check(there, here) {
        if (sftHash(here) === sftHash(there)) return;
        throw new AzrError("AZR_CHECKPOINT_INCOMPATIBLE", `The run ${dir} cannot be resumed with other weights of its files`, { hint: "Give as many files as before, with the weights that they had." });
      },
    });
  });
}

function start(planned: SftConfig | undefined, options: SftOptions, open: () => Promise<OpenedRun<SftState, SftConfig, SftLog>>): SftRun {
  const { disk = nodeDisk } = options;
  return startRun(options, async (stage) => {
    const { signal } = stage;
    const prepare = async (config: SftConfig) => {
      const parts = await openSftParts(config, signal);
      if (options.engine !== undefined) return { ...parts, engine: options.engine };
      const engine = await openSftEngine(config, signal);
      stage.closeLater({ close: () => engine.dispose() });
      return { ...parts, engine };
    };
    // What cannot be read or opened leaves no folder behind.
    if (planned !== undefined && planned.out !== "") requireEmpty(planned.out);
    const early = planned && (await prepare(planned));
    const opened = await open();
    stage.enter(opened.folder);
    if (opened.config.out !== "") requireEmpty(opened.config.out);
    const { engine, data, files } = early ?? (await prepare(opened.config));
    let { rollBacks = [], best = null } = opened.checkpoint?.state ?? {};
    const outcome = await rollingBack(opened, { ...stage, form: sftForm, disk, done: rollBacks.length }, (from, count) => {
      if (count > rollBacks.length) rollBacks = [...rollBacks, from.checkpoint!.step];
      const kept = (measured: SftState["best"]) => (best = measured);
      return runSftSession({ ...stage, ...from, configHash: sftHash(from.config), engine, data, disk, rollBacks, best, kept });
    });
    return { ...outcome, model: outcome.status === "stopped" ? undefined : await finish(opened.config, outcome, engine, files) };
  });
}

/** Writes the model that the run ends with. */
async function finish({ out, dtype, validation }: SftConfig, { dir, best }: SftOutcome, engine: Engine, files: SftParts["files"]): Promise<string> {
  if (validation.keepBest && best !== undefined) await engine.load(bestFolder(dir, best.step), { optimizer: false });
  const { folder } = await writeModelFolder(engine, files, out === "" ? join(dir, "model") : requireEmpty(out), { dtype, replace: out === "" });
  return folder;
}
