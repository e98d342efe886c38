// Programs that tried what the sandbox forbids: one is an accident, several in a step are a storm.
import type { Monitor, StepRecords, WatchedRollout } from "./monitor.ts";
import { nothing } from "./monitor.ts";

// A proposal is rejected as a violation; of an answer the verdict is `wrong`, and its detail begins with the outcome of the run.
const violates = ({ outcome, detail }: WatchedRollout): boolean => outcome === "violation" || (outcome !== "accepted" && /^violation\b/.test(detail));

export function violationMonitor({ perStep }: { perStep: number }): Monitor {
  return {
    name: "violations",
    beforeUpdate({ rollouts }: StepRecords) {
      const places = rollouts.flatMap((rollout, place) => (violates(rollout) ? [place] : []));
      if (places.length < perStep) return nothing;
      const message = `${places.length} programs made a forbidden system call`;
      // Whose answers they are, is not at fault: no task leaves.
      return { finding: { message, rollouts: places, evidence: places.map((place) => `${rollouts[place]!.detail}: ${rollouts[place]!.answer ?? rollouts[place]!.response}`) } };
    },
  };
}
