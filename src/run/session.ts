// One sitting of a run: prepares buffers (from seeds, or from the checkpoint), runs the loop, and keeps what each step gives: metrics,
// tasks, rollouts, timings, checkpoints. train.ts opens engine, executor and folder around it.
import type { Config } from "../config/index.ts";
import { selfPlayPart } from "../curriculum/curated.ts";
import { formatNamed } from "../curriculum/format.ts";
import { heldOutPrograms } from "../curriculum/held-out.ts";
import { kindNamed } from "../curriculum/kinds/registry.ts";
import { runLoop } from "../curriculum/loop.ts";
import type { TextCodec } from "../curriculum/sample.ts";
import { curriculumSettings } from "../curriculum/settings.ts";
import type { LoopContext } from "../curriculum/step-context.ts";
import type { Metrics } from "../curriculum/step-metrics.ts";
import type { StepResult } from "../curriculum/step.ts";
import { createTaskBuffers } from "../curriculum/task-buffers.ts";
import { aheadState, type AheadState, restoreAhead } from "../curriculum/work-ahead.ts";
import type { Task } from "../curriculum/task.ts";
import type { Engine, Scorer } from "../engine/engine.ts";
import { eventSchemaVersion, type RunStatus, type StepTimings } from "../events.ts";
import { AzrError } from "../errors.ts";
import type { Executor } from "../executor/executor.ts";
import type { AuditLine } from "../oversight/audit-chain.ts";
import type { CheckpointState } from "./checkpoint.ts";
import type { RunFolder } from "./folder.ts";
import { guardedEngine } from "./guard-engine.ts";
import { type JournalEntry, type JournaledExecutor, journaledExecutor } from "./journal.ts";
import { openRunCurated } from "./open-curated.ts";
import type { Publisher } from "./publisher.ts";
import { type Checkpoints, keepCheckpoints } from "./keep-checkpoints.ts";
import { openOversight, type Oversight, type OversightState, type OwnOversight } from "./oversee.ts";
import { plantSeeds, warnOfOtherPythons } from "./plant-seeds.ts";
import { type AttemptsLine, type ProgramLine, restoreTasks } from "./restore.ts";
import { rolledBackConfig } from "./roll-back.ts";
import { rolloutText } from "./rollout-file.ts";
import type { Control } from "./start-run.ts";
import { sumTimings } from "./timings.ts";

/** The loop's own part of a checkpoint. Every random stream is named by the seed and the step, so the step is all there is to keep. */
export interface LoopState {
  seed: number;
  /** Tasks accepted so far, seeds counted: lines of tasks.jsonl. */
  tasks: number;
  /** Roll-backs so far: from the first on they name other random streams. */
  rollBacks?: number;
  /** Absent in checkpoints of versions that knew none. */
  oversight?: OversightState | undefined;
  /** With `curriculum.overlap`: the next step's proposals. */
  ahead?: AheadState;
  /** With `curriculum.tasks`: checksum of what its files hold. */
  curated?: string;
}

/** Where a run can go on from. */
type Boundary = Pick<CheckpointState, "step" | "offsets"> & Pick<LoopState, "tasks" | "oversight"> & { ahead: () => Promise<AheadState | undefined> };

export interface SessionOptions extends OwnOversight {
  config: Config;
  configHash: string;
  folder: RunFolder;
  checkpoint: (CheckpointState<LoopState> & { path: string }) | undefined;
  journal: JournalEntry[];
  audit: AuditLine[];
  /** How often the run went back to an earlier checkpoint (`run.rollBack`). */
  rollBacks: number;
  engine: Engine;
  proposer: Engine;
  reference: Scorer | undefined;
  executor: Executor;
  codec: TextCodec;
  stopTokens: number[];
  publisher: Publisher;
  control: Control;
  signal: AbortSignal;
  /** Whether the signal means an orderly end (`stop({ when: "now" })`) and not an abort. */
  endsOrderly(): boolean;
  /** Seconds from any fixed point. */
  clock(): number;
}

export interface RunResult {
  status: RunStatus;
  /** The last finished step. */
  step: number;
  dir: string;
  /** The latest checkpoint's folder; undefined when there is none yet. */
  checkpoint: string | undefined;
  /** Metrics of the last finished step of this sitting. */
  metrics: Metrics | undefined;
  /** Over the steps of this sitting: seconds added up, shares of the whole. */
  timings: StepTimings;
}

