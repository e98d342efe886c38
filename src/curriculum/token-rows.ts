// Rows of token ids and numbers to the engine's flat form and back.
import type { TokenRows } from "../engine/engine.ts";

/** Lays rows end to end. */
export function packRows(rows: readonly ArrayLike<number>[]): TokenRows {
  const lengths = Int32Array.from(rows, (row) => row.length);
  const tokens = new Int32Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const row of rows) {
    tokens.set(row, at);
    at += row.length;
  }
  return { tokens, lengths };
}

/** Cuts a flat array (token ids, or one number a token) into rows of the given lengths; the rows are views of it. */
export function cutRows<Flat extends Int32Array | Float32Array>(flat: Flat, lengths: Int32Array): Flat[] {
  let at = 0;
  return Array.from(lengths, (length) => flat.subarray(at, (at += length)) as Flat);
}
