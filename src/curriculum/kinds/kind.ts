// What a task kind is: the one interface between the loop and kinds/deduction.ts, abduction.ts, induction.ts and any kind
// that a user registers (registry.ts). Everything here is pure apart from calls to the Executor that the context carries.

import type { Executor } from "../../executor/executor.ts";
import type { Format, Prompt } from "../format.ts";
import type { Random } from "../../random.ts";
import type { CurriculumSettings } from "../settings.ts";
import type { Helper } from "../composite.ts";
import type { Task, Verdict } from "../task.ts";
import type { RejectionReason } from "./rejections.ts";

export type { RejectionReason } from "./rejections.ts";

/** What the loop hands to a kind to have one proposal written. */
export interface ProposalRequest {
  /** Past tasks of the same kind, sampled by the loop when the kind needs `tasks`; may be empty. */
  references: Task[];
  /** The task whose program gets new inputs, when the kind needs a `program`. */
  source?: Task;
  /** Functions of past tasks that the new program has to call; absent for an ordinary proposal, and for kinds without `composes`. */
  helpers?: Helper[];
  /** For kinds that draw something of their own; the built-in ones draw nothing. */
  random?: Random;
}

/** A parsed proposal, nothing run yet. */
export interface Draft {
  program: string;
  /** Argument texts: one for deduction and abduction, the configured number for induction. */
  inputs: string[];
  message?: string;
  /** How many functions of past tasks its program begins with (composite.ts). */
  helpers?: number;
}

export type ParsedProposal<D extends Draft = Draft> = { ok: true; draft: D } | { ok: false; reason: RejectionReason; detail: string };

/** `wrapper`: wrong outer form (reward -1). `malformed`: right outer form without a usable answer (counts as wrong). */
export type ParsedAnswer = { ok: true; answer: string } | { ok: false; reason: "wrapper" | "malformed"; detail: string };

export interface ValidateContext {
  executor: Executor;
  settings: CurriculumSettings;
  /** When given, tasks whose texts this format cannot carry are rejected (`marker`). */
  format?: Format;
  /** Program hashes that no task may have: the held-out set. */
  excludedPrograms?: ReadonlySet<string>;
  /** Whether a task with this key may not come again: it is known already, or where duplicates are allowed, was contradicted. */
  isKnown?: (key: string) => boolean;
  /** How many tasks of a triplet kind one program may make, each with another input; 1 when absent. */
  inputsPerProgram?: number;
  signal?: AbortSignal;
}

export type Validation =
  | {
      ok: true;
      task: Omit<Task, "id" | "origin">;
      /** programHash of the normalised program. */
      programHash: string;
      /** What makes two tasks the same; goes to the buffer with the task. */
      key: string;
      /** Statements inside `f`, for the metrics. */
      statements?: number;
    }
  | {
      ok: false;
      reason: RejectionReason;
      detail: string;
      /** Given when executions of the draft's program disagreed, and how: it is no function, and known tasks that have it are void. */
      contradicts?: string;
    };

export interface VerifyContext {
  executor: Executor;
  settings: CurriculumSettings;
  signal?: AbortSignal;
}

export interface VerdictResult {
  verdict: Verdict;
  /** One short sentence or phrase for people; equal runs give equal details. */
  detail: string;
  /** Given when the executions showed that the task's program is no function after all, and how: the task is void, whatever the verdict. */
  contradicts?: string;
}

export interface TaskKind<D extends Draft = Draft> {
  /** The value of `task.kind`, lower case. */
  readonly name: string;
  /** Letters in task ids (`t-<step>-<letter>-<n>`), unique among registered kinds. */
  readonly letter: string;
  /** What a proposal is conditioned on: past tasks of this kind, or one past program of any kind that has `suppliesPrograms`. */
  readonly needsReferences: "tasks" | "program";
  /** Whether this kind's proposals bring new programs, on which kinds that need a `program` may build. */
  readonly suppliesPrograms: boolean;
  /** Whether its proposals may be composite (`curriculum.composite`): then they have to heed `helpers` of the request. Absent: no. */
  readonly composes?: boolean;
  /**
   * About how many processes it takes to judge one answer; 1 when absent. Kinds that need most are sampled first, so that their
   * answers are judged while those of the others are sampled.
   */
  readonly verdictRuns?: number;
  /**
   * For kinds from outside the package: the templates of its prompts (template.ts), by the name of the format. `registerKind` makes them known as
   * `propose-NAME` and `solve-NAME`. Not needed for formats with which the kind is never used.
   */
  readonly prompts?: Readonly<Record<string, { propose: string; solve: string }>>;
  /** What a run without a file of seed tasks starts from. Absent: the identity function, with one input for kinds that need `tasks`. */
  seed?(format: Format, settings: CurriculumSettings): D;
  buildProposalPrompt(request: ProposalRequest, format: Format, settings: CurriculumSettings): Prompt;
  /** `text` is `prompt.prefill + completion`. */
  parseProposal(text: string, request: ProposalRequest, format: Format, settings: CurriculumSettings): ParsedProposal<D>;
  /** Runs the draft and makes it a task, or says why not. Rejects only for disposal, abort and a missing executor. */
  validate(draft: D, context: ValidateContext): Promise<Validation>;
  /**
   * Which of the tasks that a step has accepted, in the order of their proposals, are rejected after all: for rules on how many of a sort there
   * may be. Absent: none.
   */
  surplus?(tasks: readonly Task[], settings: CurriculumSettings): { index: number; reason: RejectionReason; detail: string }[];
  buildSolutionPrompt(task: Task, format: Format): Prompt;
  /** `text` is `prompt.prefill + completion`. */
  parseAnswer(text: string, format: Format): ParsedAnswer;
  /** Judges a parsed answer. Rejects with AZR_INPUT_INVALID when the task lacks fields of its kind. */
  verify(task: Task, answer: string, context: VerifyContext): Promise<VerdictResult>;
}
