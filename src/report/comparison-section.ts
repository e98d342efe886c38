// The before/after section of the report: two charts of intervals and the table with every figure, losses included.

import type { ComparedAccuracy, HeldOutComparison } from "../eval/compare.ts";
import { percent, points, pValue } from "../eval/table.ts";
import { escapeHtml } from "./escape.ts";
import { intervalChart } from "./interval-chart.ts";
import { seriesColors } from "./style.ts";

/** HTML of the held-out comparison. */
export function comparisonSection(comparison: HeldOutComparison & { samples: number; temperature: number }): string {
  const { heldOut, overall, samples, temperature } = comparison;
  const entries = [...Object.entries(heldOut), ["all", overall] as const];
  const sampledName = `mean of ${samples} samples at temperature ${temperature}`;
  const chart = (measure: "sampled" | "greedy", title: string): string =>
    intervalChart(
      title,
      "Change of held-out accuracy in percentage points, with 95 % intervals.",
      entries.map(([name, row], index) => ({
        name,
        ...row[measure],
        color: name === "all" ? "var(--ink)" : seriesColors[index % seriesColors.length]!,
        strong: name === "all",
      })),
    );
  const line = (name: string, n: number, value: ComparedAccuracy): string => {
    const direction = value.low95 > 0 ? ' class="up"' : value.high95 < 0 ? ' class="down"' : "";
    return [
      `<tr${name === "all" ? ' class="all"' : ""}><td>${escapeHtml(name)}</td><td>${n}</td><td>${percent(value.before)}</td><td>${percent(value.after)}</td>`,
      `<td${direction}>${points(value.difference)}</td><td>${points(value.low95)} to ${points(value.high95)}</td><td>${escapeHtml(pValue(value.p))}</td><td>${value.better}</td><td>${value.worse}</td></tr>`,
    ].join("");
  };
  const group = (title: string, measure: "sampled" | "greedy"): string =>
    `<tr class="group"><td colspan="9">${escapeHtml(title)}</td></tr>${entries.map(([name, row]) => line(name, row.n, row[measure])).join("")}`;
  return `<h2>Before and after</h2>
<p>Accuracy on held-out tasks whose programs neither pre-training nor self-play ever saw. A task's samples are averaged first, so each task counts
once: p-values are two-sided, paired by task (t test for samples, McNemar's exact test for greedy answers). Better and worse count the tasks
that changed.</p>
<div class="grid">${chart("sampled", `Sampled: ${sampledName}`)}${chart("greedy", "Greedy")}</div>
<div class="card scroll" style="margin-top:14px"><table><thead><tr><th>held-out accuracy, %</th><th>tasks</th><th>before</th><th>after</th><th>difference</th><th>95 % interval</th><th>p</th><th>better</th><th>worse</th></tr></thead>
<tbody>${group(sampledName, "sampled")}${group("greedy", "greedy")}</tbody></table></div>`;
}
