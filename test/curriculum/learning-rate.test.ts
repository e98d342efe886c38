// Rates of whole schedules, worked out by hand.
import t from "tap";
import { learningRateAt, type LearningRateSchedule } from "../../src/curriculum/learning-rate.ts";

const cases: { name: string; schedule: LearningRateSchedule; steps: number; rates: number[] }[] = [
  { name: "constant", schedule: { learningRate: 2, schedule: "constant", warmUpSteps: 0 }, steps: 3, rates: [2, 2, 2] },
  { name: "constant after warm-up", schedule: { learningRate: 3, schedule: "constant", warmUpSteps: 2 }, steps: 4, rates: [1, 2, 3, 3] },
  { name: "linear", schedule: { learningRate: 4, schedule: "linear", warmUpSteps: 0 }, steps: 4, rates: [4, 3, 2, 1] },
  { name: "linear after warm-up", schedule: { learningRate: 4, schedule: "linear", warmUpSteps: 1 }, steps: 5, rates: [2, 4, 3, 2, 1] },
  { name: "cosine", schedule: { learningRate: 1, schedule: "cosine", warmUpSteps: 0 }, steps: 4, rates: [1, 0.8535533905932737, 0.5, 0.14644660940672627] },
  { name: "past the end", schedule: { learningRate: 4, schedule: "linear", warmUpSteps: 0 }, steps: 2, rates: [4, 2, 0, 0] },
];

for (const { name, schedule, steps, rates } of cases) {
  t.test(name, async (t) => {
    rates.forEach((rate, at) => t.ok(Math.abs(learningRateAt(schedule, at + 1, steps) - rate) < 1e-12, `step ${at + 1}`));
  });
}
