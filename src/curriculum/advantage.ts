// Task-Relative REINFORCE++ (arXiv 2505.03335, equation 8): every (kind, role) group has its own baseline, so that an easy
// kind does not drown a hard one. Advantage = (reward - mean) / sqrt(variance + 1e-8) within the group, one a sequence.

import type { Random } from "../random.ts";

export interface RewardedSequence {
  /** Name of the baseline, by custom `kind/role`. */
  group: string;
  /** null leaves the group: advantage 0, and no part in mean and variance. */
  reward: number | null;
  /** Tokens of the response; its weight with the `token` baseline. */
  tokens: number;
  /** What the sequence answers, when several of its group answer the same; only the `task` baseline looks at it. */
  task?: string;
}

export interface AdvantageOptions {
  /**
   * `sequence` (default): mean and population variance over the group's sequences, as the paper writes it.
   * `token`: over the group's response tokens, each with its sequence's reward, unbiased variance, as the authors' code does.
   * `task`: variance as `sequence`, but the mean is that of the other sequences of the same task (leave-one-out, arXiv 2402.14740).
   * Its expectation has the direction and size of `sequence`; what is gone is the noise of tasks that are merely hard or easy.
   */
  baseline?: "sequence" | "token" | "task";
  /** Control experiment: permutes the rewards inside each group with this stream before anything else. */
  shuffle?: Random;
}

const epsilon = 1e-8;

/** One advantage a sequence, in order. Exactly 0 throughout a group whose rewards are all equal. */
export function advantages(sequences: readonly RewardedSequence[], { baseline = "sequence", shuffle }: AdvantageOptions = {}): Float64Array {
  const groups = new Map<string, number[]>();
  sequences.forEach(({ group, reward }, index) => {
    if (reward === null) return;
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [index]);
    else members.push(index);
  });

  const result = new Float64Array(sequences.length);
  for (const [group, members] of groups) {
    let rewards = members.map((index) => sequences[index]!.reward!);
    if (shuffle !== undefined) rewards = shuffle.split(group).shuffle(rewards);
    if (rewards.every((reward) => reward === rewards[0])) continue;
    const weights = members.map((index) => (baseline === "token" ? sequences[index]!.tokens : 1));
    const total = sum(weights);
    const mean = sum(rewards.map((reward, at) => reward * weights[at]!)) / total;
    const squares = sum(rewards.map((reward, at) => (reward - mean) ** 2 * weights[at]!));
    const variance = squares / (baseline === "token" ? total - 1 : total);
    const others = baseline === "task" ? meansOfOthers(members.map((index) => sequences[index]!.task), rewards) : [];
    members.forEach((index, at) => (result[index] = (rewards[at]! - (others[at] ?? mean)) / Math.sqrt(variance + epsilon)));
  }
  return result;
}

/** For each reward the mean of the others of its task; undefined for one that is alone or has no task: the group's mean stands in. */
function meansOfOthers(tasks: (string | undefined)[], rewards: number[]): (number | undefined)[] {
  const totals = new Map<string, { count: number; sum: number }>();
  tasks.forEach((task, at) => {
    if (task === undefined) return;
    const { count, sum } = totals.get(task) ?? { count: 0, sum: 0 };
    totals.set(task, { count: count + 1, sum: sum + rewards[at]! });
  });
  return tasks.map((task, at) => {
    const { count, sum } = (task === undefined ? undefined : totals.get(task)) ?? { count: 0, sum: 0 };
    return count < 2 ? undefined : (sum - rewards[at]!) / (count - 1);
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
