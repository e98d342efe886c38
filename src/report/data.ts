// What a report shows, as plain data: read-run.ts makes it from a run folder, page.ts draws it.

import type { HeldOutComparison } from "../eval/compare.ts";

/** A task that the model invented, with what it answered. */
export interface ExampleTask {
  id: string;
  kind: string;
  step: number;
  program: string;
  /** What the solver saw beside the program, and what was asked: labelled texts. */
  given: { label: string; text: string }[];
  /** Name of what was asked for: `output`, `input`, `program`, `error`; `answer` for kinds from outside the package. */
  asked: string;
  /** Share of the rollouts that were right. */
  solveRate: number;
  right: string | null;
  wrong: string | null;
}

/** One value a step for each task kind. */
export type PerKind = Record<string, (number | null)[]>;

export interface ReportData {
  runName: string;
  /** One sentence under the title. */
  summary: string;
  /** Headline facts: seed, steps, model ... */
  facts: { name: string; value: string }[];
  comparison: (HeldOutComparison & { samples: number; temperature: number }) | null;
  kinds: string[];
  steps: number[];
  solverReward: PerKind;
  proposerReward: PerKind;
  solveRate: PerKind;
  /** Of tasks of files (`curriculum.tasks`). */
  curatedRate: PerKind;
  acceptRate: PerKind;
  bufferSize: PerKind;
  /** Counts a step of what became of proposals, `accepted` first. */
  proposals: { name: string; values: number[] }[];
  /** Tasks by number of right rollouts (bin i of n + 1), in the first and the last third of the run. */
  difficulty: { bins: string[]; early: number[]; late: number[] };
  /** Further curves by name, drawn one chart each: entropy, gradient norm ... */
  curves: { title: string; note: string; values: (number | null)[] }[];
  examples: ExampleTask[];
  config: { key: string; value: string; origin: string }[];
}
