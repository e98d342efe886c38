// Stacked shares over steps: what became of the proposed tasks, accepted at the bottom and the reasons of rejection above.

import { axes, figure, hoverStrips, size } from "./frame.ts";
import { smooth } from "./line-chart.ts";
import type { Series } from "./line-chart.ts";
import { extent, linearScale, px } from "./scale.ts";

export interface AreaChart {
  title: string;
  note: string;
  steps: number[];
  /** Counts a step, bottom first; drawn as shares of the step's total. */
  layers: Series[];
}

/** A figure whose layers fill 0 to 100 % at every step; a step without counts repeats the step before. */
export function areaChart({ title, note, steps, layers }: AreaChart): string {
  const x = linearScale(extent(steps), [size.left, size.width - size.right], { count: 6, exact: true });
  const y = linearScale([0, 1], [size.height - size.bottom, size.top], { percent: true });
  const counts = layers.map(({ values }) => smooth(values.map((value) => value ?? 0)).map((value) => value ?? 0));
  let last: number[] = layers.map((_, index) => (index === 0 ? 1 : 0));
  const shares = steps.map((_, step) => {
    const total = counts.reduce((sum, layer) => sum + layer[step]!, 0);
    if (total > 0) last = counts.map((layer) => layer[step]! / total);
    return last;
  });
  const base = steps.map(() => 0);
  const parts = [axes(x, y, "step")];
  for (const [layer, { color }] of layers.entries()) {
    const lower = steps.map((step, index) => `${px(x(step))} ${px(y(base[index]!))}`).reverse();
    for (const [index, share] of shares.entries()) base[index]! += share[layer]!;
    const upper = steps.map((step, index) => `${px(x(step))} ${px(y(base[index]!))}`);
    if (steps.length > 0) parts.push(`<path class="area" fill="${color}" d="M${[...upper, ...lower].join("L")}Z"/>`);
  }
  parts.push(
    hoverStrips(steps, x, (index) => {
      const lines = layers.map(({ name, values }) => `${name}: ${values[index] ?? 0}`);
      return [`step ${steps[index]}`, ...lines].join("\n");
    }),
  );
  return figure(title, note, parts.join(""), layers);
}
