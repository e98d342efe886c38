// Rewards and advantages of a step: the reward table is in reward.ts, the baselines in advantage.ts; here they meet the sequences.
import { createRandom } from "../random.ts";
import { advantages } from "./advantage.ts";
import type { RejectionReason } from "./kinds/kind.ts";
import { type AnswerOutcome, proposerReward, solverReward } from "./reward.ts";
import type { Group, Sequence, StepContext } from "./step-context.ts";

function rewardOf(group: Group, sequence: Sequence, fidelity: "paper" | "reference" | "tuned"): number | null {
  if (group.role === "solve") return solverReward(sequence.outcome as AnswerOutcome, fidelity);
  if (sequence.outcome !== "accepted") return proposerReward({ accepted: false, reason: sequence.outcome as RejectionReason }, fidelity);
  return proposerReward({ accepted: true, solveRate: sequence.solveRate ?? null }, fidelity);
}

/** Fills in reward, advantage and `trained` of every sequence, one baseline a group, and tells them in `reward-end` events. */
export function scoreGroups({ config, step, emit }: StepContext, groups: Group[]): void {
  const { fidelity, baseline, proposer } = config.curriculum;
  for (const group of groups) for (const sequence of group.sequences) sequence.reward = rewardOf(group, sequence, fidelity);
  const all = groups.flatMap((group) => group.sequences.map((sequence) => ({ group, sequence })));
  const values = advantages(
    all.map(({ group, sequence }) => ({
      group: `${group.kind.name}/${group.role}`,
      reward: sequence.reward,
      tokens: sequence.completion.tokens.length,
      ...(group.role === "solve" && sequence.task !== undefined ? { task: sequence.task.id } : {}),
    })),
    { baseline, ...(config.reward.shuffle ? { shuffle: createRandom(config.seed, step, "shuffle") } : {}) },
  );
  all.forEach(({ group, sequence }, at) => {
    sequence.advantage = values[at]!;
    sequence.trained = sequence.reward !== null && (group.role === "solve" || proposer === "trained");
  });
  for (const { role, kind, sequences } of groups) {
    const rewarded = sequences.filter(({ reward }) => reward !== null);
    const outcomes: Record<string, number> = {};
    for (const { outcome } of sequences) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const solveRates = sequences.flatMap(({ task, solveRate }) => (task && typeof solveRate === "number" ? [{ task: task.id, solveRate }] : []));
    emit({
      type: "reward-end",
      role,
      kind: kind.name,
      completions: sequences.length,
      rewardMean: rewarded.length === 0 ? 0 : rewarded.reduce((sum, { reward }) => sum + reward!, 0) / rewarded.length,
      outcomes,
      ...(role === "propose" ? { solveRates } : {}),
    });
  }
}
