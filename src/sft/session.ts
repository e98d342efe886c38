// One sitting of a supervised run: step after step a batch and a gradient step, held-out losses now and then, and what each step gives:
// metrics, events, checkpoints. sft.ts opens data, engine and folder around it.
import { gradientStep } from "../curriculum/gradient-step.ts";
import { updateId } from "../curriculum/identifiers.ts";
import type { Engine, UpdateResult } from "../engine/engine.ts";
import { eventSchemaVersion, type RunStatus, type StepTimings } from "../events.ts";
import { AzrError } from "../errors.ts";
import type { CheckpointState } from "../run/checkpoint.ts";
import type { Disk } from "../run/disk.ts";
import type { RunFolder } from "../run/folder.ts";
import { guardedEngine } from "../run/guard-engine.ts";
import { type Checkpoints, keepCheckpoints } from "../run/keep-checkpoints.ts";
import type { Stage } from "../run/start-run.ts";
import { sumTimings } from "../run/timings.ts";
import { type Batch, batchesOf, countSteps, updateArrays } from "./batches.ts";
import type { SftConfig, SftLog } from "./config.ts";
import type { Dataset } from "./dataset.ts";
import { createKeepBest } from "./keep-best.ts";
import { heldOutLoss, measured, type Progress } from "./validate.ts";

/** What a checkpoint keeps beside the step: which data, and how the held-out loss went. */
export interface SftState extends Progress {
  data: string;
  /** Steps that the run went back to (`run.rollBack`), in the order in which it did; absent for none. */
  rollBacks?: number[];
}

export interface SftSessionOptions extends Stage {
  config: SftConfig;
  configHash: string;
  folder: RunFolder<SftLog>;
  checkpoint: (CheckpointState<SftState> & { path: string }) | undefined;
  engine: Engine;
  data: Dataset;
  disk: Disk;
  /** As in SftState. */
  rollBacks: readonly number[];
  /** The best measurement so far; `kept` is told of each that is better. After a roll-back it may be one of the steps that were given up: its model is there. */
  best: Progress["best"];
  kept(best: Progress["best"]): void;
}

export interface SftOutcome {
  status: RunStatus;
  /** The last finished step. */
  step: number;
  dir: string;
  /** The latest checkpoint's folder; undefined when there is none yet. */
  checkpoint: string | undefined;
  /** Metrics of the last finished step of this sitting. */
  metrics: Record<string, number> | undefined;
  /** Over the steps of this sitting. */
  timings: StepTimings;
  /** The best held-out loss and its step; undefined when none was measured. */
  best: { step: number; loss: number } | undefined;
  /** Whether the run ended before its last step because the held-out loss no longer fell. */
  endedEarly: boolean;
}

const timingsOf = (total: number, update: number, tokens: number): StepTimings => ({
  total, propose: 0, validate: 0, solve: 0, verify: 0, update, samplingShare: 0, executorShare: 0, updateShare: total > 0 ? update / total : 0, tokensPerSecond: total > 0 ? tokens / total : 0,
});

