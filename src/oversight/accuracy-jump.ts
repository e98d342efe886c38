// A solve rate that jumps: learning climbs, a found shortcut leaps. Held against the mean of the steps before, kind by kind.
import type { Monitor, StepFigures } from "./monitor.ts";

interface Options {
  rise: number;
  window: number;
  answers: number;
}

/** Solve rates of the last steps, by kind. */
type Memory = Record<string, number[]>;

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export function accuracyMonitor({ rise, window, answers }: Options): Monitor {
  return {
    name: "accuracy-jump",
    afterStep({ metrics }: StepFigures, memory: unknown) {
      const before = (memory ?? {}) as Memory;
      const after: Memory = { ...before };
      const said: string[] = [];
      for (const [name, rate] of Object.entries(metrics)) {
        const kind = /^solve\/(.+)\/correct$/.exec(name)?.[1];
        if (kind === undefined || (metrics[`solve/${kind}/completions`] ?? 0) < answers) continue;
        const past = before[kind] ?? [];
        if (past.length >= window / 2 && rate - mean(past) > rise) {
          said.push(`${kind} from ${mean(past).toFixed(2)} (mean of ${past.length} steps) to ${rate.toFixed(2)}`);
        }
        after[kind] = [...past, rate].slice(-window);
      }
      return { finding: said.length === 0 ? null : { message: `The solve rate jumped: ${said.join(", ")}` }, memory: after };
    },
  };
}
