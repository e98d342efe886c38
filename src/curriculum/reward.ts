// The reward table: what each outcome of a proposal or an answer is worth. `fidelity` picks the column: `paper` as the Absolute
// Zero paper states it (arXiv 2505.03335, equations 4 to 6), `reference` as its authors' code computes it, `tuned` ours.
// null means: leaves its group, is neither rewarded nor trained (the executor failed, nobody knows; or the task turned out void).

import type { Config } from "../config/index.ts";
import type { RejectionReason } from "./kinds/kind.ts";
import type { Verdict } from "./task.ts";

export type Fidelity = "paper" | "reference" | "tuned";

type Row = Readonly<Record<Fidelity, number>>;

/** Fixed rewards. A proposal whose task can be learnt from earns what `learnabilities` says, in every column. */
export const rewardTable = {
  /** Proposer: unparsable, invalid, wrong wrapper; also a duplicate, in runs that reject duplicates. */
  rejected: { paper: -1, reference: -1, tuned: -1 },
  /** Proposer: valid, but nothing to learn from: everybody solves it or nobody does. */
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

export type Learnability = Config["reward"]["learnability"];

/** What a task is worth of which a share s is solved; where that is nothing, the row `extreme` counts instead. */
export const learnabilities: Record<Learnability, (s: number) => number> = {
  // The paper's equation 4.
  "one-minus": (s) => (s === 0 ? 0 : 1 - s),
  variance: (s) => s * (1 - s),
  // The other rule of the authors' code: harder is better, to the end.
  inverse: (s) => 1 - s,
  mixed: (s) => (s === 0 || s === 1 ? 0 : 1),
};

/** Share of correct answers among the decided ones (a wrong wrapper is decided: not correct); null when none is decided. */
export function solveRate(outcomes: readonly AnswerOutcome[]): number | null {
  const decided = outcomes.filter((outcome) => outcome !== "undecided" && outcome !== "contradicted");
  return decided.length === 0 ? null : decided.filter((outcome) => outcome === "correct").length / decided.length;
}

export interface ProposerRewardOptions {
  fidelity: Fidelity;
  /** Default: the paper's. */
  learnability?: Learnability;
  /** What is made of the worth of a task that can be learnt from (intrinsic.ts). Default: itself. */
  further?: (worth: number) => number;
}

export function proposerReward(outcome: ProposalOutcome, { fidelity, learnability = "one-minus", further = (worth) => worth }: ProposerRewardOptions): number | null {
  if (!outcome.accepted) return outcome.reason === "sandbox-error" ? null : rewardTable.rejected[fidelity];
  const { solveRate } = outcome;
  if (solveRate === null) return null;
  const worth = learnabilities[learnability](solveRate);
  return worth > 0 ? further(worth) : rewardTable.extreme[fidelity];
}

export function solverReward(outcome: AnswerOutcome, fidelity: Fidelity): number | null {
  if (outcome === "undecided" || outcome === "contradicted") return null;
  return rewardTable[outcome === "malformed" ? "wrong" : outcome][fidelity];
}
