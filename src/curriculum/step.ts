// One step of self-play: every kind proposes, is validated, solved and judged; then rewards, advantages and one packed update. Kinds
// overlap (one is validated while the next is sampled), but every decision is taken in a fixed order, so a step repeats exactly.
import { admitTasks, type NewTask } from "./admit-tasks.ts";
import { contradictions, type Finding, findings, type Removal, removeContradicted, voidSequences } from "./contradictions.ts";
import { type CuratedResult, solveCurated } from "./curated.ts";
import { leaveOutQuarantined, type QuarantineEnd, removeQuarantined } from "./quarantine.ts";
import { solveRate } from "./reward.ts";
import type { AnswerOutcome } from "./reward.ts";
import { answersByTask, growBuffers } from "./grow-buffers.ts";
import { scoreGroups } from "./score-groups.ts";
import { type RolloutRecord, rolloutRecord } from "./rollout-record.ts";
import { type AcceptedTask, type Group, type LoopContext, type StepContext, stepContext } from "./step-context.ts";
import { type Metrics, stepMetrics } from "./step-metrics.ts";
import { judgeProposals, type Proposal, workOrder, writeProposals } from "./step-propose.ts";
import { solveEarly } from "./solve-early.ts";
import { solve } from "./step-solve.ts";
import { countAnswers, neverAnswered, withAnswers } from "./task-statistics.ts";
import { attemptTasks, redrawTasks, replayTasks } from "./attempt-tasks.ts";
import { trainOn } from "./update-batch.ts";
import type { Task } from "./task.ts";
import type { StepTimings } from "../events.ts";
import type { TaskAnswers } from "./task-buffers.ts";
import { type Ahead, workAhead } from "./work-ahead.ts";

export interface StepResult {
  /** How often each task was answered, and how often right, as the buffers have it. */
  answers: TaskAnswers[];
  /** The new tasks, in the order in which they were then added to the buffers; those that were not kept are marked. */
  accepted: AcceptedTask[];
  /** What then left the buffers because its program is no function, in the order in which it left. */
  removals: Removal[];
  /** What oversight then took out of them. */
  quarantined: QuarantineEnd[];
  rollouts: RolloutRecord[];
  metrics: Metrics;
  timings: StepTimings;
  /** With `curriculum.overlap`: the next step's proposals, already written. */
  ahead: Ahead | undefined;
}

/** Runs work for each kind at once. A failure stops the others, and is thrown when all have ended. */
export async function forEachKind<Result>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<Result>[]) {
  const controller = new AbortController();
  const both = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
  let failure: { error: unknown } | undefined;
  const running = work(both).map((one) =>
    one.catch((error: unknown) => {
      failure ??= { error };
      controller.abort();
      return undefined;
    }),
  );
  const results = await Promise.all(running);
  if (failure !== undefined) throw failure.error;
  return results as Result[];
}

interface KindResult {
  proposals: Proposal[];
  accepted: NewTask[];
  groups: Group[];
  /** Answers that were sampled to measure the difficulty of tasks and nothing else. */
  measured: Group;
  /** Tasks of files that were answered. */
  curated: Task[];
  found: Finding[];
}

async function withoutProposals(solving: Promise<CuratedResult>): Promise<KindResult> {
  const { group, tasks, found } = await solving;
  return { proposals: [], accepted: [], groups: [group], measured: { ...group, sequences: [] }, curated: tasks, found };
}

export interface ProposeAllOptions {
  /** Names of the random streams. */
  labels: (string | number)[];
  /** Proposals a kind. */
  count: number;
  /** Number in the id of the task that the first proposal makes. */
  firstId?: number;
  /** Proposals that are there already, in the order of the kinds. */
  ahead?: Ahead | undefined;
}
/** What follows on one kind's proposals and the tasks that came of them; `at` is the kind's place. */
type Then<Result> = (at: number, proposals: Proposal[], accepted: NewTask[]) => Promise<Result>;

