// Tasks that later executions contradict. A task says: this program is a function, and on this input it gives this output. Kinds report runs that
// show otherwise (`contradicts`); at the end of the step step.ts voids what was said of such programs and takes their tasks, with all
// offspring, out of the buffers. Everything goes by fixed orders: kinds, then proposals and answers by their index.
import type { AcceptedTask, Group, Sequence } from "./step-context.ts";
import type { Proposal } from "./step-propose.ts";
import type { TaskBuffers } from "./task-buffers.ts";
import type { Pair, Task } from "./task.ts";

/** What one execution showed. */
export interface Finding {
  program: string;
  /** The task in whose name the program ran, when there was one. */
  task?: string;
  reason: string;
}

/** A program that is no function, with its tasks. */
export interface Contradiction {
  program: string;
  /** The task that was contradicted. */
  id: string;
  reason: string;
  /** All tasks with this program. */
  tasks: string[];
}

/** What has become of a contradiction: one `task-contradicted` event, and one line of programs.jsonl. */
export interface Removal {
  id: string;
  reason: string;
  /** The tasks that left the buffers: those with its program and their offspring. */
  removed: string[];
}

const pairsOf = ({ pairs, input, output }: Task | Omit<Task, "id" | "origin">): Pair[] =>
  pairs ?? (input === undefined || output === undefined ? [] : [{ input, output }]);

/** What the validation of proposals showed of programs that tasks have already. */
function findingOf({ validation, draft, source }: Proposal): Finding[] {
  if (!validation.ok) {
    if (validation.contradicts === undefined || draft === undefined) return [];
    return [{ program: draft.program, reason: validation.contradicts, ...(source === undefined ? {} : { task: source.id }) }];
  }
  // A proposal that builds on a task may run it again, on the same input.
  if (source === undefined || source.program !== validation.task.program) return [];
  const before = new Map(pairsOf(source).map(({ input, output }) => [input, output]));
  const differs = pairsOf(validation.task).some(({ input, output }) => before.has(input) && before.get(input) !== output);
  return differs ? [{ program: source.program, task: source.id, reason: "on its own input another output, among the inputs of a proposal" }] : [];
}

/** What one kind's share of a step showed, in a fixed order. */
export function findings(proposals: Proposal[], answers: Sequence[]): Finding[] {
  const judged = answers.flatMap(({ task, contradicts }) => (task && contradicts !== undefined ? [{ program: task.program, task: task.id, reason: contradicts }] : []));
  return [...proposals.flatMap(findingOf), ...judged];
}

/** One contradiction a program, by the first finding on it. Programs that neither the buffers nor the newly accepted have are left out. */
export function contradictions(found: Finding[], buffers: TaskBuffers, accepted: readonly Pick<AcceptedTask, "task">[]): Contradiction[] {
  const first = new Map<string, Finding>();
  for (const finding of found) if (!first.has(finding.program)) first.set(finding.program, finding);
  if (first.size === 0) return [];
  const known = buffers.tasksOf(new Set(first.keys()));
  return [...first.values()].flatMap(({ program, task, reason }) => {
    const tasks = [...(known.get(program) ?? []), ...accepted.filter((one) => one.task.program === program).map((one) => one.task.id)];
    return tasks.length === 0 ? [] : [{ program, id: task ?? tasks[0]!, reason, tasks }];
  });
}

/**
 * Takes back what this step said of contradicted tasks: answers to them leave their groups, since neither right nor wrong means anything, and a
 * proposal that made one is what validation would have called it, had it seen this.
 */
export function voidSequences(groups: Group[], contradicted: Contradiction[]): void {
  const reasons = new Map(contradicted.map(({ program, reason }) => [program, reason]));
  for (const { role, sequences } of groups) {
    for (const sequence of sequences) {
      const reason = sequence.task && reasons.get(sequence.task.program);
      if (reason === undefined) continue;
      sequence.outcome = role === "solve" ? "contradicted" : "nondeterministic";
      sequence.detail = reason;
      delete sequence.solveRate;
    }
  }
}

/** Takes the contradicted tasks and their offspring out of the buffers, one contradiction after another. */
export function removeContradicted(contradicted: Contradiction[], buffers: TaskBuffers): Removal[] {
  return contradicted.map(({ id, reason, tasks }) => ({ id, reason, removed: buffers.removeWithOffspring(tasks) }));
}
