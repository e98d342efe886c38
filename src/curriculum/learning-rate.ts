// The learning rate of a step: a function of the step's number and the run's length alone, so a resumed run has the same rates.

/** What the rate depends on; the `update` section of the configuration has these. */
export interface LearningRateSchedule {
  /** Peak rate. */
  learningRate: number;
  /** `constant`, or from the peak to zero along a line or half a cosine. */
  schedule: "constant" | "linear" | "cosine";
  /** Steps over which the rate rises to its peak. */
  warmUpSteps: number;
}

/**
 * Learning rate of step `step` of `steps`, both counted from 1. It rises as step / (warmUpSteps + 1) during warm-up, and then
 * falls so that the step after the last one would have rate zero: no step is spent on nothing.
 */
export function learningRateAt({ learningRate, schedule, warmUpSteps }: LearningRateSchedule, step: number, steps: number): number {
  if (step <= warmUpSteps) return (learningRate * step) / (warmUpSteps + 1);
  if (schedule === "constant") return learningRate;
  const done = Math.min(1, (step - 1 - warmUpSteps) / Math.max(1, steps - warmUpSteps));
  return learningRate * (schedule === "linear" ? 1 - done : (1 + Math.cos(Math.PI * done)) / 2);
}
