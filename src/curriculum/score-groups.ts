// Rewards and advantages of a step: the reward table is in reward.ts, the estimators in advantage.ts; here they meet the sequences.
import { createRandom } from "../random.ts";
import { tokenAdvantages } from "./advantage.ts";
import { compareModels, klPenalties } from "./compare-models.ts";
import { measureProposals, withIntrinsic } from "./intrinsic.ts";
import type { RejectionReason } from "./kinds/kind.ts";
import { type AnswerOutcome, proposerReward, solverReward } from "./reward.ts";
import type { Group, Sequence, StepContext } from "./step-context.ts";
import { countOutcomes } from "./step-solve.ts";

function rewardOf(group: Group, sequence: Sequence, { curriculum, reward }: StepContext["config"]): number | null {
  if (sequence.outcome === "quarantined") return null;
  const { fidelity } = curriculum;
  if (group.role === "solve") return solverReward(sequence.outcome as AnswerOutcome, fidelity);
  const { learnability, intrinsic } = reward;
  if (sequence.outcome !== "accepted") return proposerReward({ accepted: false, reason: sequence.outcome as RejectionReason }, { fidelity });
  const further = (worth: number) => withIntrinsic(worth, sequence.intrinsic ?? {}, intrinsic);
  return proposerReward({ accepted: true, solveRate: sequence.solveRate ?? null }, { fidelity, learnability, further });
}

/** Penalty on length: nothing up to `tokens` before the limit, from there growing to `penalty` at the limit (DAPO, arXiv 2503.14476, equation 13). */
export function overlongPenalty(length: number, limit: number, { tokens, penalty }: { tokens: number; penalty: number }): number {
  if (tokens === 0) return 0;
  const over = length - (limit - Math.min(tokens, limit));
  return over <= 0 ? 0 : (penalty * Math.min(over, tokens)) / Math.min(tokens, limit);
}

/** Each has a baseline of its own. */
const groupName = ({ kind, role, source }: Group): string => `${kind.name}/${role}${source === undefined ? "" : `/${source}`}`;

/** Of each proposal, or the mean over the answers to a task. */
function rewardsById(role: Group["role"], rewarded: readonly Sequence[]): Record<string, number> {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const { id, reward } of rewarded) {
    const key = role === "propose" ? id : id.slice(0, id.lastIndexOf("-"));
    const { sum, count } = sums.get(key) ?? { sum: 0, count: 0 };
    sums.set(key, { sum: sum + reward!, count: count + 1 });
  }
  return Object.fromEntries([...sums].map(([id, { sum, count }]) => [id, sum / count]));
}

/** Fills in reward, advantage and `trained` of every sequence, and tells the rewards in `reward-end` events. Rejects as Engine.score and Executor.measure do. */
export async function scoreGroups(context: StepContext, groups: Group[]): Promise<void> {
  const { config, step, emit } = context;
  const { proposer } = config.curriculum;
  const { advantage, kl } = config.update;
  await measureProposals(context, groups);
  for (const group of groups) {
    const learns = group.role === "solve" || proposer === "trained";
    for (const sequence of group.sequences) {
      const reward = rewardOf(group, sequence, config);
      const limit = config.generation.maxTokens[group.role];
      sequence.reward = reward === null ? null : reward - overlongPenalty(sequence.completion.tokens.length, limit, config.reward.overlong);
      sequence.trained = reward !== null && sequence.leftOut !== true && learns;
    }
  }
  await compareModels(context, groups);

  // What is not trained is no part of the batch that is.
  for (const learns of [true, false]) {
    const all = groups
      .filter(({ role }) => (role === "solve" || proposer === "trained") === learns)
      .flatMap((group) => group.sequences.map((sequence) => ({ group, sequence })));
    const values = tokenAdvantages(
      all.map(({ group, sequence }) => ({
        group: groupName(group),
        reward: sequence.leftOut ? null : sequence.reward,
        tokens: sequence.completion.tokens.length,
        ...(group.role === "solve" && sequence.task !== undefined ? { task: sequence.task.id } : {}),
        ...(kl.in === "reward" && sequence.reference !== undefined ? { penalties: klPenalties(sequence, kl) } : {}),
      })),
      { ...advantage, ...(config.reward.shuffle ? { shuffle: createRandom(config.seed, step, "shuffle") } : {}) },
    );
    all.forEach(({ sequence }, at) => {
      sequence.advantage = values[at]![0]!;
      if (values[at]!.length > 1) sequence.advantages = values[at]!;
    });
  }
  for (const { role, kind, source, sequences } of groups) {
    const rewarded = sequences.filter(({ reward }) => reward !== null);
    const solveRates = sequences.flatMap(({ task, solveRate }) => (task && typeof solveRate === "number" ? [{ task: task.id, solveRate }] : []));
    emit({
      type: "reward-end",
      role,
      kind: kind.name,
      ...(source === undefined ? {} : { source }),
      completions: sequences.length,
      rewardMean: rewarded.length === 0 ? 0 : rewarded.reduce((sum, { reward }) => sum + reward!, 0) / rewarded.length,
      outcomes: countOutcomes(sequences),
      rewards: rewardsById(role, rewarded),
      ...(role === "propose" ? { solveRates } : {}),
    });
  }
}
