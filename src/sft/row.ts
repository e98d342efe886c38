// A row of data as token ids with the ranges that are trained, cut to what has to be computed.

import type { EncodeOptions } from "../engine/tokenizer.ts";
import type { Example, Span } from "./spans.ts";

export interface Row {
  tokens: Int32Array;
  /** Ranges [from, to) of trained tokens, one after another; none begins at 0, and the last ends the row. */
  trained: Int32Array;
}

/** Keeps arrays of numbers one after another in large pieces of memory: an array of its own has an overhead of hundreds of bytes. */
export function createStore(pieceLength = 1 << 18): (values: ArrayLike<number>) => Int32Array {
  let piece = new Int32Array(0);
  let used = 0;
  return (values) => {
    if (used + values.length > piece.length) [piece, used] = [new Int32Array(Math.max(pieceLength, values.length)), 0];
    const kept = piece.subarray(used, (used += values.length));
    kept.set(values);
    return kept;
  };
}

export type Encode = (text: string, options?: EncodeOptions) => Int32Array;

/** Number of tokens before the first trained one. */
export const promptLength = ({ trained }: Row): number => trained[0]!;

export function trainedTokens({ trained }: Row): number {
  let sum = 0;
  for (let at = 0; at < trained.length; at += 2) sum += trained[at + 1]! - trained[at]!;
  return sum;
}

const beginsWith = (tokens: ArrayLike<number>, head: ArrayLike<number>): boolean => {
  for (let at = 0; at < head.length; at++) if (tokens[at] !== head[at]) return false;
  return true;
};

/**
 * Encodes stretches of one text. Each begins where the sampler's tokens would end: the ids of what stands before it are kept, and its own are
 * those that it has in the whole text, or on its own where both together would make other ids of what stands before.
 */
export function encodeSpans(encode: Encode, spans: readonly Span[], begin: boolean): { tokens: number[]; trained: number[] } {
  let text = "";
  let tokens: number[] = [];
  const trained: number[] = [];
  for (const span of spans) {
    if (span.text === "") continue;
    text += span.text;
    const whole = encode(text, { begin });
    const from = tokens.length;
    tokens = whole.length >= from && beginsWith(whole, tokens) ? Array.from(whole) : [...tokens, ...encode(span.text)];
    if (!span.trained || tokens.length === from) continue;
    if (trained.at(-1) === from) trained[trained.length - 1] = tokens.length;
    else trained.push(from, tokens.length);
  }
  return { tokens, trained };
}

export interface RowOptions {
  encode: Encode;
  endToken: number | undefined;
  /** Cuts the row's end. */
  maxTokens: number;
  /** Where the row's numbers are kept. */
  keep: (values: ArrayLike<number>) => Int32Array;
}

/** A row, or null where nothing is trained; `long` tells whether it was longer than `maxTokens`. */
export function rowOf({ spans, plain }: Example, { encode, endToken, maxTokens, keep }: RowOptions): { row: Row | null; long: boolean } {
  const { tokens, trained } = encodeSpans(encode, spans, plain);
  // An empty response teaches nothing, not even to end.
  if (plain && endToken !== undefined && trained.at(-1) === tokens.length && tokens.length > 0) {
    tokens.push(endToken);
    trained[trained.length - 1] = tokens.length;
  }
  // The first token follows nothing, so nothing predicts it.
  if (trained[0] === 0) trained[0] = 1;
  const long = (trained.at(-1) ?? 0) > maxTokens;
  const ranges: number[] = [];
  for (let at = 0; at < trained.length; at += 2) {
    const [from, to] = [trained[at]!, Math.min(trained[at + 1]!, maxTokens)];
    if (from < to) ranges.push(from, to);
  }
  if (ranges.length === 0) return { row: null, long };
  return { row: { tokens: keep(tokens.slice(0, ranges.at(-1))), trained: keep(ranges) }, long };
}
