// How far the model has gone from the one of `update.kl`, where there is one: the run's own beginning, or a model that is named.
import type { Monitor, StepFigures } from "./monitor.ts";
import { nothing } from "./monitor.ts";

export function klMonitor({ limit }: { limit: number }): Monitor {
  return {
    name: "kl-drift",
    afterStep({ metrics }: StepFigures) {
      const value = metrics["update/referenceKl"];
      if (value === undefined || value <= limit) return nothing;
      return { finding: { message: `The model is ${value.toPrecision(3)} nats a token from its reference; ${limit} is the limit` } };
    },
  };
}
