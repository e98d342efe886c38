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
  /** min(count, size) distinct indices. O(count log size), where not most of the whole weight is wanted. */
  draw(count: number, random: Random): number[];
}

/** A table of weights above 0, made in O(size). */
export function weightTable(size: number, weightAt: (index: number) => number): WeightTable {
  const weights = Float64Array.from({ length: size }, (_, index) => weightAt(index));
  const sums = new Float64Array(size);
  let total = 0;
  for (let index = 0; index < size; index++) sums[index] = total += weights[index]!;

  function one(random: Random): number {
    const point = random.float() * total;
    let low = 0;
    let high = size - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! > point) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  return {
    draw(count, random) {
      const taken = new Set<number>();
      // What is drawn twice does not count: the rest keep their shares. Where that happens too often, all are looked at.
      for (let tries = 4 * count; taken.size < Math.min(count, size) && tries > 0 && 2 * count <= size; tries--) taken.add(one(random));
      if (taken.size === Math.min(count, size)) return [...taken];
      const rest = [...weights.keys()].filter((index) => !taken.has(index));
      return [...taken, ...weightedSample(rest.length, (at) => weights[rest[at]!]!, count - taken.size, random).map((at) => rest[at]!)];
    },
  };
}
