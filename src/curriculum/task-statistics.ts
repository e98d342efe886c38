// What is known of a task from the answers to it: how many there were, how many were right, and when the last one was. Its learnability
// follows: how much there is still to learn from it. task-buffer.ts keeps them, draws by them and lets tasks go by them.
import type { AnswerOutcome } from "./reward.ts";

/** Answers to one task in one step: those whose verdict counts, and how many of them were right. */
export interface AnswerCount {
  attempts: number;
  right: number;
}

export interface TaskStatistics extends AnswerCount {
  /** The step it was last answered in; null: never. */
  answered: number | null;
  /** The same counts, those of each earlier step it was answered in worth half of the next: the model is no longer what it was. */
  recent: AnswerCount;
}

export const noAnswers: AnswerCount = { attempts: 0, right: 0 };
export const neverAnswered: TaskStatistics = { ...noAnswers, answered: null, recent: noAnswers };

/** Outcomes that say something of the task. */
const counted: ReadonlySet<string> = new Set<AnswerOutcome>(["correct", "wrong", "malformed", "wrapper"]);

/** The counts of a list of outcomes; those that nobody could decide, or that were taken back, are left out. */
export function countAnswers(outcomes: readonly string[]): AnswerCount {
  const decided = outcomes.filter((outcome) => counted.has(outcome));
  return { attempts: decided.length, right: decided.filter((outcome) => outcome === "correct").length };
}

/** The statistics after a step in which the task was answered; unchanged when none of the answers counts. */
export function withAnswers(before: TaskStatistics, { attempts, right }: AnswerCount, step: number): TaskStatistics {
  if (attempts === 0) return before;
  return {
    attempts: before.attempts + attempts,
    right: before.right + right,
    answered: step,
    recent: { attempts: before.recent.attempts / 2 + attempts, right: before.recent.right / 2 + right },
  };
}

/** Share of right answers, recent ones weighing more; null when there is none. */
export const recentSolveRate = ({ recent }: TaskStatistics): number | null => (recent.attempts === 0 ? null : recent.right / recent.attempts);

/**
 * What is to be expected of s(1 - s), s being the chance that an answer is right: the variance of an answer's reward, and so the size of the
 * gradient that a group of answers gives (Foster et al. 2025, arXiv 2502.12272). Expected, since few answers tell s badly: all values of s
 * were equally likely before the first. So a task that was never answered has 1/6, one solved half of the time comes up to 1/4, and one that is always or
 * never solved goes towards 0 with every further answer without reaching it.
 */
export function learnability({ recent: { attempts, right } }: TaskStatistics): number {
  return ((right + 1) * (attempts - right + 1)) / ((attempts + 2) * (attempts + 3));
}
