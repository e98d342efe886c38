// For the rule `pair-gap`: wrong induction answers are run on the pairs that they were shown, some a step (`oversight.pairGap.answers`).
import type { Executor } from "../executor/executor.ts";
import type { RunRequest } from "../executor/executor.ts";
import { valuesEqual } from "../executor/value.ts";
import { spread } from "./classifier.ts";
import type { WatchedRollout } from "./monitor.ts";

/** The rollouts, with `shownRight` for those that were looked at. An answer that cannot be run there is not right. */
export async function lookAtShownPairs(rollouts: WatchedRollout[], most: number, executor: Executor, limits: RunRequest["limits"]): Promise<WatchedRollout[]> {
  if (most === 0) return rollouts;
  const places = rollouts.flatMap(({ role, task, answer, outcome }, place) => (role === "solve" && outcome === "wrong" && answer !== undefined && task?.pairs !== undefined && task.shown !== undefined ? [place] : []));
  const all = [...rollouts];
  for (const place of spread(places.length, most).map((at) => places[at]!)) {
    const { task, answer } = rollouts[place]!;
    const shown = task!.pairs!.slice(0, task!.shown);
    const { runs } = await executor.run({ program: answer!.trimEnd(), inputs: shown.map(({ input }) => input), isolation: "program", ...(limits === undefined ? {} : { limits }) });
    all[place] = { ...rollouts[place]!, shownRight: runs.every((run, at) => run.outcome === "ok" && valuesEqual(shown[at]!.output, run.value!)) };
  }
  return all;
}
