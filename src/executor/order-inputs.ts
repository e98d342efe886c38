// The order in which a variant runs the inputs of a request, so that a program that remembers earlier calls gives other values there.
import { createHash } from "node:crypto";

/**
 * A permutation of 0..count-1 in which no input keeps its place (where there are two or more), drawn from the hash of the program: nobody
 * can write a program for the order, and the same program always gets the same one.
 */
export function orderOfVariant(count: number, variant: number, program: string): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  // Sattolo's algorithm: one cycle through all places. Four bytes of the hash a draw, hashed on when they are used up.
  let bytes = createHash("sha256").update(`${variant}:${program}`).digest();
  let used = 0;
  for (let last = count - 1; last > 0; last -= 1) {
    if (used === bytes.length) [bytes, used] = [createHash("sha256").update(bytes).digest(), 0];
    const other = bytes.readUInt32LE(used) % last;
    used += 4;
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
