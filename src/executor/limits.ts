// What the executor lets in: limits and their bounds, texts that are refused before they are sent, and how many inputs go together.
// The bounds are those of the native side (shared areas of 8 MiB between supervisor and child); open.ts uses this.
import { AzrError } from "../errors.ts";
import type { Limits } from "./executor.ts";

/** 1 s of processor time, 3 s of wall time, 256 MiB, 64 KiB of result, 64 KiB of source. */
export const defaultLimits: Readonly<Limits> = {
  cpuMs: 1000, wallMs: 3000, memoryBytes: 256 * 2 ** 20, outputBytes: 64 * 1024, sourceBytes: 64 * 1024,
};

const bounds: Record<keyof Limits, [least: number, most: number]> = {
  cpuMs: [1, 600_000],
  wallMs: [1, 600_000],
  memoryBytes: [2 ** 20, 64 * 2 ** 30],
  outputBytes: [1, 2 ** 20],
  sourceBytes: [1, 2 ** 20],
};

const mostInputs = 1024;
const mostRequestBytes = 4 * 2 ** 20;
/** Room for the results of one fork (its area has 8 MiB), and for those of one answer from many forks. */
const mostResultBytes = { oneFork: 7 * 2 ** 20, manyForks: 128 * 2 ** 20 };

/** `base` with `changes`. Throws AZR_INPUT_INVALID when a limit is no whole number within its bounds. */
export function mergeLimits(base: Limits, changes: Partial<Limits> = {}): Limits {
  const merged = { ...base };
  for (const [name, [least, most]] of Object.entries(bounds) as [keyof Limits, [number, number]][]) {
    const value = changes[name] ?? base[name];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new AzrError("AZR_INPUT_INVALID", `The limit ${name} must be a whole number from ${least} to ${most}, not ${value}.`, {
        details: { [name]: value },
      });
    }
    merged[name] = value;
  }
  return merged;
}

/** Why a text cannot be sent, or undefined. `what` names it. */
export function refusal(what: string, text: string, limits: Limits): string | undefined {
  if (/\p{Surrogate}/u.test(text)) return `the ${what} is not valid Unicode`;
  const bytes = Buffer.byteLength(text);
  return bytes > limits.sourceBytes ? `the ${what} has ${bytes} bytes; ${limits.sourceBytes} are allowed` : undefined;
}

/**
 * Cuts inputs into groups whose texts and results fit the shared areas; nearly always there is one. `values` are the results to be
 * expected, when they are known; otherwise each may be `outputBytes` long.
 */
export function groupInputs(
  inputs: string[],
  { values, outputBytes, oneFork }: { values?: string[] | undefined; outputBytes: number; oneFork: boolean },
): string[][] {
  const groups: string[][] = [];
  const mostResults = oneFork ? mostResultBytes.oneFork : mostResultBytes.manyForks;
  let [requestBytes, resultBytes] = [Infinity, Infinity];
  for (const [index, input] of inputs.entries()) {
    const request = Buffer.byteLength(input) + 16;
    const result = (values === undefined ? outputBytes : Buffer.byteLength(values[index]!)) + 64;
    if (requestBytes + request > mostRequestBytes || resultBytes + result > mostResults || groups.at(-1)!.length === mostInputs) {
      groups.push([]);
      [requestBytes, resultBytes] = [0, 0];
    }
    requestBytes += request;
    resultBytes += result;
    groups.at(-1)!.push(input);
  }
  return groups;
}
