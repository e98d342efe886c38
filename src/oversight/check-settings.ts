// Levels of `oversight` that could never be reached, or that have nowhere to go: told when the settings are read.
import type { OversightSettings, RuleName } from "./settings.ts";

/** What of the other sections these rules need. */
interface Around {
  oversight: OversightSettings;
  run: { rollBack: number };
  update: { kl: { coefficient: number } };
}

const needs: [rule: RuleName, met: (settings: Around) => boolean, fault: string][] = [
  ["kl-drift", ({ update }) => update.kl.coefficient > 0, "needs update.kl.coefficient above 0: without it there is no reference model"],
  ["probe-drift", ({ oversight }) => oversight.probes.every > 0, "needs oversight.probes.every above 0: without it no probe is answered"],
  ["pair-gap", ({ oversight }) => oversight.pairGap.answers > 0, "needs oversight.pairGap.answers above 0: without it no answer is looked at"],
];

export function oversightFaults(settings: Around): { rule: string; fault: string }[] {
  const levels = Object.entries(settings.oversight.levels);
  const backwards = levels.filter(([, level]) => level === "roll-back" && settings.run.rollBack === 0);
  const acting = new Set(levels.filter(([, level]) => level !== "off" && level !== "log").map(([rule]) => rule));
  return [
    ...backwards.map(([rule]) => ({ rule, fault: "roll-back needs run.rollBack above 0, which says how often a run may go back" })),
    ...needs.filter(([rule, met]) => acting.has(rule) && !met(settings)).map(([rule, , fault]) => ({ rule, fault })),
  ];
}
