// The package's only source of chance: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), a
// counter-based generator. A stream is a 64-bit key and a position, so its state is three integers and splitting depends on
// labels alone, never on how many numbers were drawn before.

import { createHash } from "node:crypto";
import { AzrError } from "./errors.ts";

/** Plain data; `position` counts 32-bit words drawn. */
export interface RandomState {
  key: [number, number];
  position: number;
}

export interface Random {
  /** Uniform 32-bit word, 0 .. 2^32 - 1. */
  word(): number;
  /** Uniform in [0, 1) with 53 bits. */
  float(): number;
  /** Uniform integer in [0, limit), 1 <= limit <= 2^32; unbiased. Throws AZR_INPUT_INVALID for other limits. */
  integer(limit: number): number;
  /** A uniform element. Throws AZR_INPUT_INVALID for an empty list. */
  choice<T>(items: readonly T[]): T;
  /** min(count, items.length) distinct elements, in random order. O(count) space and time. */
  sample<T>(items: readonly T[], count: number): T[];
  /** min(count, limit) distinct integers in [0, limit), in random order. O(count) space and time. */
  sampleIndices(limit: number, count: number): number[];
  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
  /** An independent stream named by this stream's key and the labels; drawing from either does not touch the other. */
  split(...labels: (string | number)[]): Random;
  getState(): RandomState;
  setState(state: RandomState): void;
}

/** One Philox4x32-10 block: counter and key words to four words. */
export function philox(counter: readonly [number, number, number, number], key: readonly [number, number]): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0);
    const low1 = Math.imul(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0];
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/** Upper 32 bits of the product of two unsigned 32-bit words. */
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const cross = a0 * b1 + (middle & 0xffff);
  return (a1 * b1 + Math.floor(middle / 65536) + Math.floor(cross / 65536)) | 0;
}

/** A 64-bit number that depends on every part: the key of a stream, or a seed for another generator. */
function hashKey(parts: readonly (string | number)[]): [number, number] {
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest();
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}

/** A non-negative integer below 2^53 that depends on the seed and every label: the seed of one engine request, say. */
export function derive(seed: number, ...labels: (string | number)[]): number {
  const [low, high] = hashKey([seed, ...labels]);
  return (high >>> 11) * 2 ** 32 + low;
}

/** The stream named by a seed and labels; equal arguments give equal streams. */
export function createRandom(seed: number, ...labels: (string | number)[]): Random {
  return randomFromState({ key: hashKey([seed, ...labels]), position: 0 });
}

/** The stream that continues from a saved state. */
export function randomFromState(initial: RandomState): Random {
  let key: [number, number] = [...initial.key];
  let position = initial.position;
  let block: [number, number, number, number] = [0, 0, 0, 0];
  let blockIndex = -1;

  function word(): number {
    const index = Math.floor(position / 4);
    if (index !== blockIndex) {
      block = philox([index >>> 0, Math.floor(index / 2 ** 32), 0, 0], key);
      blockIndex = index;
    }
    return block[position++ & 3]!;
  }

  function integer(limit: number): number {
    if (!Number.isInteger(limit) || limit < 1 || limit > 2 ** 32) {
      throw new AzrError("AZR_INPUT_INVALID", `A random integer needs a limit from 1 to 2^32, not ${limit}.`);
    }
    const most = 2 ** 32 - (2 ** 32 % limit);
    for (;;) {
      const value = word();
      if (value < most) return value % limit;
    }
  }

  function sampleIndices(limit: number, count: number): number[] {
    // Fisher-Yates on a virtual array: only displaced indices are stored, so big ranges cost nothing.
    const moved = new Map<number, number>();
    const taken: number[] = [];
    for (let at = 0; at < Math.min(count, limit); at++) {
      const pick = at + integer(limit - at);
      taken.push(moved.get(pick) ?? pick);
      moved.set(pick, moved.get(at) ?? at);
    }
    return taken;
  }

  function sample<T>(items: readonly T[], count: number): T[] {
    return sampleIndices(items.length, count).map((index) => items[index]!);
  }

  return {
    word,
    float: () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53,
    integer,
    choice: (items) => items[integer(items.length)]!,
    sample,
    sampleIndices,
    shuffle: (items) => sample(items, items.length),
    split: (...labels) => randomFromState({ key: hashKey([...key, ...labels]), position: 0 }),
    getState: () => ({ key: [...key], position }),
    setState(state) {
      key = [...state.key];
      position = state.position;
      blockIndex = -1;
    },
  };
}
