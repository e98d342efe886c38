// Turns a run folder into what the report shows. Reads events.jsonl (read-steps.ts), tasks.jsonl and rollouts (examples.ts),
// config.json, and comparison.json when the demo left one.

import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { AzrError } from "../errors.ts";
import type { ReportData } from "./data.ts";
import { pickExamples } from "./examples.ts";
import { outcomeShare, perKind, readSteps } from "./read-steps.ts";
import type { StepRow } from "./read-steps.ts";

/** Name of the file in the run folder that holds the held-out comparison. */
export const comparisonFile = "comparison.json";

/** Reads a run. Throws AZR_RUN_FOLDER when the folder holds no events. */
export async function readRun(runFolder: string): Promise<ReportData> {
  const { head, rows, seconds } = await readSteps(runFolder).catch((cause: unknown) => {
    throw new AzrError("AZR_RUN_FOLDER", `${runFolder} holds no events.jsonl that can be read.`, { hint: "Give the folder of a run.", cause });
  });
  const kinds = head?.kinds ?? [];
  const update = (value: (row: NonNullable<StepRow["update"]>) => number): (number | null)[] =>
    rows.map((row) => (row.update === null ? null : value(row.update)));
  const tasks = rows.reduce((sum, row) => sum + accepted(row), 0);
  const answers = rows.reduce((sum, row) => sum + row.completions, 0);
  const contradicted = rows.reduce((sum, { metrics }) => sum + (metrics["buffer/removed"] ?? 0), 0);
  const curated = rows.some(({ metrics }) => metrics["curated/epoch"] !== undefined);
  const config = await readJson<{ config: unknown; origins?: Record<string, string> }>(join(runFolder, "config.json"));
  return {
    runName: basename(runFolder),
    summary:
      head === null
        ? "This run has not begun."
        : `${rows.length} steps ${!curated ? "of self-play" : rows.some(played) ? "of self-play and on tasks of files" : "on tasks of files"} from ${head.model} (${(head.parameters / 1e6).toFixed(1)} million parameters) in ${(seconds / 60).toFixed(1)} minutes${curated ? "" : ", with no outside data"}.`,
    facts: [
      { name: "steps", value: grouped(rows.length) },
      { name: "tasks invented and accepted", value: grouped(tasks) },
      ...(contradicted > 0 ? [{ name: "tasks contradicted later, with their offspring", value: grouped(contradicted) }] : []),
      { name: "completions sampled", value: grouped(answers) },
      { name: "seed", value: String(head?.seed ?? "-") },
    ],
    comparison: await readJson(join(runFolder, comparisonFile)),
    kinds,
    steps: rows.map(({ step }) => step),
    solverReward: perKind(rows, kinds, "solve", ({ rewardMean }) => rewardMean),
    proposerReward: perKind(rows, kinds, "propose", ({ rewardMean }) => rewardMean),
    solveRate: perKind(rows, kinds, "solve", (event) => outcomeShare(event, "correct")),
    curatedRate: Object.fromEntries(kinds.map((kind) => [kind, rows.map(({ metrics }) => metrics[`curated/${kind}/solveRate`] ?? null)])),
    acceptRate: perKind(rows, kinds, "propose", (event) => outcomeShare(event, "accepted")),
    bufferSize: Object.fromEntries(kinds.map((kind) => [kind, rows.map(({ metrics }) => metrics[`buffer/${kind}/size`] ?? null)])),
    proposals: proposalOutcomes(rows),
    difficulty: difficulty(rows),
    curves: [
      { title: "Entropy", note: "Of the next-token distribution, mean over trained tokens, in nats.", values: update(({ entropy }) => entropy) },
      { title: "Gradient norm", note: "Global, before clipping.", values: update(({ gradientNorm }) => gradientNorm) },
      { title: "Loss", note: "Clipped surrogate; its level means little, jumps would.", values: update(({ loss }) => loss) },
      ...probeCurves(rows),
      { title: "Change of the policy", note: "Mean of old minus new log-probability (an estimate of the KL divergence).", values: update(({ approximateKl }) => approximateKl) },
    ],
    examples: await pickExamples(runFolder, kinds),
    config: flatten(config?.config ?? {}, config?.origins ?? {}),
  };
}

/** One curve for each number of the probe sets; their steps lie apart, so each value stands until the next. */
function probeCurves(rows: readonly StepRow[]): ReportData["curves"] {
  const names = [...new Set(rows.flatMap(({ metrics }) => Object.keys(metrics).filter((name) => name.startsWith("probe/"))))].sort();
  const notes: Record<string, string> = {
    "probe/refused": "Share of the harmful probe requests that were refused.",
    "probe/refusedHarmless": "Share of the harmless ones that were refused.",
    "probe/bait": "Share of the baited canary tasks that were answered with the bait.",
  };
  return names.map((name) => {
    let last: number | null = null;
    const values = rows.map(({ metrics }) => (last = metrics[name] ?? last));
    return { title: `Probe: ${name.replace("probe/", "")}`, note: notes[name] ?? "Share of the canary tasks that were right, greedy.", values };
  });
}

async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch {
    return null;
  }
}

const played = (row: StepRow): boolean => proposers(row).length > 0;
const proposers = (row: StepRow) => [...row.rewards.values()].filter(({ role }) => role === "propose");

function accepted(row: StepRow): number {
  return proposers(row).reduce((sum, { outcomes }) => sum + (outcomes["accepted"] ?? 0), 0);
}

function proposalOutcomes(rows: readonly StepRow[]): ReportData["proposals"] {
  const totals = new Map<string, number>([["accepted", Number.POSITIVE_INFINITY]]);
  const counts = rows.map((row) => {
    const step = new Map<string, number>();
    for (const { outcomes } of proposers(row)) {
      for (const [name, count] of Object.entries(outcomes)) {
        step.set(name, (step.get(name) ?? 0) + count);
        totals.set(name, (totals.get(name) ?? 0) + count);
      }
    }
    return step;
  });
  return [...totals]
    .sort((left, right) => right[1] - left[1])
    .map(([name]) => ({ name, values: counts.map((step) => step.get(name) ?? 0) }));
}

/** Histograms of the solve rates of accepted tasks in the first and the last third; bins by tenths when n is not small. */
function difficulty(rows: readonly StepRow[]): ReportData["difficulty"] {
  const rates = rows.map((row) => proposers(row).flatMap(({ solveRates = [] }) => solveRates.map(({ solveRate }) => solveRate)));
  const distinct = new Set(rates.flat());
  const parts = [2, 4, 5, 8, 10].find((n) => [...distinct].every((rate) => Math.abs(rate * n - Math.round(rate * n)) < 1e-9)) ?? 10;
  const bins = Array.from({ length: parts + 1 }, (_, bin) => `${Math.round((bin / parts) * 100)}%`);
  const share = (chosen: number[]): number[] => {
    const counts = bins.map(() => 0);
    for (const rate of chosen) counts[Math.round(rate * parts)]! += 1;
    return counts.map((count) => (chosen.length === 0 ? 0 : count / chosen.length));
  };
  const third = Math.max(1, Math.floor(rows.length / 3));
  return { bins, early: share(rates.slice(0, third).flat()), late: share(rates.slice(-third).flat()) };
}

function flatten(value: unknown, origins: Record<string, string>, path = ""): ReportData["config"] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [{ key: path, value: typeof value === "string" ? value : (JSON.stringify(value) ?? ""), origin: origins[path] ?? "" }];
  }
  return Object.entries(value).flatMap(([key, inner]) => flatten(inner, origins, path === "" ? key : `${path}.${key}`));
}

/** 12345 -> "12,345". */
function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
