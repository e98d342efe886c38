// What the parsers of a tokenizer.json's steps share (tokenizer-normalizer.ts, tokenizer-split.ts, tokenizer-decoder.ts).
import { tokenizerFault } from "./tokenizer-fault.ts";

export type Step = Record<string, unknown>;

export function stepOf(value: unknown, part: string, path: string): Step {
  if (typeof value !== "object" || value === null || typeof (value as Step)["type"] !== "string") throw tokenizerFault(`${part} of ${path} has no type.`);
  return value as Step;
}

export function listOf(value: unknown, part: string, path: string): unknown[] {
  if (!Array.isArray(value)) throw tokenizerFault(`The Sequence in ${part} of ${path} has no list of steps.`);
  return value;
}

export function unsupported(part: string, step: Step, supported: string, path: string): never {
  throw tokenizerFault(`The ${part} ${JSON.stringify(step["type"])} of ${path} is not supported (supported: ${supported}).`);
}
