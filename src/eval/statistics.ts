// Paired comparison of two evaluations of the same tasks. The unit is the task: a task's samples are averaged first, so that samples
// of one task, which are not independent, never count as separate observations (clustering by task). compare.ts applies it per kind.

import { AzrError } from "../errors.ts";
import { fairBinomialCumulative, studentQuantile, studentTwoSided } from "./special-functions.ts";

export interface PairedComparison {
  /** Tasks. */
  n: number;
  /** Mean over tasks, before and after, and after - before. */
  before: number;
  after: number;
  difference: number;
  /** 95 % interval of the difference: difference -+ t(n - 1) * standardError. */
  low95: number;
  high95: number;
  /** Two-sided p-value of "no difference". */
  p: number;
  /** Standard deviation of the per-task differences over sqrt(n). */
  standardError: number;
}

function unequal(before: number, after: number): AzrError {
  return new AzrError("AZR_INPUT_INVALID", `A paired comparison needs one value before and one after: ${before} before, ${after} after.`);
}

/** Arithmetic mean; 0 for no values. */
export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return values.length === 0 ? 0 : sum / values.length;
}

/**
 * Paired t test over tasks: `before[i]` and `after[i]` are the mean outcomes (0 to 1) of task i. Fewer than two tasks say nothing:
 * the interval is then [-1, 1] and p is 1. Without any spread the interval is a point and p is 0 or 1.
 */
export function comparePaired(before: readonly number[], after: readonly number[]): PairedComparison {
  if (before.length !== after.length) throw unequal(before.length, after.length);
  const n = before.length;
  const differences = after.map((value, index) => value - before[index]!);
  const difference = mean(differences);
  const result = { n, before: mean(before), after: mean(after), difference };
  if (n < 2) return { ...result, low95: -1, high95: 1, p: 1, standardError: 0 };
  let squares = 0;
  for (const value of differences) squares += (value - difference) ** 2;
  const standardError = Math.sqrt(squares / (n - 1) / n);
  // Equal differences leave only rounding noise in `squares`.
  if (standardError < 1e-15) {
    return { ...result, low95: difference, high95: difference, p: Math.abs(difference) < 1e-15 ? 1 : 0, standardError: 0 };
  }
  const margin = studentQuantile(0.95, n - 1) * standardError;
  const p = studentTwoSided(difference / standardError, n - 1);
  return { ...result, low95: difference - margin, high95: difference + margin, p, standardError };
}

export interface McNemarResult {
  /** Tasks that only `after` solves, and tasks that only `before` solved. */
  gained: number;
  lost: number;
  /** Two-sided exact p-value: the tasks that changed are fair coin tosses when nothing happened. */
  p: number;
}

/** McNemar's exact test for one yes/no outcome a task (greedy decoding). */
export function mcNemar(before: readonly boolean[], after: readonly boolean[]): McNemarResult {
  if (before.length !== after.length) throw unequal(before.length, after.length);
  let gained = 0;
  let lost = 0;
  for (const [index, value] of before.entries()) {
    if (after[index] && !value) gained += 1;
    if (value && !after[index]) lost += 1;
  }
  const p = Math.min(1, 2 * fairBinomialCumulative(Math.min(gained, lost), gained + lost));
  return { gained, lost, p };
}

/**
 * Percentile bootstrap interval of the mean of per-task differences: a check on the t interval that assumes no distribution.
 * `random` gives uniform numbers in [0, 1) and must be seeded by the caller.
 */
export function bootstrapInterval(
  differences: readonly number[],
  random: () => number,
  { rounds = 2000, level = 0.95 }: { rounds?: number; level?: number } = {},
): { low: number; high: number } {
  const means: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    let sum = 0;
    for (let draw = 0; draw < differences.length; draw += 1) sum += differences[Math.floor(random() * differences.length)]!;
    means.push(sum / differences.length);
  }
  means.sort((left, right) => left - right);
  const at = (share: number): number => means[Math.min(rounds - 1, Math.max(0, Math.floor(share * rounds)))]!;
  return { low: at((1 - level) / 2), high: at((1 + level) / 2) };
}
