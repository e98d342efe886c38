// Decides which validated proposals become tasks, in the order of proposals: the first of several equal ones is new, the others
// are duplicates, whatever order their verdicts came in. step.ts calls it kind by kind.
import type { TaskKind } from "./kinds/kind.ts";
import { encodePrompt, type EncodedPrompt } from "./sample.ts";
import type { AcceptedTask, Sequence, StepContext } from "./step-context.ts";
import { fits, type Proposal } from "./step-propose.ts";
import { taskId } from "./task-buffer.ts";
import type { Task } from "./task.ts";

/** A new task with the prompt that poses it and the proposal that it came from. */
export interface NewTask extends AcceptedTask {
  prompt: EncodedPrompt;
  proposal: Proposal;
}

export interface AdmitOptions {
  /** Keys of tasks accepted earlier in this step; the function adds its own. */
  taken: Set<string>;
  /** Number in the id of the task that proposal 0 makes. */
  firstId: number;
}

/** The new tasks of one kind, in the order of proposals. Marks the sequences of the others as rejected. */
export function admitTasks(context: StepContext, kind: TaskKind, proposals: Proposal[], { taken, firstId }: AdmitOptions): NewTask[] {
  const { config, codec, format, settings, step, emit, executor, buffers } = context;
  const { python } = executor.stats();
  const accepted: NewTask[] = [];
  const rejectIn = (sequence: Sequence, reason: string, detail: string) => {
    sequence.outcome = reason;
    sequence.detail = detail;
    emit({ type: "task-rejected", kind: kind.name, proposal: sequence.id, index: sequence.index, reason, detail });
  };
  const admit = ({ task, proposal: { sequence } }: NewTask) => {
    sequence.task = task;
    emit({ type: "task-accepted", kind: kind.name, proposal: sequence.id, index: sequence.index, task });
  };
  for (const proposal of proposals) {
    const { sequence, validation } = proposal;
    const { index } = sequence;
    const reject = (reason: string, detail: string) => rejectIn(sequence, reason, detail);
    if (!validation.ok) {
      reject(validation.reason, validation.detail);
      continue;
    }
    const { key, programHash, statements } = validation;
    if (config.curriculum.deduplicate && taken.has(key)) {
      reject("duplicate", `${key} was proposed before in this step`);
      continue;
    }
    // Of proposals written ahead, what was removed meanwhile; others were asked before they ran.
    if (buffers.hasRemoved(key)) {
      reject("duplicate", `${key} is known`);
      continue;
    }
    const id = taskId(step, kind.letter, firstId + index);
    const task: Task = { id, ...validation.task, origin: { step, parents: sequence.parents ?? [], python } };
    const prompt = encodePrompt(codec, kind.buildSolutionPrompt(task, format));
    if (!fits(context, prompt, config.generation.maxTokens.solve)) {
      reject("too-long", "its solution prompt leaves no room for an answer");
      continue;
    }
    taken.add(key);
    const one: NewTask = { task, programHash, key, statements, prompt, proposal };
    accepted.push(one);
    if (kind.surplus === undefined) admit(one);
  }
  if (kind.surplus === undefined) return accepted;
  const surplus = new Map(kind.surplus(accepted.map(({ task }) => task), settings).map((one) => [one.index, one]));
  return accepted.filter((one, at) => {
    const turnedDown = surplus.get(at);
    if (turnedDown === undefined) {
      admit(one);
      return true;
    }
    taken.delete(one.key);
    rejectIn(one.proposal.sequence, turnedDown.reason, turnedDown.detail);
    return false;
  });
}
