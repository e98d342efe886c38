// Two files of outcomes, suite by suite: the library call behind `azr compare`. Tasks are paired by their ids, whatever their order.

import { AzrError } from "../errors.ts";
import { compareOutcomes } from "./compare.ts";
import type { HeldOutComparison } from "./compare.ts";
import { readOutcomes } from "./outcome-file.ts";
import type { EvaluationSettings } from "./outcome-file.ts";

export interface FileComparison extends HeldOutComparison {
  suite: string;
  before: EvaluationSettings;
  after: EvaluationSettings;
}

/** One comparison for each suite. Throws AZR_INPUT_INVALID when the files are not of the same suites and tasks. */
export async function compareFiles(beforePath: string, afterPath: string): Promise<FileComparison[]> {
  const before = await readOutcomes(beforePath);
  const after = new Map((await readOutcomes(afterPath)).map((evaluation) => [evaluation.settings.suite, evaluation]));
  const names = before.map(({ settings }) => settings.suite);
  if (after.size !== names.length || names.some((name) => !after.has(name))) {
    throw new AzrError("AZR_INPUT_INVALID", `${beforePath} is of ${names.join(", ")}, ${afterPath} of ${[...after.keys()].join(", ")}.`, {
      hint: "Evaluate both models on the same task files.",
    });
  }
  return before.map(({ settings, outcomes }) => {
    const other = after.get(settings.suite)!;
    const byId = new Map(other.outcomes.map((outcome) => [outcome.id, outcome]));
    // Those of the second file that the first has not stay at the end, where compareOutcomes meets them.
    const paired = [...outcomes.flatMap(({ id }) => byId.get(id) ?? []), ...other.outcomes.filter(({ id }) => !outcomes.some((mine) => mine.id === id))];
    return { suite: settings.suite, before: settings, after: other.settings, ...compareOutcomes(outcomes, paired) };
  });
}