/** Runs the session to its end. Rejects with the first failure; what was finished before stays resumable. */
export async function runSftSession(options: SftSessionOptions): Promise<SftOutcome> {
  const { config, folder, checkpoint, publisher, control, signal, clock, data } = options;
  if (checkpoint !== undefined && checkpoint.state.data !== data.checksum) {
    throw new AzrError("AZR_CHECKPOINT_INCOMPATIBLE", "The data is not what this run began with", {
      hint: `Restore the files as they were: ${[...data.files, ...data.validationFiles].map(({ path }) => path).join(", ")}. Or start a new run from this one's model: --model ${folder.dir}.`,
      details: { expected: checkpoint.state.data, found: data.checksum },
    });
  }
  const began = clock();
  const engine = guardedEngine(options.engine, {
    dir: folder.dir,
    maxGap: 0,
    about: () => ({ step: control.step + 1, model: config.model, checkpoint: checkpoints.latest ?? null }),
  });
  const { rollBacks } = options;
  const plan = { rows: data.rows, files: data.files, config, rollBacks };
  const steps = countSteps(plan);
  let progress: Progress = { best: options.best, misses: checkpoint?.state.misses ?? 0 };
  let boundary = { step: checkpoint?.step ?? 0, offsets: checkpoint?.offsets ?? (await folder.mark()), progress };
  let metrics: Record<string, number> | undefined;
  let status: RunStatus = "finished";
  const timings: StepTimings[] = [];
  // Whether the weights have made a step that is not yet finished.
  let ahead = false;
  const endsEarly = () => config.validation.patience > 0 && progress.misses >= config.validation.patience;

  const { keepBest } = config.validation;
  const best = createKeepBest(engine, folder.dir, options.disk, checkpoint?.state.best?.step);
  const checkpoints: Checkpoints = keepCheckpoints<SftState>({
    folder: {
      async checkpoint(state, write) {
        const path = await folder.checkpoint(state, write);
        if (keepBest) await best.settle(state.state.best?.step);
        return path;
      },
    },
    engine,
    first: checkpoint?.path,
    publisher,
    control,
    async boundary() {
      const { step, offsets, progress: state } = boundary;
      return { step, configHash: options.configHash, config, offsets, state: { ...state, data: data.checksum, ...(rollBacks.length > 0 ? { rollBacks: [...rollBacks] } : {}) } };
    },
  });
  async function measure(step: number): Promise<Record<string, number>> {
    const { every } = config.validation;
    if (data.heldOut.length === 0 || !(step === steps || (every > 0 && step % every === 0))) return {};
    const loss = await heldOutLoss(engine, data.heldOut, signal);
    progress = measured(progress, step, loss);
    if (progress.best?.step === step) {
      if (keepBest) await best.keep();
      options.kept(progress.best);
    }
    publisher.publish({ type: "eval-end", suite: "validation", metrics: { loss } });
    return { "validation/loss": loss };
  }
  async function runStep(step: number, { rows, epoch }: Batch): Promise<void> {
    const from = clock();
    publisher.beginStep(step);
    publisher.publish({ type: "step-start" });
    const settings = gradientStep(config.update, step, steps);
    const result = await engine.update({ ...updateArrays(rows), ...settings, signal });
    ahead = true;
    const update = clock() - from;
    const { loss, gradientNorm, entropy, clipFraction, approximateKl, meanLogProbabilityGap, maxLogProbabilityGap, trainedTokens, computedTokens } = result;
    publisher.publish({ type: "update-end", id: updateId(step, 0), completions: rows.length, loss, gradientNorm, entropy, clipFraction, approximateKl, meanLogProbabilityGap, maxLogProbabilityGap, trainedTokens });
    metrics = { ...stepMetrics(result), "update/learningRate": settings.optimizer.learningRate, "data/rows": rows.length, "data/epoch": epoch, ...(await measure(step)) };
    const spent = timingsOf(clock() - from, update, computedTokens);
    timings.push(spent);
    folder.logs.metrics.append({ step, ...metrics });
    folder.logs.timings.append({ step, ...spent });
    publisher.publish({ type: "step-end", metrics, timings: spent });
    boundary = { step, offsets: await folder.mark(), progress };
    ahead = false;
    control.step = step;
    await publisher.settled();
    if (config.run.checkpointEvery > 0 && step % config.run.checkpointEvery === 0) await checkpoints.save();
    await checkpoints.serve();
  }

  control.step = boundary.step;
  if (checkpoint !== undefined) await engine.load(checkpoint.path, { optimizer: true });
  publisher.beginStep(control.step);
  publisher.publish({
    type: "run-start", method: "sft", schema: eventSchemaVersion, dir: folder.dir, configHash: options.configHash, seed: config.seed, steps, kinds: [],
    model: config.model, parameters: engine.stats().parameters, resumedFrom: checkpoint?.step ?? null,
  });
  for (const message of data.notes) publisher.publish({ type: "warning", code: "ROWS_LEFT_OUT", message });
  try {
    // Somewhere to go back to from the first steps.
    if (checkpoint === undefined && config.run.rollBack > 0) await checkpoints.save();
    await checkpoints.serve();
    let step = 0;
    for (const batch of batchesOf(plan)) {
      step += 1;
      if (step <= boundary.step) continue;
      const outOfTime = config.timeBudgetSeconds > 0 && step > 1 + (checkpoint?.step ?? 0) && clock() - began >= config.timeBudgetSeconds;
      if (control.stopping || outOfTime) status = control.stopping ? "stopped" : "out-of-time";
      if (status !== "finished" || endsEarly()) break;
      await runStep(step, batch);
    }
  } catch (error) {
    // An update that is aborted leaves the weights as they were; after one, in a measurement, the last checkpoint has to do.
    if (!(options.endsOrderly() && AzrError.isInstance(error) && error.code === "AZR_ABORTED")) throw error;
    status = "stopped";
  }
  if (!ahead) await checkpoints.save();
  const { step } = boundary;
  return { status, step, dir: folder.dir, checkpoint: checkpoints.latest, metrics, timings: sumTimings(timings), best: boundary.progress.best ?? undefined, endedEarly: status === "finished" && step < steps };
}

function stepMetrics({ loss, gradientNorm, entropy, trainedTokens, computedTokens }: UpdateResult): Record<string, number> {
  return { "update/loss": loss, "update/gradientNorm": gradientNorm, "update/entropy": entropy, "update/trainedTokens": trainedTokens, "update/computedTokens": computedTokens };
}
