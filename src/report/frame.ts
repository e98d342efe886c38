// The frame that every chart of the report shares: figure, title, note, legend, axes and grid, and the hover strips.
// Colours are CSS variables (style.ts), so one picture serves light and dark pages; no script is needed: hover text is SVG <title>.

import { escapeHtml } from "./escape.ts";
import { px } from "./scale.ts";
import type { Scale } from "./scale.ts";

export const size = { width: 460, height: 220, left: 46, right: 14, top: 10, bottom: 34 };

export interface LegendEntry {
  name: string;
  /** A CSS colour, normally `var(--series-N)`. */
  color: string;
}

/** One figure: escaped title and note, an SVG body and a legend (left out for a single unnamed series). */
export function figure(title: string, note: string, svgBody: string, legend: LegendEntry[]): string {
  const entries = legend.map(({ name, color }) => `<span><i style="background:${color}"></i>${escapeHtml(name)}</span>`);
  return [
    `<figure><figcaption><b>${escapeHtml(title)}</b><small>${escapeHtml(note)}</small></figcaption>`,
    `<svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${escapeHtml(title)}">${svgBody}</svg>`,
    entries.length > 0 ? `<div class="legend">${entries.join("")}</div>` : "",
    "</figure>",
  ].join("");
}

/** Grid lines with labels for both axes. */
export function axes(x: Scale, y: Scale, xName: string): string {
  const bottom = size.height - size.bottom;
  const parts: string[] = [];
  for (const tick of y.ticks) {
    const at = px(y(tick));
    parts.push(`<line class="grid" x1="${size.left}" x2="${size.width - size.right}" y1="${at}" y2="${at}"/>`);
    parts.push(`<text class="tick" x="${size.left - 6}" y="${at}" text-anchor="end" dominant-baseline="middle">${escapeHtml(y.label(tick))}</text>`);
  }
  for (const tick of x.ticks) {
    parts.push(`<text class="tick" x="${px(x(tick))}" y="${bottom + 14}" text-anchor="middle">${escapeHtml(x.label(tick))}</text>`);
  }
  parts.push(`<line class="axis" x1="${size.left}" x2="${size.width - size.right}" y1="${bottom}" y2="${bottom}"/>`);
  parts.push(`<text class="tick" x="${size.width - size.right}" y="${size.height - 4}" text-anchor="end">${escapeHtml(xName)}</text>`);
  return parts.join("");
}

/** Invisible columns whose hover text tells the values at a step: at most 160, so that long runs stay small files. */
export function hoverStrips(steps: readonly number[], x: Scale, textAt: (index: number) => string): string {
  const every = Math.max(1, Math.ceil(steps.length / 160));
  const parts: string[] = [];
  for (let index = 0; index < steps.length; index += every) {
    const middle = x(steps[index]!);
    const before = index >= every ? x(steps[index - every]!) : size.left - (x(steps[Math.min(every, steps.length - 1)]!) - middle);
    const width = Math.max(2, middle - before);
    parts.push(
      `<rect class="hover" x="${px(middle - width / 2)}" y="${size.top}" width="${px(width)}" height="${size.height - size.top - size.bottom}">` +
        `<title>${escapeHtml(textAt(index))}</title></rect>`,
    );
  }
  return parts.join("");
}
