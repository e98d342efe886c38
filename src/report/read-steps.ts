// Reads the curves of a run out of its events.jsonl: one row a step, kept as the report needs them. When a run was cut off and
// resumed, a step's last record counts.

import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { RewardEnd, Role, RunEvent } from "../events.ts";
import { readJsonl } from "../jsonl.ts";
import type { PerKind } from "./data.ts";

export interface StepRow {
  step: number;
  rewards: Map<string, RewardEnd>;
  metrics: Record<string, number>;
  update: Extract<RunEvent, { type: "update-end" }> | null;
  completions: number;
}

export interface RunHead {
  seed: number;
  model: string;
  parameters: number;
  kinds: string[];
}

export interface StepRows {
  head: RunHead | null;
  rows: StepRow[];
  /** Wall seconds of all finished steps. */
  seconds: number;
}

/** Key of a reward event in a row. */
export const groupKey = (role: Role, kind: string, source = ""): string => `${role} ${kind} ${source}`.trimEnd();

/** All finished steps in order. Lines that cannot be read (the tail of a killed run) are passed over. */
export async function readSteps(runFolder: string): Promise<StepRows> {
  const rows = new Map<number, StepRow>();
  const seconds = new Map<number, number>();
  let head: RunHead | null = null;
  let open = emptyRow(0);
  for await (const { value } of readJsonl(createReadStream(join(runFolder, "events.jsonl")))) {
    const event = value as RunEvent | undefined;
    if (event === undefined) continue;
    if (event.type === "run-start") {
      const { seed, model, parameters, kinds } = event;
      head ??= { seed, model, parameters, kinds };
    } else if (event.type === "step-start") open = emptyRow(event.step);
    else if (event.type === "reward-end") open.rewards.set(groupKey(event.role, event.kind, event.source), event);
    else if (event.type === "rollout-end") open.completions += event.completions;
    else if (event.type === "update-end") open.update = event;
    else if (event.type === "step-end") {
      open.metrics = event.metrics;
      rows.set(event.step, open);
      seconds.set(event.step, event.timings.total);
    }
  }
  const ordered = [...rows.values()].sort((left, right) => left.step - right.step);
  return { head, rows: ordered, seconds: [...seconds.values()].reduce((sum, value) => sum + value, 0) };
}

function emptyRow(step: number): StepRow {
  return { step, rewards: new Map(), metrics: {}, update: null, completions: 0 };
}

/** One value a step and kind from the group of a role; null where the step had no such group. */
export function perKind(rows: readonly StepRow[], kinds: readonly string[], role: Role, value: (event: RewardEnd) => number): PerKind {
  return Object.fromEntries(
    kinds.map((kind) => [
      kind,
      rows.map(({ rewards }) => {
        const event = rewards.get(groupKey(role, kind));
        return event === undefined || event.completions === 0 ? null : value(event);
      }),
    ]),
  );
}

/** Share of one outcome among all that were counted. */
export function outcomeShare({ outcomes }: RewardEnd, outcome: string): number {
  const total = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  return total === 0 ? 0 : (outcomes[outcome] ?? 0) / total;
}
