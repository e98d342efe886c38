// Draws without replacement in proportion to weights. One after another: each of the rest with its share of what is left. `weightedSample` looks at
// every item once a draw; `weightTable` does so once, and then draws as often as wanted in the logarithm of the size.
import type { Random } from "../random.ts";

/**
 * min(count, size) distinct indices. Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006: the largest of log(u) / weight.
 * O(size); weights above 0.
 */
export function weightedSample(size: number, weightAt: (index: number) => number, count: number, random: Random): number[] {
  const largest: { index: number; key: number }[] = [];
  for (let index = 0; index < size; index++) {
    const key = Math.log(1 - random.float()) / weightAt(index);
    if (largest.length === count && (count === 0 || key <= largest[count - 1]!.key)) continue;
    let at = largest.length;
    while (at > 0 && largest[at - 1]!.key < key) at--;
    largest.splice(at, 0, { index, key });
    if (largest.length > count) largest.pop();
  }
  return largest.map(({ index }) => index);
}

export interface WeightTable {
  /** min(count, size) distinct indices, in O(count^2 log size). */
  draw(count: number, random: Random): number[];
}

/** A table of weights above 0, made in O(size). */
export function weightTable(size: number, weightAt: (index: number) => number): WeightTable {
  const weights = Float64Array.from({ length: size }, (_, index) => weightAt(index));
  const sums = new Float64Array(size);
  let total = 0;
  for (let index = 0; index < size; index++) sums[index] = total += weights[index]!;

  /** The first index up to which the weights, those of `taken` (ascending) left out, add up to more than `point`. */
  function find(point: number, taken: readonly number[]): number {
    let low = 0;
    let high = size - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      let sum = sums[middle]!;
      for (let at = 0; at < taken.length && taken[at]! <= middle; at++) sum -= weights[taken[at]!]!;
      if (sum > point) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  return {
    draw(count, random) {
      if (2 * count > size) return weightedSample(size, (index) => weights[index]!, count, random);
      const drawn: number[] = [];
      let taken: number[] = [];
      let left = total;
      while (drawn.length < count) {
        let index = find(random.float() * left, taken);
        // Only rounding leads to one that is taken.
        while (taken.includes(index)) index = (index + 1) % size;
        drawn.push(index);
        taken = [...drawn].sort((a, b) => a - b);
        left -= weights[index]!;
      }
      return drawn;
    },
  };
}
