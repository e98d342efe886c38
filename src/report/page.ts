// The whole report as one HTML text: no script, no link to anywhere, a content policy that forbids both. Pure: data in, text out.

import { areaChart } from "./area-chart.ts";
import { barChart } from "./bar-chart.ts";
import { comparisonSection } from "./comparison-section.ts";
import type { PerKind, ReportData } from "./data.ts";
import { escapeHtml } from "./escape.ts";
import { configSection, examplesSection } from "./example-section.ts";
import { lineChart } from "./line-chart.ts";
import type { Series } from "./line-chart.ts";
import { seriesColors, styleSheet } from "./style.ts";

/** Draws the report. Every text of `data` is escaped. */
export function renderReport(data: ReportData): string {
  const facts = data.facts.map(({ name, value }) => `<div class="card"><small>${escapeHtml(name)}</small><b class="big">${escapeHtml(value)}</b></div>`);
  return [
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(data.runName)} · absolute-zero</title>`,
    `<meta name="viewport" content="width=device-width,initial-scale=1">`,
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<style>${styleSheet}</style></head><body><main>`,
    `<h1>${escapeHtml(data.runName)}</h1><p class="soft">${escapeHtml(data.summary)}</p>`,
    `<div class="numbers">${facts.join("")}</div>`,
    data.comparison === null ? "" : comparisonSection(data.comparison),
    data.steps.length === 0 ? "<p>The run has no finished step yet, so there is nothing to draw.</p>" : curves(data),
    examplesSection(data.examples),
    configSection(data.config),
    "</main></body></html>\n",
  ].join("\n");
}

function curves(data: ReportData): string {
  const { kinds, steps } = data;
  const perKind = (values: PerKind): Series[] =>
    kinds.map((name, index) => ({ name, color: seriesColors[index % seriesColors.length]!, values: values[name] ?? [] }));
  const known = (values: PerKind): boolean => Object.values(values).some((list) => list.some((value) => value !== null));
  const curated = known(data.curatedRate)
    ? [lineChart({ title: "Solve rate of curated tasks", note: "Mean share of right answers to each of the step's tasks of files.", steps, series: perKind(data.curatedRate), percent: true, include: [0] })]
    : [];
  const charts = [
    ...curated,
    // A run on tasks of files alone has none of these.
    ...(curated.length > 0 && !known(data.acceptRate) ? [] : selfPlayCharts(data, perKind)),
    ...data.curves
      .filter(({ values }) => values.some((value) => value !== null))
      .map(({ title, note, values }) => lineChart({ title, note, steps, series: [{ name: title, color: seriesColors[0]!, values }] })),
  ];
  return `<h2>The run, step by step</h2><p class="soft">Faint lines are single steps, bold lines a moving average. Point at a chart for its numbers.</p><div class="grid">${charts.join("\n")}</div>`;
}

function selfPlayCharts(data: ReportData, perKind: (values: PerKind) => Series[]): string[] {
  const { steps } = data;
  return [
    lineChart({
      title: "Solver's reward",
      note: "Mean over the step's rollouts; 1 = all right, -1 = all out of form.",
      steps,
      series: perKind(data.solverReward),
    }),
    lineChart({
      title: "Proposer's reward",
      note: "High when proposals are valid and neither trivial nor hopeless.",
      steps,
      series: perKind(data.proposerReward),
    }),
    lineChart({
      title: "Solve rate",
      note: "Share of rollouts that were right, on tasks of the model's own making.",
      steps,
      series: perKind(data.solveRate),
      percent: true,
      include: [0],
    }),
    lineChart({
      title: "Accept rate",
      note: "Share of proposals that became tasks.",
      steps,
      series: perKind(data.acceptRate),
      percent: true,
      include: [0],
    }),
    areaChart({
      title: "What became of the proposals",
      note: "Accepted, and the reasons for which the others were turned down.",
      steps,
      layers: data.proposals.map(({ name, values }, index) => ({ name, values, color: outcomeColor(index) })),
    }),
    barChart({
      title: "How hard the tasks were",
      note: "Accepted tasks by how many of their rollouts were right.",
      bins: data.difficulty.bins,
      xName: "right rollouts",
      groups: [
        { name: "first third of the run", color: seriesColors[9]!, shares: data.difficulty.early },
        { name: "last third", color: seriesColors[0]!, shares: data.difficulty.late },
      ],
    }),
    lineChart({ title: "Tasks known", note: "Size of each buffer after the step.", steps, series: perKind(data.bufferSize), include: [0] }),
  ];
}

/** Accepted is green; reasons take the other colours in turn. */
function outcomeColor(index: number): string {
  const reasons = [0, 1, 3, 4, 5, 6, 7, 8, 9];
  return index === 0 ? seriesColors[2]! : seriesColors[reasons[(index - 1) % reasons.length]!]!;
}
