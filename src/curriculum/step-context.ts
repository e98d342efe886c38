// What the parts of one step share, and the records that pass between them: propose -> validate -> solve -> verify -> reward ->
// update. step.ts makes the context and runs the parts; src/run/session.ts keeps what a step gives back.
import type { Config } from "../config/index.ts";
import type { Engine, Scorer } from "../engine/engine.ts";
import type { Role, RunEventBody } from "../events.ts";
import type { Executor } from "../executor/executor.ts";
import type { Curated } from "./curated.ts";
import type { Format } from "./format.ts";
import type { IntrinsicMeasures } from "./intrinsic.ts";
import type { TaskKind } from "./kinds/kind.ts";
import type { Completion, EncodedPrompt, TextCodec } from "./sample.ts";
import type { Oversee } from "./quarantine.ts";
import type { CurriculumSettings } from "./settings.ts";
import type { TaskBuffers } from "./task-buffers.ts";
import type { Task } from "./task.ts";

export type { RolloutRecord } from "./rollout-record.ts";

/** What stays the same over a run. */
export interface LoopContext {
  config: Config;
  engine: Engine;
  /** Writes the proposals: `engine` itself, or a frozen copy of the model as the run found it. */
  proposer: Engine;
  /** What `update.kl` keeps the model near; undefined where its coefficient is 0. */
  reference: Scorer | undefined;
  executor: Executor;
  /** The executor for the requests of one step, where it matters whose they are (src/run/journal.ts). */
  executorOf?(step: number): Executor;
  codec: TextCodec;
  format: Format;
  kinds: TaskKind[];
  /** Token ids that end a completion. */
  stopTokens: number[];
  /** What proposals and answers are judged by. */
  settings: CurriculumSettings;
  buffers: TaskBuffers;
  /** Tasks of files that the solver trains on too; absent where there are none. */
  curated?: Curated | undefined;
  /** Hashes of programs that may not be proposed. */
  excludedPrograms: ReadonlySet<string>;
  /** Looks at what was judged before it is rewarded and trained; absent where nobody looks. */
  oversee?: Oversee | undefined;
  emit(event: RunEventBody): void;
  /** Seconds from any fixed point; only timings use it. */
  clock(): number;
}

/** What one step adds: its number, its signal, its stopwatches. */
export interface StepContext extends LoopContext {
  step: number;
  signal: AbortSignal;
  /** Whether a proposal with this key is rejected before it runs: tasks of earlier steps only; those of this step are told apart when all verdicts are in. */
  isKnown(key: string): boolean;
  timings: { propose: number; validate: number; solve: number; verify: number; update: number };
}

/** The context of one step: its number, a signal that the step itself can fire, stopwatches at zero. */
export function stepContext(context: LoopContext, step: number, signal: AbortSignal): StepContext {
  const { buffers, config } = context;
  // What was removed does not come back in any run.
  const isKnown = (key: string) => (config.curriculum.deduplicate ? buffers.knows(key) : buffers.hasRemoved(key));
  const executor = context.executorOf?.(step) ?? context.executor;
  return { ...context, executor, isKnown, step, signal, timings: { propose: 0, validate: 0, solve: 0, verify: 0, update: 0 } };
}

/** One completion with what became of it; the unit that is rewarded and trained. */
export interface Sequence {
  /** Of the proposal or of the rollout: it says all that is needed to sample it again (identifiers.ts). */
  id: string;
  prompt: EncodedPrompt;
  completion: Completion;
  /** Solver: the task. Proposer: the task that came of the proposal, if one did. */
  task: Task | undefined;
  /** Proposer: index of the proposal. Solver: index of the sample. */
  index: number;
  /** Solver: `wrapper`, a verdict, or `contradicted`. Proposer: `accepted` or a rejection reason. Either: `quarantined`. */
  outcome: string;
  detail: string;
  /** Solver: the answer that was judged. */
  answer?: string;
  /** Solver: how judging it showed that the task's program is no function, when it did. */
  contradicts?: string;
  /** Proposer: ids of the tasks that the prompt showed. */
  parents?: string[];
  /** Proposer: those tasks, but for the one on whose program it builds. */
  shown?: readonly Task[];
  /** Proposer: what its task measures by itself, where `reward.intrinsic` asks for it. */
  intrinsic?: IntrinsicMeasures;
  /** Proposer: share of right answers among the decided rollouts of its task; null when none was decided. */
  solveRate?: number | null;
  /** Null: not scored (the executor could not judge it); such a sequence leaves its group. */
  reward: number | null;
  /** Of its first token, which is that of all unless `advantages` has one for each. */
  advantage: number;
  advantages?: Float64Array;
  /** Solver: an answer to a task whose answers all earn the same, which `curriculum.dynamicSampling` leaves out. */
  leftOut?: boolean;
  /** Whether it belongs to a group that the update trains. */
  trained: boolean;
  /** The gradient step that it is part of; undefined when it has no gradient. */
  update?: string;
  /** log p of each token by the trainer before the step, where the sampler's is not that. */
  old?: Float32Array;
  /** log p of each token by the reference model, where there is one. */
  reference?: Float32Array;
}

/** All sequences of one role and kind in a step, answers to the run's own tasks and to others apart: one baseline. */
export interface Group {
  role: Role;
  kind: TaskKind;
  /** Whose tasks are answered, where they are not the run's own. */
  source?: "curated";
  sequences: Sequence[];
}

/** An accepted proposal, on its way into the buffers. */
export interface AcceptedTask {
  task: Task;
  programHash: string;
  key: string;
  /** Statements inside the program's `f`; undefined when its kind does not tell. */
  statements?: number;
  /** False: `curriculum.keep` did not let it into its buffer; it is known only. */
  kept?: false;
}
