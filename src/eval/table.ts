// The before/after table as plain text, for the end of `azr demo` and for documents. Same figures as compare.ts gives.

import type { Accuracy } from "./accuracy.ts";
import type { ComparedAccuracy, HeldOutComparison } from "./compare.ts";

/** 0.4567 -> "45.7". */
export function percent(share: number): string {
  return (share * 100).toFixed(1);
}

/** A difference in percentage points with its sign. */
export function points(share: number): string {
  const text = percent(share);
  return text.startsWith("-") ? text : `+${text}`;
}

/** p-values below 0.0001 are printed as a bound; their further digits mean nothing. */
export function pValue(p: number): string {
  return p < 0.0001 ? "<0.0001" : p.toFixed(4);
}

/** Lines of a table with right-aligned columns; the first column is left-aligned. */
export function alignedTable(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  ").trimEnd());
}

export interface Sampling {
  samples: number;
  temperature: number;
}

/** "mean of 4 samples, temperature 1", or what each side did when they differ. */
export function samplesLabel(before: Sampling, after: Sampling = before): string {
  const one = ({ samples, temperature }: Sampling): string => `mean of ${samples} samples, temperature ${temperature}`;
  return one(before) === one(after) ? one(before) : `${one(before)} before; ${one(after)} after`;
}

/**
 * Held-out accuracy in percent, per kind and overall: mean of samples, then greedy. The last two columns count the tasks that are
 * answered better, and worse, than before.
 */
export function heldOutTable({ heldOut, overall }: HeldOutComparison, label: string): string[] {
  const header = ["held-out accuracy, %", "tasks", "before", "after", "difference", "95 % interval", "p", "better", "worse"];
  const rowsOf = (measure: "sampled" | "greedy"): string[][] => {
    const line = (name: string, n: number, value: ComparedAccuracy): string[] => [
      `  ${name}`,
      String(n),
      percent(value.before),
      percent(value.after),
      points(value.difference),
      `${points(value.low95)} to ${points(value.high95)}`,
      pValue(value.p),
      String(value.better),
      String(value.worse),
    ];
    return [
      ...Object.entries(heldOut).map(([kind, row]) => line(kind, row.n, row[measure])),
      line("all", overall.n, overall[measure]),
    ];
  };
  const title = (text: string): string[] => [text, "", "", "", "", "", "", "", ""];
  return alignedTable([
    header,
    title(label),
    ...rowsOf("sampled"),
    title("greedy"),
    ...rowsOf("greedy"),
  ]);
}

/** Accuracy of one model in percent, per kind and overall. */
export function accuracyTable(figures: { kinds: Record<string, Accuracy>; overall: Accuracy }, samples: number, temperature: number): string[] {
  const line = (name: string, value: Accuracy): string[] => [
    name,
    String(value.n),
    percent(value.greedy),
    ...(samples === 0 ? [] : [percent(value.sampled), `${percent(value.low95)} to ${percent(value.high95)}`, percent(value.passAtK)]),
    percent(value.malformed),
  ];
  const sampled = samples === 0 ? [] : [`mean of ${samples} at temperature ${temperature}`, "95 % interval", `pass@${samples}`];
  return alignedTable([
    ["accuracy, %", "tasks", "greedy", ...sampled, "malformed"],
    ...Object.entries(figures.kinds).map(([kind, value]) => line(kind, value)),
    line("all", figures.overall),
  ]);
}
