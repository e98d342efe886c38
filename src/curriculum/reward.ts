// The reward table: what each outcome of a proposal or an answer is worth. `fidelity` picks the column: `paper` as the Absolute
// Zero paper states it (arXiv 2505.03335, equations 4 to 6), `reference` as its authors' code computes it, `tuned` ours.
// null means: leaves its group, is neither rewarded nor trained (the executor failed, nobody knows; or the task turned out void).

import type { RejectionReason } from "./kinds/kind.ts";
import type { Verdict } from "./task.ts";

export type Fidelity = "paper" | "reference" | "tuned";

type Row = Readonly<Record<Fidelity, number>>;

/** Fixed rewards. A proposal with a solve rate strictly between 0 and 1 earns 1 minus that rate in every column. */
export const rewardTable = {
  /** Proposer: unparsable, invalid, wrong wrapper; also a duplicate, in runs that reject duplicates. */
  rejected: { paper: -1, reference: -1, tuned: -1 },
  /** Proposer: valid, but everybody solves it or nobody does: nothing to learn from. */
  extreme: { paper: 0, reference: -0.5, tuned: 0 },
  /** Solver: wrong outer form. */
  wrapper: { paper: -1, reference: -1, tuned: -1 },
  /** Solver: right outer form, wrong or unusable answer. */
  wrong: { paper: -0.5, reference: -0.5, tuned: -0.5 },
  /** Solver: correct. */
  correct: { paper: 1, reference: 1, tuned: 1 },
} as const satisfies Record<string, Row>;

/** Outcome of one answer: the wrapper check, then the verdict; `contradicted` when the task is void, whatever the answer is. */
export type AnswerOutcome = "wrapper" | Verdict | "contradicted";

/** Outcome of one proposal; `solveRate` in [0, 1], null when no rollout of the task could be decided. */
export type ProposalOutcome = { accepted: false; reason: RejectionReason } | { accepted: true; solveRate: number | null };

/** Share of correct answers among the decided ones (a wrong wrapper is decided: not correct); null when none is decided. */
export function solveRate(outcomes: readonly AnswerOutcome[]): number | null {
  const decided = outcomes.filter((outcome) => outcome !== "undecided" && outcome !== "contradicted");
  return decided.length === 0 ? null : decided.filter((outcome) => outcome === "correct").length / decided.length;
}

export function proposerReward(outcome: ProposalOutcome, fidelity: Fidelity): number | null {
  if (!outcome.accepted) return outcome.reason === "sandbox-error" ? null : rewardTable.rejected[fidelity];
  const { solveRate } = outcome;
  if (solveRate === null) return null;
  return solveRate > 0 && solveRate < 1 ? 1 - solveRate : rewardTable.extreme[fidelity];
}

export function solverReward(outcome: AnswerOutcome, fidelity: Fidelity): number | null {
  if (outcome === "undecided" || outcome === "contradicted") return null;
  return rewardTable[outcome === "malformed" ? "wrong" : outcome][fidelity];
}
