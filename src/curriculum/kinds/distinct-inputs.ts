// Whether the inputs of an induction task are different values, however they are written: `5`, `+5`, `0x5` and `5,` are one, and a
// hidden pair that repeats a shown one would be answered by a program that only remembers.

import { parseValue, valuesEqual, type SequenceValue } from "../../executor/value.ts";
import type { RejectionReason, ValidateContext } from "./kind.ts";
import { argumentsOf } from "./shared-arguments.ts";

/** Number of arguments in the text of their tuple. */
function count(text: string): number {
  return (parseValue(text) as SequenceValue).items.length;
}

/**
 * Accepts inputs that are pairwise different by Python's `==`, which is also how a program may look a shown pair up. Keyword arguments are
 * refused (`bad-input`), and so are inputs of different numbers of arguments: what they equal depends on the program's signature.
 * @throws AzrError AZR_EXECUTOR_FAILED when the executor could not read an input
 */
export async function checkDistinct(inputs: string[], context: ValidateContext): Promise<{ ok: true } | { ok: false; reason: RejectionReason; detail: string }> {
  const texts = await Promise.all(inputs.map((input) => argumentsOf(input, context)));
  const values: string[] = [];
  for (const [at, text] of texts.entries()) {
    if (text === null) return { ok: false, reason: "bad-input", detail: `input ${at + 1} is not a list of positional arguments` };
    const first = values.findIndex((value) => valuesEqual(value, text));
    if (first >= 0) return { ok: false, reason: "too-few-inputs", detail: `input ${at + 1} has the value of input ${first + 1}` };
    // With a default, `5` and `5, 1` may be one call; nothing here knows the signature.
    if (values.length > 0 && count(text) !== count(values[0]!)) return { ok: false, reason: "bad-input", detail: `input ${at + 1} has another number of arguments than input 1` };
    values.push(text);
  }
  return { ok: true };
}
