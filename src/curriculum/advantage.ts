// Advantages from rewards, by the choices of `update.advantage`: over what the baseline is taken, which it is, what divides, and whether the result
// is whitened. By default Task-Relative REINFORCE++ (arXiv 2505.03335, equation 8): every (kind, role) group has its own baseline, so that an easy
// kind does not drown a hard one: (reward - mean) / sqrt(variance + 1e-8). src/config/algorithms.ts names other choices, with their papers.
import type { Config } from "../config/index.ts";
import type { Random } from "../random.ts";

export interface RewardedSequence {
  /** Kind and role, by custom `kind/role`. */
  group: string;
  /** null leaves the group: advantage 0, and no part in mean and variance. */
  reward: number | null;
  /** Tokens of the response; its weight where tokens count. */
  tokens: number;
  /** What the sequence answers, when several of its group answer the same. */
  task?: string;
  /** [tokens]: what the reward is less from each token on, as for the divergence of the tokens to come (arXiv 2501.03262). */
  penalties?: Float64Array;
}

export type AdvantageSettings = Config["update"]["advantage"];

/** The paper's. */
export const defaultAdvantage: AdvantageSettings = { scope: "group", baseline: "mean", scale: "group", whiten: "none", weights: "sequence" };

export interface AdvantageOptions extends Partial<AdvantageSettings> {
  /** Control experiment: permutes the rewards inside each group with this stream before anything else. */
  shuffle?: Random;
}

const epsilon = 1e-8;

/** Sequences whose statistics are taken together. */
interface Pool {
  members: number[];
  /** Of a task the samples count once each, and so do those of a group that stands in for a task. */
  once: boolean;
  standsIn: boolean;
}

interface Statistics {
  mean: number;
  deviation: number;
  /** Weighted sum, and sum of weights. */
  sum: number;
  total: number;
  /** All values are equal: there is nothing to learn from their differences. */
  flat: boolean;
}

/**
 * The advantage of each sequence: one number that all its tokens share, or with `penalties` one a token. Exactly 0 where there is no spread in what the
 * baseline or the deviation is taken over.
 */
export function tokenAdvantages(sequences: readonly RewardedSequence[], options: AdvantageOptions = {}): Float64Array[] {
  const { shuffle, ...settings } = options;
  const { scope, baseline, scale, whiten, weights } = { ...defaultAdvantage, ...settings };
  const pools = poolsOf(sequences);
  const rewards = sequences.map(({ reward }) => reward ?? 0);
  if (shuffle !== undefined) {
    for (const [group, { members }] of pools.groups) {
      const shuffled = shuffle.split(group).shuffle(members.map((index) => rewards[index]!));
      members.forEach((index, at) => (rewards[index] = shuffled[at]!));
    }
  }
  const values = sequences.map(({ penalties }, index) => penalties?.map((penalty) => rewards[index]! - penalty) ?? Float64Array.of(rewards[index]!));
  const weightOf = (index: number, { once }: Pool) => (weights === "token" && !once ? sequences[index]!.tokens : 1);

  const memory = new Map<Pool, Statistics>();
  const statisticsOf = (pool: Pool, of: readonly Float64Array[], known?: Map<Pool, Statistics>): Statistics => {
    const found = known?.get(pool) ?? statistics(pool, of, weightOf, weights === "token" && !pool.once);
    known?.set(pool, found);
    return found;
  };

  const first = values.map((value, index) => {
    if (sequences[index]!.reward === null) return value.map(() => 0);
    const centre = pools.of(index, scope);
    const around = statisticsOf(centre, values, memory);
    const spread = scale === "none" ? undefined : statisticsOf(pools.of(index, scale), values, memory);
    if ((baseline !== "none" && around.flat) || spread?.flat) return value.map(() => 0);
    const weight = weightOf(index, centre);
    const own = weights === "token" && !centre.once && value.length > 1 ? add([...value]) : value[0]! * weight;
    // Where the group stands in for a task it is large, and its mean will do.
    const others = baseline === "leave-one-out" && !centre.standsIn;
    const base = baseline === "none" ? 0 : others ? (around.sum - own) / (around.total - weight) : around.mean;
    return value.map((one) => (spread === undefined ? one - base : (one - base) / spread.deviation));
  });
  if (whiten === "none") return first;
  const white = new Map<Pool, Statistics>();
  return first.map((value, index) => {
    if (sequences[index]!.reward === null) return value;
    const { mean, deviation, flat } = statisticsOf(pools.of(index, whiten), first, white);
    return value.map((one) => (flat ? 0 : (one - mean) / deviation));
  });
}

/** One advantage a sequence, in order: that of its first token. */
export function advantages(sequences: readonly RewardedSequence[], options: AdvantageOptions = {}): Float64Array {
  return Float64Array.from(tokenAdvantages(sequences, options), ([value]) => value!);
}

function poolsOf(sequences: readonly RewardedSequence[]) {
  const groups = new Map<string, Pool>();
  const standIns = new Map<string, Pool>();
  const tasks = new Map<string, Pool>();
  const batch: Pool = { members: [], once: false, standsIn: false };
  const add = (pools: Map<string, Pool>, key: string, index: number) => {
    const pool = pools.get(key);
    if (pool === undefined) pools.set(key, { members: [index], once: pools !== groups, standsIn: pools === standIns });
    else pool.members.push(index);
  };
  const keyOf = ({ group, task }: RewardedSequence) => `${group}\n${task}`;
  sequences.forEach((sequence, index) => {
    if (sequence.reward === null) return;
    batch.members.push(index);
    add(groups, sequence.group, index);
    add(standIns, sequence.group, index);
    if (sequence.task !== undefined) add(tasks, keyOf(sequence), index);
  });
  const of = (index: number, scope: "batch" | "group" | "task"): Pool => {
    const sequence = sequences[index]!;
    if (scope === "batch") return batch;
    if (scope === "group") return groups.get(sequence.group)!;
    const task = sequence.task === undefined ? undefined : tasks.get(keyOf(sequence))!;
    return task !== undefined && task.members.length > 1 ? task : standIns.get(sequence.group)!;
  };
  return { groups, of };
}

/** By tokens, every token's own value counts, and the variance is unbiased; by sequences the first token's, which is the whole sequence's. */
function statistics(pool: Pool, values: readonly Float64Array[], weightOf: (index: number, pool: Pool) => number, byToken: boolean): Statistics {
  const taken: number[] = [];
  const weights: number[] = [];
  for (const index of pool.members) {
    const own = values[index]!;
    if (byToken && own.length > 1) for (const value of own) taken.push(value), weights.push(1);
    else if (own.length > 0) taken.push(own[0]!), weights.push(weightOf(index, pool));
  }
  const total = add(weights);
  const weighted = add(taken.map((value, at) => value * weights[at]!));
  const mean = weighted / total;
  const squares = add(taken.map((value, at) => (value - mean) ** 2 * weights[at]!));
  const variance = squares / (byToken ? total - 1 : total);
  return { mean, deviation: Math.sqrt(variance + epsilon), sum: weighted, total, flat: taken.every((value) => value === taken[0]) };
}

function add(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