/** What a step, or the seeding, leaves in tasks.jsonl and programs.jsonl. */
interface KeptTasks extends Pick<StepResult, "removals">, Partial<Pick<StepResult, "quarantined">> {
  accepted: { task: Task; key: string; programHash?: string; kept?: false }[];
}

/** Runs the session to its end. Rejects with the first failure; what was finished before stays resumable. */
export async function runSession(options: SessionOptions): Promise<RunResult> {
  const { config, folder, checkpoint, publisher, control, signal, clock, rollBacks } = options;
  const began = clock();
  const journal = journaledExecutor(options.executor, folder.logs.journal, options.journal);
  const engine = guardedEngine(options.engine, {
    dir: folder.dir,
    maxGap: config.update.maxGap,
    about: () => ({ step: control.step + 1, model: config.model, checkpoint: checkpoints.latest ?? null }),
  });
  const proposer = options.proposer === options.engine ? engine : options.proposer;
  const oversight = openOversight(options);
  const loop = await prepare({ ...options, engine, proposer }, journal, oversight);
  // Where the run can go on from: moved only when all that belongs to a step is in its files.
  let boundary: Boundary | undefined = checkpoint && { ...checkpoint, ...checkpoint.state, ahead: async () => checkpoint.state.ahead };
  let tasks = checkpoint?.state.tasks ?? 0;
  let metrics: Metrics | undefined;
  let status: RunStatus = "finished";
  let timings = sumTimings([]);
  /** Where the journal ended after the step before. */
  let journalEnd = checkpoint?.offsets["journal"] ?? 0;
  // The last step's rollouts are compressed and written while the next step runs; a checkpoint waits for them.
  let recording: Promise<void> = Promise.resolve();

  const checkpoints: Checkpoints = keepCheckpoints<LoopState>({
    folder,
    engine: options.engine,
    first: checkpoint?.path,
    publisher,
    control,
    async boundary() {
      await recording;
      const { step, offsets, tasks: count, oversight: watched } = boundary!;
      const ahead = await boundary!.ahead();
      const state: LoopState = { seed: config.seed, tasks: count, ...(rollBacks > 0 ? { rollBacks } : {}), oversight: watched, ...(ahead === undefined ? {} : { ahead }), ...(loop.curated && { curated: loop.curated.checksum }) };
      return { step, configHash: options.configHash, config, offsets, state };
    },
  });
  function keepTasks({ accepted, removals, quarantined = [] }: KeptTasks): void {
    for (const { task, key, programHash, kept } of accepted) {
      folder.logs.tasks.append(task);
      folder.logs.programs.append({ task: task.id, key, ...(programHash === undefined ? {} : { program: programHash }), ...(kept === false ? { kept } : {}) } satisfies ProgramLine);
    }
    for (const { id, removed } of removals) folder.logs.programs.append({ contradicted: id, removed } satisfies ProgramLine);
    for (const { rule, removed } of quarantined) folder.logs.programs.append({ quarantined: rule, removed } satisfies ProgramLine);
    tasks += accepted.length;
  }
  async function afterStep(step: number, result: StepResult): Promise<boolean> {
    // Before anything of the step is kept: it may have to go.
    metrics = { ...result.metrics, ...(await oversight.afterStep(loop, step, result)) };
    keepTasks(result);
    await recording;
    if (config.run.recordRollouts) recording = folder.writeRollouts(step, rolloutText({ step, seed: loop.config.seed }, result.rollouts));
    recording.catch(() => undefined);
    const answers = result.answers.map(({ task, attempts, right }): AttemptsLine["answers"][number] => [task, attempts, right]);
    folder.logs.attempts.append({ step, tasks: tasks - result.accepted.length, answers } satisfies AttemptsLine);
    folder.logs.metrics.append({ step, ...metrics });
    folder.logs.timings.append({ step, ...result.timings });
    publisher.publish({ type: "step-end", metrics, timings: result.timings });
    timings = sumTimings([timings, result.timings]);
    const offsets = await folder.mark();
    const { ahead } = result;
    // Verdicts for the next step stand among those of this one.
    const journal = ahead === undefined ? offsets["journal"]! : journalEnd;
    journalEnd = offsets["journal"]!;
    boundary = { step, offsets: { ...offsets, journal }, tasks, ahead: async () => ahead && aheadState(ahead), oversight: oversight.state() };
    control.step = step;
    await publisher.settled();
    const { checkpointEvery } = config.run;
    if (checkpointEvery > 0 && step % checkpointEvery === 0) await checkpoints.save();
    await checkpoints.serve();
    const outOfTime = config.timeBudgetSeconds > 0 && clock() - began >= config.timeBudgetSeconds;
    if (step < config.steps && (control.stopping || outOfTime)) status = control.stopping ? "stopped" : "out-of-time";
    if (oversight.paused) status = "paused";
    return status === "finished";
  }

  try {
    if (checkpoint === undefined) {
      keepTasks(await plantSeeds(loop, signal));
      await oversight.begin(loop);
      boundary = { step: 0, offsets: await folder.mark(), tasks, ahead: async () => undefined, oversight: oversight.state() };
      journalEnd = boundary.offsets["journal"]!;
      // Somewhere to go back to from the first steps.
      if (config.run.rollBack > 0) await checkpoints.save();
    } else {
      warnOfOtherPythons(loop, await restoreTasks(folder.dir, loop.buffers, tasks));
    }
    await checkpoints.serve();
    if (control.stopping) status = "stopped";
    else {
      const beforeStep = (step: number) => {
        journal.beginStep(step);
        publisher.beginStep(step);
      };
      // What led to a roll-back is not done again.
      const kept = rollBacks === (checkpoint?.state.rollBacks ?? 0) ? checkpoint?.state.ahead : undefined;
      const ahead = kept && restoreAhead(loop, kept, signal);
      await runLoop(loop, { from: control.step + 1, to: config.steps, signal, ahead, beforeStep, afterStep });
    }
  } catch (error) {
    // With several minibatches the weights may be those of half a step: then the last checkpoint has to do.
    const interrupted = options.endsOrderly() && AzrError.isInstance(error) && error.code === "AZR_ABORTED";
    if (!interrupted || config.update.minibatches > 1) throw error;
    status = "stopped";
  } finally {
    await recording.catch(() => undefined);
  }
  if (boundary !== undefined) await checkpoints.save();
  return { status, step: control.step, dir: folder.dir, checkpoint: checkpoints.latest, metrics, timings };
}

