// Gathers the events of a step into the few numbers that one line shows: rewards per role, accept rate, speed, time left.
// terminal.ts prints it; keeping it apart makes it testable without a terminal.

import type { RewardEnd, Role, RunEvent } from "../events.ts";

export interface StepSummary {
  step: number;
  /** Steps that the run is to have in all. */
  steps: number;
  /** Mean reward over all completions of the role in the step; null when there were none. */
  rewards: Record<Role, number | null>;
  /** Share of rollouts that were right, of proposals that became tasks. */
  solveRate: number | null;
  acceptRate: number | null;
  /** Why most of the other proposals were rejected, with the share of all proposals; null when none was. */
  rejected: { reason: string; share: number } | null;
  /** Tasks that left the buffers since the run (or its resumption) began, because a program turned out to be no function. */
  contradicted: number;
  tokensPerSecond: number;
  /** Supervised runs: the step's loss, and the last one on rows that are held out (null = none yet); absent for self-play. */
  losses?: { trained: number; heldOut: number | null };
  /** Wall seconds of the step, and until the end at the pace of the last steps. */
  stepSeconds: number;
  secondsLeft: number;
}

/** Steps whose pace the time left is computed from. */
const paceWindow = 20;

/**
 * Returns a function that takes events in order and answers a `step-end` with its summary, other events with null.
 * `budgetSeconds` (0 = none) caps the time left, counted in wall seconds of finished steps.
 */
export function summarise({ budgetSeconds = 0 }: { budgetSeconds?: number } = {}): (event: RunEvent) => StepSummary | null {
  let steps = 0;
  let used = 0;
  let contradicted = 0;
  let supervised = false;
  let loss = 0;
  let heldOut: number | null = null;
  let rewards: RewardEnd[] = [];
  const pace: number[] = [];
  return (event) => {
    if (event.type === "run-start") [steps, supervised] = [event.steps, event.method === "sft"];
    if (event.type === "update-end") loss = event.loss;
    if (event.type === "eval-end") heldOut = event.metrics["loss"] ?? heldOut;
    if (event.type === "step-start") rewards = [];
    if (event.type === "reward-end") rewards.push(event);
    if (event.type === "task-contradicted") contradicted += event.removed.length;
    if (event.type !== "step-end") return null;
    const { total, tokensPerSecond } = event.timings;
    // Answers to tasks of files are told where there are no others.
    const own = rewards.filter(({ source }) => source === undefined);
    const shown = own.some(({ role }) => role === "solve") ? own : rewards;
    pace.push(total);
    if (pace.length > paceWindow) pace.shift();
    used += total;
    const left = Math.max(0, steps - event.step) * (pace.reduce((sum, value) => sum + value, 0) / pace.length);
    return {
      step: event.step,
      steps,
      rewards: { propose: meanReward(shown, "propose"), solve: meanReward(shown, "solve") },
      solveRate: share(shown, "solve", "correct"),
      acceptRate: share(rewards, "propose", "accepted"),
      rejected: commonestRejection(rewards),
      contradicted,
      tokensPerSecond,
      ...(supervised ? { losses: { trained: loss, heldOut } } : {}),
      stepSeconds: total,
      secondsLeft: budgetSeconds > 0 ? Math.min(left, Math.max(0, budgetSeconds - used)) : left,
    };
  };
}

function meanReward(rewards: readonly RewardEnd[], role: Role): number | null {
  let sum = 0;
  let count = 0;
  for (const event of rewards) {
    if (event.role !== role) continue;
    sum += event.rewardMean * event.completions;
    count += event.completions;
  }
  return count === 0 ? null : sum / count;
}

function share(rewards: readonly RewardEnd[], role: Role, outcome: string): number | null {
  let hits = 0;
  let count = 0;
  for (const event of rewards) {
    if (event.role !== role) continue;
    for (const [name, value] of Object.entries(event.outcomes)) {
      count += value;
      if (name === outcome) hits += value;
    }
  }
  return count === 0 ? null : hits / count;
}

/** Of equally many the first by name. */
function commonestRejection(rewards: readonly RewardEnd[]): { reason: string; share: number } | null {
  const counts = new Map<string, number>();
  for (const { role, outcomes } of rewards) {
    if (role !== "propose") continue;
    for (const [name, count] of Object.entries(outcomes)) counts.set(name, (counts.get(name) ?? 0) + count);
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const [most] = [...counts].filter(([name, count]) => name !== "accepted" && count > 0).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return most === undefined ? null : { reason: most[0], share: most[1] / total };
}
