// What a monitor is: the interface between oversight and its rules, built in (rules.ts) or given to `train(config, { monitors })`. A monitor is a pure
// function of a step's records and of what it remembers; overseer.ts calls it, in a fixed order, and does what its level says.
import type { Role } from "../events.ts";
import type { Task } from "../curriculum/task.ts";
import type { Action } from "./levels.ts";

/** One completion with its verdict, before it is rewarded. */
export interface WatchedRollout {
  readonly role: Role;
  readonly kind: string;
  /** The task answered, or the task that came of a proposal. */
  readonly task: Task | undefined;
  /** Index of the proposal, or of the sample. */
  readonly index: number;
  readonly prompt: string;
  readonly response: string;
  /** What comes before the answer; the whole response in formats without thoughts. */
  readonly thought: string;
  /** What was judged, where the response holds an answer. */
  readonly answer: string | undefined;
  /** `accepted`, a rejection reason, `wrapper` or a verdict. */
  readonly outcome: string;
  readonly detail: string;
  readonly tokens: number;
  /** With `oversight.pairGap.answers`: whether a wrong induction answer is right on the shown pairs; undefined where nobody looked. */
  readonly shownRight?: boolean;
}

export interface StepRecords {
  readonly step: number;
  readonly rollouts: readonly WatchedRollout[];
}

/** What a step came to, its update included. Before step 1 (`step` 0) there are only the metrics of the probes. */
export interface StepFigures {
  readonly step: number;
  /** As in metrics.jsonl. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Tokens sampled in this step. */
  readonly tokens: number;
  /** Wall seconds over all sittings; only where `oversight.budgets.seconds` asks for them. */
  readonly seconds?: number;
  /** Bytes of the run folder; only where `oversight.budgets.diskBytes` asks for them. */
  readonly diskBytes?: number;
}

/** What a monitor found in a step. */
export interface Finding {
  /** One sentence; equal records give equal sentences. */
  message: string;
  /** Places in `rollouts`: what a quarantine leaves out of the update. */
  rollouts?: readonly number[];
  /** What to quote of each of those, in the same order; by default the response. */
  evidence?: readonly string[];
  /** Ids of the tasks that a quarantine takes out of the buffers, with their offspring. */
  tasks?: readonly string[];
}

/** `memory` is plain JSON data; it is part of every checkpoint. */
export interface Looked {
  finding: Finding | null;
  memory?: unknown;
}

export interface Monitor {
  /** Name of the rule, in events, in the audit log and in the checkpoint: lower case with hyphens, unlike every other. */
  readonly name: string;
  /** What follows on a finding. Default `log`; built-in rules have theirs from the settings. */
  readonly level?: Action;
  /** Sees a step's completions when they are judged, before anything is rewarded. `memory` is what the last call returned. */
  beforeUpdate?(records: StepRecords, memory: unknown): Looked | Promise<Looked>;
  /** Sees a step's numbers after its update. Shares the memory of `beforeUpdate`. */
  afterStep?(figures: StepFigures, memory: unknown): Looked | Promise<Looked>;
}

/** Found nothing. */
export const nothing: Looked = { finding: null };

/** The ids of the tasks of these rollouts, each once, in order. */
export function tasksOf(rollouts: readonly WatchedRollout[], places: readonly number[]): string[] {
  return [...new Set(places.flatMap((place) => rollouts[place]!.task?.id ?? []))];
}
