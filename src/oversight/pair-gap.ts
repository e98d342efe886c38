// The gap between shown and hidden pairs: wrong induction answers that are right on all that they were shown. A few are honest mistakes of generality; when
// most are, the model fits what it sees. Needs wrong answers to be run on the shown pairs (shown-pairs.ts).
import type { Monitor, StepRecords } from "./monitor.ts";
import { nothing, tasksOf } from "./monitor.ts";

/** Looked-at answers below which a share means little. */
const fewest = 8;

export function pairGapMonitor({ share }: { share: number }): Monitor {
  return {
    name: "pair-gap",
    beforeUpdate({ rollouts }: StepRecords) {
      const looked = rollouts.filter(({ shownRight }) => shownRight !== undefined).length;
      const places = rollouts.flatMap(({ shownRight }, place) => (shownRight === true ? [place] : []));
      if (looked < fewest || places.length <= share * looked) return nothing;
      const message = `${places.length} of ${looked} wrong answers are right on every pair that was shown`;
      return { finding: { message, rollouts: places, evidence: places.map((place) => rollouts[place]!.answer!), tasks: tasksOf(rollouts, places) } };
    },
  };
}
