// The loss on rows that are not trained on, and when it says that a run should end.

import { packRows } from "../curriculum/token-rows.ts";
import type { Engine } from "../engine/engine.ts";
import { type Row, trainedTokens } from "./row.ts";

/** Tokens that are scored in one call. */
const tokensScored = 1 << 16;

/** Mean of -log p in nats over the trained tokens of the rows. */
export async function heldOutLoss(engine: Pick<Engine, "score">, rows: readonly Row[], signal: AbortSignal): Promise<number> {
  let loss = 0;
  let tokens = 0;
  for (let first = 0; first < rows.length; ) {
    const part: Row[] = [];
    for (let size = 0; first < rows.length && (part.length === 0 || size + rows[first]!.tokens.length <= tokensScored); first++) {
      part.push(rows[first]!);
      size += rows[first]!.tokens.length;
    }
    const { logProbabilities } = await engine.score({ sequences: packRows(part.map((row) => row.tokens)), signal });
    let begin = 0;
    for (const row of part) {
      // logProbabilities[begin + at] belongs to token at + 1 of the row.
      for (let at = 0; at < row.trained.length; at += 2) {
        for (let token = row.trained[at]!; token < row.trained[at + 1]!; token++) loss -= logProbabilities[begin + token - 1]!;
      }
      begin += row.tokens.length - 1;
      tokens += trainedTokens(row);
    }
  }
  return loss / tokens;
}

/** The best measurement so far, and how many since then brought no better one. */
export interface Progress {
  best: { step: number; loss: number } | null;
  misses: number;
}

/** Progress after one more measurement. A loss that is not a number is never better. */
export function measured({ best, misses }: Progress, step: number, loss: number): Progress {
  return loss < (best?.loss ?? Infinity) ? { best: { step, loss }, misses: 0 } : { best, misses: misses + 1 };
}