/** Proposes for all kinds; each kind's tasks are admitted after those of the kinds worked on before it, then `then` runs on them. */
export function proposeAll<Result>(context: StepContext, { labels, count, firstId = 0, ahead }: ProposeAllOptions, then: Then<Result>): Promise<Result>[] {
  const taken = new Set<string>();
  const proposals: Promise<Proposal[]>[] = [];
  const admitted: Promise<NewTask[]>[] = [];
  let before: Promise<unknown> = Promise.resolve();
  // The engine works through its requests in the order in which they are made.
  for (const at of workOrder(context.kinds)) {
    const kind = context.kinds[at]!;
    proposals[at] = ahead?.proposals[at] ?? writeProposals(context, { kind, count, labels }).then((written) => judgeProposals(context, kind, written, firstId));
    before = admitted[at] = before.then(async () => admitTasks(context, kind, await proposals[at]!, { taken, firstId }));
  }
  return context.kinds.map(async (_, at) => {
    const [all, accepted] = await Promise.all([proposals[at]!, admitted[at]!]);
    return then(at, all, accepted);
  });
}

/** `asked` is called when the difficulty rollouts have been asked for. */
async function solveNew(context: StepContext, at: number, proposals: Proposal[], accepted: NewTask[], asked: () => void): Promise<KindResult> {
  const { config } = context;
  const kind = context.kinds[at]!;
  const { n, reuse, earlyStop } = config.curriculum.rollouts;
  const past = reuse ? replayTasks(context, kind) : [];
  const tasks = [...accepted, ...past];
  const rollouts = { kind, tasks, samples: n, purpose: "rollouts" };
  const answering = earlyStop ? solveEarly(context, rollouts, asked) : solve(context, rollouts);
  if (!earlyStop) asked();
  const answers = await answering;
  const rated = accepted.map(({ task, proposal }, index) => {
    const outcomes = answers[index]!.map(({ outcome }) => outcome as AnswerOutcome);
    proposal.sequence.solveRate = solveRate(outcomes);
    return { task, statistics: withAnswers(neverAnswered, countAnswers(outcomes), context.step) };
  });
  const attempts = reuse ? [...answers, ...(await redrawTasks(context, kind, tasks, answers))].flat() : await attemptTasks(context, kind, rated);
  const groups: Group[] = [
    { role: "propose", kind, sequences: proposals.map(({ sequence }) => sequence) },
    { role: "solve", kind, sequences: attempts },
  ];
  const measured: Group = { role: "solve", kind, sequences: reuse ? [] : answers.flat() };
  return { proposals, accepted, groups, measured, curated: [], found: findings(proposals, [...measured.sequences, ...attempts]) };
}

/** What the engines have done so far; a frozen proposer's share is sampling too. */
function engineWork({ engine, proposer }: LoopContext) {
  const { generateSeconds, generatedTokens, updateSeconds } = engine.stats();
  const frozen = proposer === engine ? { generateSeconds: 0, generatedTokens: 0 } : proposer.stats();
  return { generateSeconds: generateSeconds + frozen.generateSeconds, generatedTokens: generatedTokens + frozen.generatedTokens, updateSeconds };
}

export interface StepOptions {
  signal?: AbortSignal | undefined;
  /** What the step before gave for this one. */
  ahead?: Ahead | undefined;
}

/**
 * Runs a step and puts its tasks into the buffers at its very end; a step that fails leaves buffers untouched, and the weights too
 * unless it was cut off between two minibatches.
 * @throws what engine and executor reject with: AZR_ABORTED, AZR_NUMERICS, AZR_EXECUTOR_UNAVAILABLE ...
 */
