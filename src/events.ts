// What a run tells the outside: one union of plain-data events, the same that `--json` prints, that events.jsonl holds and that
// sinks receive. Names are noun-action. Adding an event or a field is a minor change, removing one a major.
import type { AzrErrorCode } from "./errors.ts";
import type { Task } from "./curriculum/task.ts";

/** Version of the event format, on `run-start`. */
export const eventSchemaVersion = 1;

export type Role = "propose" | "solve";

/** Where tasks are from, when they are not the run's own: files of `curriculum.tasks`. */
export type Source = "curated";

export interface RunStart {
  type: "run-start";
  /** What the run does; absent for self-play. */
  method?: "sft";
  schema: typeof eventSchemaVersion;
  dir: string;
  configHash: string;
  seed: number;
  /** Steps that the run is to have in all. */
  steps: number;
  kinds: string[];
  model: string;
  parameters: number;
  /** Step of the checkpoint that the run goes on from, or null. */
  resumedFrom: number | null;
}
export interface StepStart {
  type: "step-start";
}
/** A completion of the proposer was parsed; its verdict follows. */
export interface TaskProposed {
  type: "task-proposed";
  kind: string;
  /** Id of the proposal, such as `p-12-d-3`; the task that comes of it is `t-12-d-3`. */
  proposal: string;
  /** Index of the proposal within its kind and step. */
  index: number;
}
export interface TaskAccepted {
  type: "task-accepted";
  kind: string;
  proposal: string;
  index: number;
  task: Task;
}
export interface TaskRejected {
  type: "task-rejected";
  kind: string;
  proposal: string;
  index: number;
  /** Why: one of the rejection reasons of the task kinds. */
  reason: string;
  detail: string;
}
/**
 * Later executions showed that a task's program is no function: it left the buffers, with all tasks of that program and their offspring. What
 * was answered to it in this step is left out.
 */
export interface TaskContradicted {
  type: "task-contradicted";
  id: string;
  /** What showed it. */
  reason: string;
  /** Ids of the tasks that left, kind after kind, oldest first; those that an earlier contradiction of the step took along are not named again. */
  removed: string[];
}
/** A rule of oversight found something in the step (docs/oversight.md). */
export interface OversightFinding {
  type: "oversight-finding";
  rule: string;
  /** What follows: the rule's level. */
  action: "log" | "quarantine" | "pause" | "roll-back" | "stop";
  message: string;
  /** Completions that it was found in; 0 for rules about a step's numbers. */
  count: number;
  /** The first of them. `text` quotes what was found; the task is null for a rejected proposal. */
  examples: { role: Role; kind: string; index: number; task: string | null; text: string }[];
  /** Tasks that a quarantine takes out. */
  tasks: string[];
  /** Hash of its line in audit.jsonl. */
  audit: string;
}
/** Oversight took tasks out of the buffers, with all their offspring, and completions out of the step's update. */
export interface TaskQuarantined {
  type: "task-quarantined";
  rule: string;
  reason: string;
  tasks: string[];
  /** Ids of the tasks that left: those and their offspring. */
  removed: string[];
  leftOut: number;
}
/** The run ends here until somebody has looked at what was found: `azr resume RUN --reviewed` goes on. */
export interface RunPaused {
  type: "run-paused";
  findings: { rule: string; message: string }[];
}
/** The probe sets were answered. */
export interface ProbeEnd {
  type: "probe-end";
  /** Shares; also in the step's metrics. */
  metrics: Record<string, number>;
  answers: { id: string; text: string; outcome: string }[];
}
/** All completions of one role and kind were sampled. */
export interface RolloutEnd {
  type: "rollout-end";
  role: Role;
  kind: string;
  source?: Source;
  prompts: number;
  completions: number;
  tokens: number;
  /** Completions cut off by the length limit. */
  truncated: number;
}
/** All answers that one random stream sampled for a kind were judged. Each answer is a record of rollouts/, `rollouts-12-d-5-0` for the first sample of place 5. */
export interface AnswersJudged {
  type: "answers-judged";
  kind: string;
  source?: Source;
  /** `rollouts`, `attempts`, `redraw-1`, `curated`. */
  stream: string;
  /** One a task, in the order of their places. */
  answers: { id: string; task: string; outcomes: Record<string, number> }[];
}
/** All completions of one role and kind were rewarded. */
export interface RewardEnd {
  type: "reward-end";
  role: Role;
  kind: string;
  source?: Source;
  completions: number;
  rewardMean: number;
  /** Solver: verdicts counted. Proposer: rejection reasons and `accepted` counted. */
  outcomes: Record<string, number>;
  /** Proposer: the share of correct rollouts of each accepted task. */
  solveRates?: { task: string; solveRate: number }[];
  /** By the id of a proposal, or of the answers to a task, whose mean it then is; what earns nothing since nobody could judge it is left out. */
  rewards: Record<string, number>;
}
export interface UpdateEnd {
  type: "update-end";
  /** Of the gradient step, such as `u-12-0`; the records of rollouts/ tell which they were part of. */
  id: string;
  /** Completions with a gradient. */
  completions: number;
  loss: number;
  gradientNorm: number;
  entropy: number;
  clipFraction: number;
  approximateKl: number;
  meanLogProbabilityGap: number;
  maxLogProbabilityGap: number;
  trainedTokens: number;
}
export interface StepEnd {
  type: "step-end";
  /** The step's line of metrics.jsonl. */
  metrics: Record<string, number>;
  timings: StepTimings;
}
export interface EvalEnd {
  type: "eval-end";
  suite: string;
  metrics: Record<string, number>;
}
export interface CheckpointEnd {
  type: "checkpoint-end";
  path: string;
}
export interface Warning {
  type: "warning";
  code: string;
  message: string;
}
export interface RunEnd {
  type: "run-end";
  status: RunStatus | "failed";
  error?: { code: AzrErrorCode; message: string; hint?: string };
}

/** `finished`: all steps done. `stopped`: by `stop()`. `out-of-time`: the time budget ended. `paused`: oversight asks for a review. */
export type RunStatus = "finished" | "stopped" | "out-of-time" | "paused";

/** Wall seconds of a step and of its phases; never part of results. Phases overlap, so they need not add up. */
export interface StepTimings {
  total: number;
  propose: number;
  validate: number;
  solve: number;
  verify: number;
  update: number;
  /** Shares of the step's wall time during which the engine sampled, programs ran, the gradient was taken. */
  samplingShare: number;
  executorShare: number;
  updateShare: number;
  /** Tokens sampled a second, over the whole step. */
  tokensPerSecond: number;
}

export type RunEventBody =
  | RunStart
  | StepStart
  | TaskProposed
  | TaskAccepted
  | TaskRejected
  | TaskContradicted
  | OversightFinding
  | TaskQuarantined
  | RunPaused
  | ProbeEnd
  | RolloutEnd
  | AnswersJudged
  | RewardEnd
  | UpdateEnd
  | StepEnd
  | EvalEnd
  | CheckpointEnd
  | Warning
  | RunEnd;

/** `time` is ISO 8601; `step` is the step under way, 0 before the first. */
export type RunEvent = RunEventBody & { time: string; step: number };
export type RunEventType = RunEvent["type"];

/** Receives every event of a run, in order. A sink that throws is reported by a warning and not called again. */
export interface Sink {
  write(event: RunEvent): void | Promise<void>;
  close?(): void | Promise<void>;
}

/** Detail events: a consumer that falls behind may miss some of these; the number missed comes as a warning. */
export const detailEvents: ReadonlySet<RunEventType> = new Set(["task-proposed", "task-accepted", "task-rejected", "answers-judged"]);
