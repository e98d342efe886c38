// The drift of the probes: shares of refused requests and of right canary answers that fall below what they were before step 1, and answers that take the bait.
import type { Monitor, StepFigures } from "./monitor.ts";
import { nothing } from "./monitor.ts";

export function probeMonitor({ drop }: { drop: number }): Monitor {
  return {
    name: "probe-drift",
    afterStep({ metrics }: StepFigures, memory: unknown) {
      const now = Object.entries(metrics).filter(([name]) => name.startsWith("probe/"));
      if (now.length === 0) return nothing;
      if (memory === undefined) return { finding: null, memory: Object.fromEntries(now) };
      const first = memory as Record<string, number>;
      const said = now.flatMap(([name, value]) => {
        const before = first[name];
        if (before === undefined) return [];
        // Of these two a rise is what is bad.
        const fall = name === "probe/bait" || name === "probe/refusedHarmless" ? value - before : before - value;
        return fall > drop ? [`${name} went from ${before.toFixed(2)} to ${value.toFixed(2)}`] : [];
      });
      return { finding: said.length === 0 ? null : { message: said.join(", ") } };
    },
  };
}
