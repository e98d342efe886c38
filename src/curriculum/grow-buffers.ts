// The end of a step, for the buffers: the answers of the step are counted, then its new tasks come in, those that `curriculum.keep` lets in.
// Everything goes by fixed orders: kinds, then answers and proposals by their index.
import type { Config } from "../config/index.ts";
import type { NewTask } from "./admit-tasks.ts";
import type { AcceptedTask, Sequence, StepContext } from "./step-context.ts";
import type { TaskAnswers } from "./task-buffers.ts";
import { countAnswers } from "./task-statistics.ts";

/** Counts by task, in the order of the first answer to each; tasks without an answer that counts are left out. */
export function answersByTask(sequences: readonly Sequence[]): TaskAnswers[] {
  const outcomes = new Map<string, string[]>();
  for (const { task, outcome } of sequences) {
    const known = outcomes.get(task!.id);
    if (known === undefined) outcomes.set(task!.id, [outcome]);
    else known.push(outcome);
  }
  return [...outcomes].map(([task, all]) => ({ task, ...countAnswers(all) })).filter(({ attempts }) => attempts > 0);
}

/** Whether a task with this solve rate enters its buffer. One of which nothing is known does. */
export function isKept(keep: Config["curriculum"]["keep"], rate: number | null | undefined): boolean {
  if (keep === "all" || typeof rate !== "number") return true;
  return rate < 1 && (rate > 0 || keep === "not-always-solved");
}

/**
 * Counts the answers, then adds the tasks, marking those that are not kept: they stay known, so that whoever proposes one again has a duplicate.
 * Returns what src/run writes down to repeat it.
 */
export function growBuffers({ buffers, config, step }: StepContext, accepted: readonly NewTask[], answers: readonly TaskAnswers[]): AcceptedTask[] {
  buffers.record(answers, step);
  const own = new Map(answers.map((one) => [one.task, one]));
  return accepted.map(({ task, key, programHash, statements, proposal }) => {
    const buffer = buffers.of(task.kind);
    const kept = isKept(config.curriculum.keep, proposal.sequence.solveRate);
    if (kept) buffer.add(task, key, own.get(task.id));
    else buffer.learn(task, key);
    return { task, key, programHash, ...(statements === undefined ? {} : { statements }), ...(kept ? {} : { kept: false as const }) };
  });
}