export async function runStep(loop: LoopContext, step: number, { signal, ahead }: StepOptions = {}): Promise<StepResult> {
  const began = loop.clock();
  const before = engineWork(loop);
  const executorBefore = loop.executor.stats();
  const { overlap, proposals } = loop.config.curriculum;
  let context!: StepContext;
  let next: Ahead | undefined;
  try {
    loop.emit({ type: "step-start" });
    ahead?.release();
    const kinds = await forEachKind(signal, (both) => {
      context = stepContext(loop, step, both);
      if (ahead !== undefined) context.timings = ahead.timings;
      const keys = new Set<string>();
      let asking = context.kinds.length;
      const played = proposeAll(context, { labels: ["propose"], count: proposals, ahead }, (at, all, accepted) => {
        for (const { key } of accepted) keys.add(key);
        return solveNew(context, at, all, accepted, () => {
          // At the last step too: a run that is made longer goes on as one that was so long from the start.
          if (--asking === 0 && overlap) next = workAhead(loop, { step: step + 1, keys, signal });
        });
      });
      // The engine answers these while the executor validates the proposals.
      return [...played, ...solveCurated(context).map(withoutProposals)];
    });
    return await finishStep(context, kinds, { began, before, executorBefore, next });
  } catch (error) {
    await next?.cancel();
    throw error;
  }
}

interface Begun {
  began: number;
  before: ReturnType<typeof engineWork>;
  executorBefore: ReturnType<LoopContext["executor"]["stats"]>;
  next: Ahead | undefined;
}

/** Rewards, the update, the buffers, and what is told of the step. */
async function finishStep(context: StepContext, kinds: KindResult[], { began, before, executorBefore, next }: Begun): Promise<StepResult> {
  const groups = kinds.flatMap((kind) => kind.groups);
  const accepted = kinds.flatMap((kind) => kind.accepted);
  warnOfFailures(context, groups);
  const contradicted = contradictions(kinds.flatMap(({ found }) => found), context.buffers, [...accepted, ...kinds.flatMap(({ curated }) => curated.map((task) => ({ task })))]);
  voidSequences(groups, contradicted);
  const quarantines = (await context.oversee?.(context, { groups, accepted })) ?? [];
  const leftOut = leaveOutQuarantined(context, { groups, accepted }, quarantines);
  await scoreGroups(context, groups);
  const training = trainOn(context, groups);
  // The engine trains on a thread of its own; what needs no result of it is done meanwhile.
  const measured = kinds.map((kind) => kind.measured);
  const rollouts = [...groups, ...measured].flatMap((group) => group.sequences.map((sequence) => rolloutRecord(group, sequence)));
  const updates = await training;
  const answers = answersByTask([...groups, ...measured].filter(({ role, source }) => role === "solve" && source === undefined).flatMap(({ sequences }) => sequences));
  const grown = growBuffers(context, accepted, answers);
  const removals = removeContradicted(contradicted, context.buffers);
  for (const removal of removals) context.emit({ type: "task-contradicted", ...removal });
  const quarantined = removeQuarantined(quarantines, leftOut, context.buffers);
  for (const one of quarantined) context.emit({ type: "task-quarantined", ...one });
  const metrics = stepMetrics(context, { groups, accepted: grown, removals, quarantined, updates });

  const total = context.clock() - began;
  const after = engineWork(context);
  const timings: StepTimings = {
    total,
    ...context.timings,
    samplingShare: (after.generateSeconds - before.generateSeconds) / total,
    executorShare: (context.executor.stats().busySeconds - executorBefore.busySeconds) / total,
    updateShare: (after.updateSeconds - before.updateSeconds) / total,
    tokensPerSecond: (after.generatedTokens - before.generatedTokens) / total,
  };
  return { accepted: grown, answers, removals, quarantined, rollouts, metrics, timings, ahead: next };
}

function warnOfFailures({ emit }: StepContext, groups: Group[]): void {
  const failed = groups.flatMap(({ sequences }) => sequences).filter(({ outcome }) => outcome === "sandbox-error" || outcome === "undecided");
  if (failed.length === 0) return;
  const message = `The executor could not judge ${failed.length} completions of this step (${failed[0]!.detail}); they were left out`;
  emit({ type: "warning", code: "AZR_EXECUTOR_FAILED", message });
}
