// Numbers to picture coordinates and back to labels: linear scales with round tick marks, shared by all charts of the report.

export interface Scale {
  (value: number): number;
  ticks: number[];
  /** Text of a tick or value with as many decimals as the tick step needs. */
  label(value: number): string;
}

/** A step of 1, 2 or 5 times a power of ten that cuts `span` into about `count` parts. */
export function roundStep(span: number, count: number): number {
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const lead = rough / power;
  return (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10) * power;
}

/**
 * Linear scale from [low, high] (widened to round numbers unless `exact`) to pixels [from, to].
 * An empty range is widened, so that a constant series draws as a line in the middle.
 */
export function linearScale(
  [low, high]: readonly [number, number],
  [from, to]: readonly [number, number],
  { count = 4, exact = false, percent = false }: { count?: number; exact?: boolean; percent?: boolean } = {},
): Scale {
  if (!(high > low)) {
    const pad = Math.abs(low) * 0.1 || 1;
    low -= pad;
    high += pad;
  }
  const step = roundStep(high - low, count);
  if (!exact) {
    low = Math.floor(low / step + 1e-9) * step;
    high = Math.ceil(high / step - 1e-9) * step;
  }
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step - 1e-9); tick * step <= high + step * 1e-9; tick += 1) ticks.push(tick * step);
  const digits = (unit: number): number => Math.min(6, Math.max(0, Math.ceil(-Math.log10(unit) - 1e-9)));
  const scale = (value: number): number => from + ((value - low) / (high - low)) * (to - from);
  const label = (value: number): string => {
    if (percent) return `${(value * 100).toFixed(digits(step * 100))}%`;
    // Six decimals would not tell such values apart.
    if (step < 1e-5 && value !== 0) return Number(value.toPrecision(3)).toExponential();
    return Math.abs(value) >= 10_000 ? `${Number((value / 1000).toFixed(1))}k` : value.toFixed(digits(step));
  };
  return Object.assign(scale, { ticks, label });
}

/** Smallest and largest finite value, [0, 1] when there is none. */
export function extent(values: Iterable<number | null>): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}

/** Coordinate text: two decimals are finer than any screen shows. */
export function px(value: number): string {
  return String(Number(value.toFixed(2)));
}
