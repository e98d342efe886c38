// Histograms with groups side by side: how hard the invented tasks were, early and late in the run.

import { escapeHtml } from "./escape.ts";
import { axes, figure, size } from "./frame.ts";
import type { LegendEntry } from "./frame.ts";
import { linearScale, px } from "./scale.ts";

export interface BarChart {
  title: string;
  note: string;
  /** Labels under the bins. */
  bins: string[];
  xName: string;
  /** One share a bin for each group. */
  groups: (LegendEntry & { shares: number[] })[];
}

/** A figure with one bar for each bin and group. */
export function barChart({ title, note, bins, xName, groups }: BarChart): string {
  const highest = Math.max(0.05, ...groups.flatMap(({ shares }) => shares));
  const y = linearScale([0, highest], [size.height - size.bottom, size.top], { percent: true });
  const x = linearScale([0, bins.length], [size.left, size.width - size.right], { exact: true });
  const slot = x(1) - x(0);
  const width = (slot * 0.8) / Math.max(1, groups.length);
  const frame = Object.assign((value: number) => x(value), { ticks: [], label: () => "" });
  const parts = [axes(frame, y, xName)];
  for (const [bin, label] of bins.entries()) {
    const middle = px(x(bin + 0.5));
    parts.push(`<text class="tick" x="${middle}" y="${size.height - size.bottom + 13}" text-anchor="middle">${escapeHtml(label)}</text>`);
    for (const [index, { name, color, shares }] of groups.entries()) {
      const share = shares[bin] ?? 0;
      const top = y(share);
      parts.push(
        `<rect fill="${color}" x="${px(x(bin) + slot * 0.1 + index * width)}" y="${px(top)}" width="${px(width * 0.92)}" rx="1.5" ` +
          `height="${px(size.height - size.bottom - top)}"><title>${escapeHtml(`${name}, ${label}: ${(share * 100).toFixed(1)}%`)}</title></rect>`,
      );
    }
  }
  return figure(title, note, parts.join(""), groups.length > 1 ? groups : []);
}
