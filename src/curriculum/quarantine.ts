// What oversight takes out of a step after its answers were judged and before anything is rewarded: answers and proposals leave the update, in either
// direction, and tasks leave the buffers with all that descends from them. step.ts calls this; who decides is src/oversight, which is not known here.
import type { AcceptedTask, Group, Sequence, StepContext } from "./step-context.ts";
import type { TaskBuffers } from "./task-buffers.ts";

/** One decision: a rule found something in these sequences. */
export interface Quarantine {
  rule: string;
  reason: string;
  sequences: Sequence[];
  /** Ids of the tasks that leave. */
  tasks: string[];
}

/** What has become of it: one `task-quarantined` event, and one line of programs.jsonl. */
export interface QuarantineEnd {
  rule: string;
  reason: string;
  tasks: string[];
  /** The tasks that left the buffers: those and their offspring. */
  removed: string[];
  /** Sequences of the step that were left out of the update, those of an earlier quarantine of the step not counted again. */
  leftOut: number;
}

/** What a step has to show before it is rewarded and trained. */
export interface JudgedStep {
  groups: Group[];
  /** The new tasks; they are not in the buffers yet. */
  accepted: AcceptedTask[];
}

/**
 * Of new tasks those whose parents left in the step before, when their proposals were written already (`curriculum.overlap`): offspring that came late.
 */
export function lateOffspring(left: readonly Pick<QuarantineEnd, "rule" | "removed">[], accepted: readonly AcceptedTask[]): Quarantine[] {
  return left.flatMap(({ rule, removed }) => {
    const gone = new Set(removed);
    const tasks = accepted.flatMap(({ task: { id, origin } }) => (origin.parents.some((parent) => gone.has(parent)) ? [id] : []));
    return tasks.length === 0 ? [] : [{ rule, reason: "offspring of tasks that left in the step before", sequences: [], tasks }];
  });
}

/** Decides what is left out of a step; rejects to end it before anything is trained. */
export type Oversee = (context: StepContext, judged: JudgedStep) => Promise<Quarantine[]>;

/** These tasks and all that descend from them, new ones included. */
function familyOf(ids: string[], { kinds, buffers }: StepContext, accepted: AcceptedTask[]): Set<string> {
  const children = new Map<string, string[]>();
  const add = (id: string, parents: readonly string[]) => {
    for (const parent of parents) children.set(parent, [...(children.get(parent) ?? []), id]);
  };
  if (ids.length > 0) {
    for (const { name } of kinds) for (const { id, parents } of buffers.of(name).lineage()) add(id, parents);
    for (const { task } of accepted) add(task.id, task.origin.parents);
  }
  const family = new Set(ids);
  for (const id of family) for (const child of children.get(id) ?? []) family.add(child);
  return family;
}

/** Leaves the sequences out of their groups: those that are named, and proposals and answers of the tasks that leave. Returns how many, for each. */
export function leaveOutQuarantined(context: StepContext, { groups, accepted }: JudgedStep, quarantines: Quarantine[]): number[] {
  return quarantines.map(({ rule, reason, sequences, tasks }) => {
    const named = new Set(sequences);
    const family = familyOf(tasks, context, accepted);
    let count = 0;
    for (const sequence of groups.flatMap((group) => group.sequences)) {
      const concerned = named.has(sequence) || (sequence.task !== undefined && family.has(sequence.task.id));
      if (!concerned || sequence.outcome === "quarantined") continue;
      sequence.detail = `${rule}: ${reason} (was ${sequence.outcome})`;
      sequence.outcome = "quarantined";
      delete sequence.solveRate;
      count += 1;
    }
    return count;
  });
}

/** Takes the tasks and their offspring out of the buffers, which hold the step's new ones by now. */
export function removeQuarantined(quarantines: Quarantine[], leftOut: number[], buffers: TaskBuffers): QuarantineEnd[] {
  return quarantines.map(({ rule, reason, tasks }, at) => ({ rule, reason, tasks, removed: buffers.removeWithOffspring(tasks), leftOut: leftOut[at]! }));
}
