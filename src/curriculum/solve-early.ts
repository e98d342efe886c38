// With `curriculum.rollouts.earlyStop`: the answers that measure a task's difficulty are sampled in rounds, and a task is asked about no more once a right
// and another answer are in. Only for rewards that ask no more than whether there is such a contrast (src/config/schema.ts sees to it). What is sampled
// depends on verdicts alone, so a run repeats.
import type { AnswerOutcome } from "./reward.ts";
import type { Sequence, StepContext } from "./step-context.ts";
import { solve, type SolveOptions } from "./step-solve.ts";

/** Answers a task in each round, n in all: two, then as many as there are already. */
export function rounds(n: number): number[] {
  const sizes: number[] = [];
  for (let asked = 0; asked < n; ) {
    const size = Math.min(Math.max(2, asked), n - asked);
    sizes.push(size);
    asked += size;
  }
  return sizes;
}

function hasContrast(answers: readonly Sequence[]): boolean {
  const decided = answers.map(({ outcome }) => outcome as AnswerOutcome).filter((outcome) => outcome !== "undecided" && outcome !== "contradicted");
  return decided.includes("correct") && decided.some((outcome) => outcome !== "correct");
}

/** As `solve`, with at most `samples` answers a task. `asked` is called when the first round has been asked for. */
export async function solveEarly(context: StepContext, { samples, purpose, tasks, ...options }: SolveOptions, asked: () => void): Promise<Sequence[][]> {
  const answers = tasks.map((): Sequence[] => []);
  for (const [round, size] of rounds(samples).entries()) {
    const open = tasks.flatMap((task, at) => (hasContrast(answers[at]!) ? [] : [{ task, at }]));
    const solving = solve(context, { ...options, tasks: open.map(({ task }) => task), samples: size, purpose: round === 0 ? purpose : `${purpose}-${round}` });
    if (round === 0) asked();
    (await solving).forEach((more, index) => answers[open[index]!.at]!.push(...more));
  }
  return answers;
}
