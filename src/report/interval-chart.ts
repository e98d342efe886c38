// Differences with their 95 % intervals, one row a kind: what the before/after table says at a glance.

import { escapeHtml } from "./escape.ts";
import { figure, size } from "./frame.ts";
import { extent, linearScale, px } from "./scale.ts";

export interface IntervalRow {
  name: string;
  difference: number;
  low95: number;
  high95: number;
  color: string;
  strong?: boolean;
}

/** A figure with a dot and a whisker a row on a common percentage-point axis; the dashed line is "no change". */
export function intervalChart(title: string, note: string, rows: readonly IntervalRow[]): string {
  const left = 92;
  const bottom = size.height - size.bottom;
  const range = extent([0, ...rows.flatMap(({ low95, high95 }) => [low95, high95])]);
  const x = linearScale(range, [left, size.width - size.right], { count: 5 });
  const parts: string[] = [];
  for (const tick of x.ticks) {
    const at = px(x(tick));
    const label = `${tick > 0 ? "+" : ""}${Number((tick * 100).toFixed(2))}`;
    parts.push(`<line class="${Math.abs(tick) < 1e-12 ? "zero" : "grid"}" x1="${at}" x2="${at}" y1="${size.top}" y2="${bottom}"/>`);
    parts.push(`<text class="tick" x="${at}" y="${bottom + 14}" text-anchor="middle">${label}</text>`);
  }
  parts.push(`<text class="tick" x="${size.width - size.right}" y="${size.height - 4}" text-anchor="end">points</text>`);
  for (const [index, { name, difference, low95, high95, color, strong }] of rows.entries()) {
    const y = px(size.top + ((index + 0.5) * (bottom - size.top)) / rows.length);
    const points = (value: number): string => `${value >= 0 ? "+" : ""}${(value * 100).toFixed(1)}`;
    parts.push(
      `<g><title>${escapeHtml(`${name}: ${points(difference)} (${points(low95)} to ${points(high95)})`)}</title>` +
        `<text class="name" x="${left - 8}" y="${y}" text-anchor="end" dominant-baseline="middle"${strong ? ' font-weight="600"' : ""}>${escapeHtml(name)}</text>` +
        `<line x1="${px(x(low95))}" x2="${px(x(high95))}" y1="${y}" y2="${y}" stroke="${color}" stroke-width="${strong ? 4 : 2.5}" stroke-linecap="round"/>` +
        `<circle cx="${px(x(difference))}" cy="${y}" r="${strong ? 6 : 4.5}" fill="${color}"/></g>`,
    );
  }
  return figure(title, note, parts.join(""), []);
}
