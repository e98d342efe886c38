// Summaries of repeated measurements. Used by the benchmarks.

export interface Spread {
  median: number;
  low: number;
  high: number;
}

/** Median, lowest and highest of the values. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), low: sorted[0]!, high: sorted.at(-1)! };
}

/** The nearest-rank quantile of values in rising order. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]!;
}
