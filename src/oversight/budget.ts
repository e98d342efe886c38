// What a run may use in all: wall time over its sittings, sampled tokens, bytes of its folder. Time and disk are the only things that a decision depends on
// which are not recorded; both are asked after a step, so no step's result hangs on them.
import type { Monitor, StepFigures } from "./monitor.ts";

interface Budgets {
  seconds: number;
  tokens: number;
  diskBytes: number;
}

export function budgetMonitor({ seconds, tokens, diskBytes }: Budgets): Monitor {
  return {
    name: "budget",
    afterStep(figures: StepFigures, memory: unknown) {
      const sampled = ((memory as { tokens?: number } | undefined)?.tokens ?? 0) + figures.tokens;
      const said: string[] = [];
      if (seconds > 0 && (figures.seconds ?? 0) >= seconds) said.push(`${seconds} seconds`);
      if (tokens > 0 && sampled >= tokens) said.push(`${tokens} tokens (${sampled} sampled)`);
      if (diskBytes > 0 && (figures.diskBytes ?? 0) >= diskBytes) said.push(`${diskBytes} bytes of disk (${figures.diskBytes} used)`);
      return { finding: said.length === 0 ? null : { message: `Spent: ${said.join(", ")}` }, ...(tokens > 0 ? { memory: { tokens: sampled } } : {}) };
    },
  };
}
