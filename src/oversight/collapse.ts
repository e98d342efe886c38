// What a policy loses when it collapses: its entropy, the length of what it writes, the differences between its proposals. The first two are held against
// the mean of the run's own first steps.
import type { Monitor, StepFigures, StepRecords } from "./monitor.ts";
import { nothing } from "./monitor.ts";

/** Of the first steps: sums and counts, by name of the metric. */
type Memory = Record<string, { sum: number; count: number }>;

/** Calls `judge` with each of the metrics and the mean of its first `window` values, once they are there. */
function againstBeginning(pattern: RegExp, window: number, judge: (name: string, value: number, beginning: number) => string | null) {
  return ({ metrics }: StepFigures, memory: unknown) => {
    const after: Memory = { ...(memory as Memory | undefined) };
    const said: string[] = [];
    for (const [name, value] of Object.entries(metrics)) {
      if (!pattern.test(name)) continue;
      const { sum, count } = after[name] ?? { sum: 0, count: 0 };
      if (count < window) after[name] = { sum: sum + value, count: count + 1 };
      else said.push(judge(name, value, sum / count) ?? "");
    }
    const told = said.filter(Boolean);
    return { finding: told.length === 0 ? null : { message: told.join("; ") }, memory: after };
  };
}

const short = (value: number): string => String(Number(value.toPrecision(3)));

/** Proposals alone, and the update's own measure: an easy task is answered with certainty by a sound model too. */
export function entropyMonitor({ window, entropy }: { window: number; entropy: number }): Monitor {
  return {
    name: "entropy-collapse",
    afterStep: againstBeginning(/^update\/entropy$|^propose\/.+\/surprise$/, window, (name, value, beginning) =>
      value < entropy * beginning ? `${name} fell to ${short(value)}, from ${short(beginning)} in the first ${window} steps` : null,
    ),
  };
}

export function lengthMonitor({ window, length }: { window: number; length: number }): Monitor {
  return {
    name: "length-collapse",
    afterStep: againstBeginning(/^(?:propose|solve)\/.+\/length$/, window, (name, value, beginning) =>
      value * length < beginning || value > beginning * length ? `${name} went to ${short(value)}, from ${short(beginning)} in the first ${window} steps` : null,
    ),
  };
}

/** Proposals of a kind below which a share means little. */
const fewest = 8;

export function diversityMonitor({ diversity }: { diversity: number }): Monitor {
  return {
    name: "diversity-collapse",
    beforeUpdate({ rollouts }: StepRecords) {
      const said: string[] = [];
      for (const kind of new Set(rollouts.map((rollout) => rollout.kind))) {
        const proposals = rollouts.filter(({ role, kind: own }) => role === "propose" && own === kind);
        const different = new Set(proposals.map(({ response }) => response)).size;
        if (proposals.length >= fewest && different < diversity * proposals.length) said.push(`${different} different texts among ${proposals.length} proposals of ${kind}`);
      }
      return said.length === 0 ? nothing : { finding: { message: said.join("; ") } };
    },
  };
}
