// Does a finished step of a run once more from what was recorded of it: its update from the recorded rollouts (train-only), or its rollouts from the recorded
// prompts (rollout-only). Equal input gives equal numbers, to the bit. A step whose update failed is replay-update.ts's.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Config } from "./config/index.ts";
import { trainedSequence } from "./curriculum/rollout-record.ts";
import { type TakenUpdate, trainOn } from "./curriculum/update-batch.ts";
import type { Executor } from "./executor/executor.ts";
import { AzrError } from "./errors.ts";
import type { RunEvent, UpdateEnd } from "./events.ts";
import { readJsonl } from "./jsonl.ts";
import { type ReplayedSamples, sampleAgain } from "./replay-samples.ts";
import { checkpointName, listCheckpoints, readCheckpoint } from "./run/checkpoint.ts";
import { readRunConfig } from "./run/folder.ts";
import { selfPlayForm } from "./run/form.ts";
import { type GivenParts, openParts, type Parts } from "./run/open-parts.ts";
import { type RolloutFile, readRollouts } from "./run/rollout-file.ts";

export type { ReplayedSamples } from "./replay-samples.ts";

export interface ReplayStepOptions extends Pick<GivenParts, "engine" | "proposer" | "tokenizer" | "stopTokens"> {
  step: number;
  /** Sample the step's completions again in place of doing its update again. */
  sample?: boolean;
  /** Threads of the engine; by default those of the run. They change no number. */
  threads?: number;
  signal?: AbortSignal;
}

/** Figures of a gradient step that are compared. */
const figureNames = ["loss", "gradientNorm", "entropy", "clipFraction", "approximateKl", "meanLogProbabilityGap", "maxLogProbabilityGap", "trainedTokens", "completions"] as const;
type FigureName = (typeof figureNames)[number];

export interface ReplayedUpdate {
  /** `u-12-0` */
  id: string;
  figures: { name: FigureName; recorded: number | null; replayed: number | null; equal: boolean }[];
  equal: boolean;
}

export interface StepReplay {
  step: number;
  mode: "update" | "sample";
  /** The checkpoint that was gone on from; null: from the run's model as it was before the first step. */
  from: string | null;
  /** Gradient steps in order, those of the steps between the checkpoint and this one too. */
  updates: ReplayedUpdate[];
  /** With `sample`: what was sampled again, one line a role, kind and random stream. */
  samples: ReplayedSamples[];
  equal: boolean;
}

/** Updates that the events tell of, by id; a later line counts. */
async function recordedUpdates(dir: string): Promise<Map<string, UpdateEnd>> {
  const found = new Map<string, UpdateEnd>();
  for await (const { value } of readJsonl(createReadStream(join(dir, "events.jsonl")))) {
    const event = value as RunEvent | undefined;
    if (event?.type === "update-end") found.set(event.id ?? `u-${event.step}-${[...found.values()].filter((one) => (one as RunEvent).step === event.step).length}`, event);
  }
  return found;
}

async function rolloutsOf(dir: string, config: Config, step: number): Promise<RolloutFile & { head: NonNullable<RolloutFile["head"]> }> {
  const file = await readRollouts(dir, step);
  if (file?.head !== undefined) return { ...file, head: file.head };
  if (file !== undefined) {
    throw new AzrError("AZR_INPUT_INVALID", `The rollouts of step ${step} of ${dir} were recorded without token ids, by an earlier version`, { hint: "Only steps that this version recorded can be replayed." });
  }
  const failed = join(dir, "failures", checkpointName(step));
  if (await stat(failed).catch(() => undefined)) {
    throw new AzrError("AZR_INPUT_INVALID", `The update of step ${step} of ${dir} failed: there is nothing to compare with`, { hint: `Do it again, alone: azr debug update ${failed}` });
  }
  throw new AzrError("AZR_INPUT_INVALID", `${dir} holds no rollouts of step ${step}`, {
    hint: config.run.recordRollouts ? "Choose a step whose file is in its folder rollouts." : "The run was made with run.recordRollouts=false; with true, the default, its steps can be replayed.",
  });
}

/** The last checkpoint at or before a step; 0 where there is none. */
async function startOf(dir: string, step: number): Promise<{ step: number; name: string | null }> {
  const all = (await listCheckpoints(dir)).map((name) => ({ name, step: Number(name.slice("step-".length)) }));
  return all.findLast((one) => one.step <= step) ?? { step: 0, name: null };
}

