// Before and after, per kind and over all tasks: the figures of the demo's table, of `demo-result` and of the report.
// The interval is the paired t interval over tasks; p is the paired t test's for samples and McNemar's exact one for greedy.

import { AzrError } from "../errors.ts";
import type { TaskOutcome } from "./evaluate.ts";
import { comparePaired, mcNemar } from "./statistics.ts";

/** Accuracies are shares from 0 to 1; `low95` and `high95` bound the difference after - before. */
export interface ComparedAccuracy {
  before: number;
  after: number;
  difference: number;
  low95: number;
  high95: number;
  p: number;
  /** Tasks that are answered better than before, and worse. */
  better: number;
  worse: number;
}

export interface ComparedRow {
  /** Tasks. */
  n: number;
  /** Mean over tasks of the share of right samples. */
  sampled: ComparedAccuracy;
  /** Share of tasks whose greedy answer is right. */
  greedy: ComparedAccuracy;
}

export interface HeldOutComparison {
  heldOut: Record<string, ComparedRow>;
  overall: ComparedRow;
}

/** Compares two evaluations of the same tasks in the same order. Throws AZR_INPUT_INVALID when they are not. */
export function compareOutcomes(before: readonly TaskOutcome[], after: readonly TaskOutcome[]): HeldOutComparison {
  if (before.length !== after.length || before.some(({ id }, index) => id !== after[index]!.id)) {
    throw new AzrError("AZR_INPUT_INVALID", "The two evaluations are not of the same tasks, so they cannot be compared pair by pair.", {
      hint: "Evaluate both models on the same task file.",
    });
  }
  const kinds = [...new Set(before.map(({ kind }) => kind))];
  const row = (chosen: (kind: string) => boolean): ComparedRow => {
    const first = before.filter(({ kind }) => chosen(kind));
    const second = after.filter(({ kind }) => chosen(kind));
    const right = (outcomes: TaskOutcome[]): boolean[] => outcomes.map(({ greedy }) => greedy.verdict === "correct");
    const sampled = measure(first.map(shareRight), second.map(shareRight));
    const greedy = measure(right(first).map(Number), right(second).map(Number));
    return { n: first.length, sampled, greedy: { ...greedy, p: mcNemar(right(first), right(second)).p } };
  };
  return {
    heldOut: Object.fromEntries(kinds.map((name) => [name, row((kind) => kind === name)])),
    overall: row(() => true),
  };
}

function measure(before: number[], after: number[]): ComparedAccuracy {
  const { standardError: _, n: __, ...figures } = comparePaired(before, after);
  const count = (changed: (change: number) => boolean): number => after.filter((value, index) => changed(value - before[index]!)).length;
  return { ...figures, better: count((change) => change > 0), worse: count((change) => change < 0) };
}

/** Share of a task's samples that are right. */
export function shareRight({ samples }: TaskOutcome): number {
  return samples.length === 0 ? 0 : samples.filter(({ verdict }) => verdict === "correct").length / samples.length;
}
