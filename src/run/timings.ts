// Adds up the timings of steps: seconds are summed, shares are of the whole time.
import type { StepTimings } from "../events.ts";

/** Timings of several steps as if they were one. */
export function sumTimings(steps: readonly StepTimings[]): StepTimings {
  const sum = (pick: (step: StepTimings) => number) => steps.reduce((total, step) => total + pick(step), 0);
  const total = sum((step) => step.total);
  const share = (pick: (step: StepTimings) => number) => (total === 0 ? 0 : sum((step) => pick(step) * step.total) / total);
  return {
    total,
    propose: sum((step) => step.propose),
    validate: sum((step) => step.validate),
    solve: sum((step) => step.solve),
    verify: sum((step) => step.verify),
    update: sum((step) => step.update),
    samplingShare: share((step) => step.samplingShare),
    executorShare: share((step) => step.executorShare),
    updateShare: share((step) => step.updateShare),
    tokensPerSecond: share((step) => step.tokensPerSecond),
  };
}