/** Does the update of a step from its records; the engine has the weights from before it. */
async function trainAgain({ engine }: Parts, { head, records }: RolloutFile & { head: { step: number; seed: number } }, config: Config, signal: AbortSignal | undefined): Promise<TakenUpdate[]> {
  let previous: ReturnType<typeof trainedSequence>;
  const sequences = records.filter(({ trained }) => trained).map((record) => {
    previous = trainedSequence(record, previous);
    if (previous === undefined) throw new AzrError("AZR_RUN_FOLDER", `The record ${record.id ?? "without an id"} of step ${head.step} lacks what its update was given`);
    return previous;
  });
  const timings = { propose: 0, validate: 0, solve: 0, verify: 0, update: 0 };
  const rest = { engine, signal: signal ?? new AbortController().signal, step: head.step, timings, clock: () => performance.now() / 1000, emit: () => undefined };
  return trainOn({ ...rest, config: { ...config, seed: head.seed } }, [{ sequences }]);
}

function compare(taken: TakenUpdate[], recorded: Map<string, UpdateEnd>, step: number): ReplayedUpdate[] {
  const ids = [...new Set([...taken.map(({ id }) => id), ...[...recorded.keys()].filter((id) => id.startsWith(`u-${step}-`))])].sort();
  return ids.map((id) => {
    const now = taken.find((one) => one.id === id);
    const before = recorded.get(id);
    const figures = figureNames.map((name) => {
      const [was, is] = [before?.[name] ?? null, now?.[name] ?? null];
      return { name, recorded: was, replayed: is, equal: was !== null && Object.is(was, is) };
    });
    return { id, figures, equal: figures.every(({ equal }) => equal) };
  });
}

/**
 * Replays a step. Changes nothing in the run folder.
 * @throws AzrError AZR_INPUT_INVALID when the run did not record what is needed, with what to set; AZR_RUN_FOLDER, AZR_CHECKPOINT_CORRUPT, and what openEngine throws
 */
export async function replayStep(run: string, { step, sample = false, threads, signal, ...given }: ReplayStepOptions): Promise<StepReplay> {
  const dir = resolve(run);
  const config = await readRunConfig(selfPlayForm, dir);
  const target = await rolloutsOf(dir, config, step);
  // With overlap the proposals of a step are older by one update than its answers.
  const early = sample && config.curriculum.overlap && config.curriculum.proposer !== "frozen" && step > 1;
  const start = await startOf(dir, step - (early ? 2 : 1));
  // What is missing is told before a model is opened.
  for (let between = start.step + 1; between < step; between++) {
    await rolloutsOf(dir, config, between).catch((error: AzrError) => {
      const hint = `Step ${step} is reached from ${start.name ?? "the first model"} by the steps between. Runs with run.checkpointEvery=1 and run.keepEvery=1 keep a checkpoint before every step.\n${error.hint ?? ""}`;
      throw new AzrError(error.code, error.message, { hint: hint.trimEnd(), cause: error });
    });
  }
  if (start.name !== null) await readCheckpoint(dir, start.name);
  const parts = await openReplay(config, { sample, threads, given });
  try {
    if (start.name !== null) await parts.engine.load(join(dir, "checkpoints", start.name), { optimizer: true });
    const recorded = await recordedUpdates(dir);
    const updates: ReplayedUpdate[] = [];
    const samples: ReplayedSamples[] = [];
    const again = async (role: "propose" | "solve") => void samples.push(...(await sampleAgain({ ...parts, config, file: target, role, ...(signal && { signal }) })));
    for (let at = start.step + 1; at <= step; at++) {
      if (sample && early && at === step - 1) await again("propose");
      if (sample && at === step) break;
      const file = at === step ? target : await rolloutsOf(dir, config, at);
      updates.push(...compare(await trainAgain(parts, file, config, signal), recorded, at));
    }
    if (sample && !early) await again("propose");
    if (sample) await again("solve");
    const equal = updates.every((one) => one.equal) && samples.every((one) => one.equal);
    return { step, mode: sample ? "sample" : "update", from: start.name, updates, samples, equal };
  } finally {
    await parts.close();
  }
}

/** The run's models: nothing is judged here, and what the reference said is in the records. */
function openReplay(config: Config, { sample, threads, given }: { sample: boolean; threads: number | undefined; given: GivenParts }): Promise<Parts> {
  const proposer = sample ? config.curriculum.proposer : "trained";
  const lean = {
    ...config,
    curriculum: { ...config.curriculum, proposer },
    update: { ...config.update, kl: { ...config.update.kl, coefficient: 0 } },
    engine: { ...config.engine, ...(threads === undefined ? {} : { threads }) },
  };
  return openParts(lean, { ...given, executor: {} as Executor });
}
