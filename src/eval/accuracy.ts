// The figures of one evaluation: accuracy per kind and over all tasks, greedy, sampled, and with several tries (pass@k).

import { shareRight } from "./compare.ts";
import type { TaskOutcome } from "./evaluate.ts";
import { comparePaired, mean } from "./statistics.ts";

export interface Accuracy {
  /** Tasks. */
  n: number;
  /** Share of tasks whose greedy answer is right. */
  greedy: number;
  /** Mean over tasks of the share of right samples, with its 95 % interval over tasks. */
  sampled: number;
  low95: number;
  high95: number;
  /** Share of tasks with at least one right sample; k is the number of samples. */
  passAtK: number;
  /** Share of all answers, greedy and sampled, that were out of form. */
  malformed: number;
}

/** Accuracy per kind, in order of appearance, and over all tasks. */
export function accuracies(outcomes: readonly TaskOutcome[]): { kinds: Record<string, Accuracy>; overall: Accuracy } {
  const kinds = [...new Set(outcomes.map(({ kind }) => kind))];
  return {
    kinds: Object.fromEntries(kinds.map((name) => [name, accuracy(outcomes.filter(({ kind }) => kind === name))])),
    overall: accuracy(outcomes),
  };
}

function accuracy(outcomes: readonly TaskOutcome[]): Accuracy {
  const shares = outcomes.map(shareRight);
  // A mean with its interval is a paired comparison with nothing.
  const { difference, low95, high95 } = comparePaired(shares.map(() => 0), shares);
  const answers = outcomes.flatMap(({ greedy, samples }) => [greedy, ...samples]);
  return {
    n: outcomes.length,
    greedy: mean(outcomes.map(({ greedy }) => Number(greedy.verdict === "correct"))),
    sampled: difference,
    low95: Math.max(0, low95),
    high95: Math.min(1, high95),
    passAtK: mean(shares.map((share) => Number(share > 0))),
    malformed: mean(answers.map(({ verdict }) => Number(verdict === "malformed"))),
  };
}