async function prepare(options: SessionOptions, journal: JournaledExecutor, { oversee }: Oversight): Promise<LoopContext> {
  const { config, checkpoint, engine, publisher, control, folder } = options;
  const rolledBack = rolledBackConfig(config, options.rollBacks);
  const played = selfPlayPart(rolledBack);
  const kinds = played.kinds.map(kindNamed);
  const { induction, error, validation, bufferCapacity, eviction, heldOut } = config.curriculum;
  control.step = checkpoint?.step ?? 0;
  if (checkpoint !== undefined) await engine.load(checkpoint.path, { optimizer: true });
  publisher.beginStep(control.step);
  publisher.publish({
    type: "run-start",
    schema: eventSchemaVersion,
    dir: folder.dir,
    configHash: options.configHash,
    seed: config.seed,
    steps: config.steps,
    kinds: config.kinds,
    model: config.model,
    parameters: engine.stats().parameters,
    resumedFrom: checkpoint?.step ?? null,
  });
  const loop: LoopContext = {
    config: played,
    engine,
    proposer: options.proposer,
    reference: options.reference,
    executor: journal,
    executorOf: journal.ofStep,
    codec: options.codec,
    format: formatNamed(config.format, config.prompts),
    kinds,
    stopTokens: options.stopTokens,
    settings: curriculumSettings({ induction, error, validation, limits: config.executor.limits }),
    buffers: createTaskBuffers(kinds, bufferCapacity, { eviction, seed: config.seed }),
    excludedPrograms: await heldOutPrograms(heldOut, options.executor),
    oversee,
    emit: publisher.publish,
    clock: options.clock,
  };
  return { ...loop, curated: await openRunCurated({ loop, config: rolledBack, executor: options.executor, before: checkpoint?.state.curated }) };
}
