// One text for all values that are equal by Python's `==`, for telling at a glance, and by hash, whether something is new.
import { numberKey } from "./exact-number.ts";
import { parseValue } from "./parse-value.ts";
import type { Value } from "./value.ts";

/** Longest run of zeros that is written out. */
const mostZeros = 1000;

/** A number as plain digits where it is whole: 5, 5.0, True... fall together, and what is canonical stays as it is written. */
function numberText(key: string): string {
  const whole = /^(-?\d+)e(\d+)$/.exec(key);
  return whole !== null && Number(whole[2]) <= mostZeros ? whole[1]! + "0".repeat(Number(whole[2])) : key;
}

function textOf(value: Value): string {
  switch (value.kind) {
    case "none":
      return "None";
    case "str":
    case "bytes":
      return value.kind + JSON.stringify(value.value);
    case "list":
      return `[${value.items.map(textOf).join(", ")}]`;
    case "tuple":
    case "deque":
      return `${value.kind}(${value.items.map(textOf).join(", ")})`;
    case "set":
    case "frozenset":
      return `{${value.items.map(textOf).sort().join(", ")}}`;
    case "dict":
    case "OrderedDict":
    case "Counter":
      return `{${value.entries.map(([key, item]) => `${textOf(key)}: ${textOf(item)}`).sort().join(", ")}}`;
    default:
      return numberText(numberKey(value));
  }
}

/**
 * A text that the tuples of arguments with these canonical texts share when they are equal. Two that differ may share it only by the order
 * in an OrderedDict, or by zero counts. Throws AZR_INPUT_INVALID for a text that is not canonical, or no tuple.
 */
export function argumentsKey(text: string): string {
  const value = parseValue(text);
  if (value.kind !== "tuple") return textOf(value);
  return value.items.map(textOf).join(", ");
}
