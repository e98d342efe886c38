// Curves over steps: the raw values faint, a moving average bold, gaps where a step has no value.

import { axes, figure, hoverStrips, size } from "./frame.ts";
import { extent, linearScale, px } from "./scale.ts";
import type { Scale } from "./scale.ts";

export interface Series {
  name: string;
  color: string;
  /** One value a step; null where the step has none. */
  values: (number | null)[];
}

export interface LineChart {
  title: string;
  note: string;
  steps: number[];
  series: Series[];
  percent?: boolean;
  /** Values that the y axis must contain. */
  include?: number[];
}

/** Centred moving average over about a twentieth of the run; nulls are skipped and stay null. */
export function smooth(values: readonly (number | null)[]): (number | null)[] {
  const reach = Math.floor(values.length / 40);
  return values.map((value, index) => {
    if (value === null) return null;
    let sum = 0;
    let count = 0;
    for (let at = Math.max(0, index - reach); at <= Math.min(values.length - 1, index + reach); at += 1) {
      const near = values[at];
      if (near === null || near === undefined) continue;
      sum += near;
      count += 1;
    }
    return sum / count;
  });
}

/** SVG path data of a series; a null lifts the pen. */
export function path(steps: readonly number[], values: readonly (number | null)[], x: Scale, y: Scale): string {
  let data = "";
  let down = false;
  for (const [index, value] of values.entries()) {
    if (value === null || !Number.isFinite(value)) {
      down = false;
      continue;
    }
    data += `${down ? "L" : "M"}${px(x(steps[index]!))} ${px(y(value))}`;
    // A point with no neighbours would be an empty stroke.
    if (!down && !Number.isFinite(values[index + 1] ?? Number.NaN)) data += "h0.01";
    down = true;
  }
  return data;
}

/** A figure with one line a series. */
export function lineChart({ title, note, steps, series, percent = false, include = [] }: LineChart): string {
  const drawn = series.filter(({ values }) => values.some((value) => value !== null));
  const x = linearScale(extent(steps), [size.left, size.width - size.right], { count: 6, exact: true });
  const range = extent([...drawn.flatMap(({ values }) => values), ...include]);
  const y = linearScale(range, [size.height - size.bottom, size.top], { percent });
  const parts = [axes(x, y, "step")];
  for (const { color, values } of drawn) {
    const smoothed = smooth(values);
    const noisy = smoothed.some((value, index) => value !== values[index]);
    if (noisy) parts.push(`<path class="raw" stroke="${color}" d="${path(steps, values, x, y)}"/>`);
    parts.push(`<path class="line" stroke="${color}" d="${path(steps, smoothed, x, y)}"/>`);
  }
  const fine = (value: number | null | undefined): string =>
    value === null || value === undefined ? "-" : percent ? `${(value * 100).toFixed(1)}%` : Number(value.toPrecision(4)).toString();
  parts.push(
    hoverStrips(steps, x, (index) =>
      [`step ${steps[index]}`, ...drawn.map(({ name, values }) => `${name}: ${fine(values[index])}`)].join("\n"),
    ),
  );
  return figure(title, note, parts.join(""), drawn.length > 1 ? drawn : []);
}
