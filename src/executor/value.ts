// Plain values as data: the model behind canonical value text, and the two things everybody does with it, reading and comparing.
// The grammar is in parse-value.ts, equality in compare-value.ts; docs/executor.md writes both down. Nothing here runs anything.

/** A real or complex number of Python, exactly. */
export type NumberValue =
  | { kind: "bool"; value: boolean }
  | { kind: "int"; value: bigint }
  | { kind: "float"; value: number }
  | { kind: "complex"; real: number; imaginary: number }
  /** In lowest terms, denominator positive. */
  | { kind: "fraction"; numerator: bigint; denominator: bigint }
  /** coefficient * 10 ** exponent */
  | { kind: "decimal"; coefficient: bigint; exponent: bigint }
  | { kind: "decimal-special"; value: "nan" | "inf" | "-inf" };

/**
 * `lone` marks a string with surrogate code points, which UTF-16 cannot tell from the character that two of them would make:
 * its `value` then has `\` written `\\` and a surrogate written `\udXXX`.
 */
export type StringValue = { kind: "str"; value: string; lone: boolean };

export type SequenceValue = { kind: "list" | "tuple" | "deque"; items: Value[] };
export type SetValue = { kind: "set" | "frozenset"; items: Value[] };
/** Entries in the order of the text. A defaultdict is written, and read, as a dict. */
export type MappingValue = { kind: "dict" | "OrderedDict" | "Counter"; entries: [Value, Value][] };

export type Value =
  | { kind: "none" }
  | NumberValue
  | StringValue
  /** One character a byte, U+0000 to U+00FF. */
  | { kind: "bytes"; value: string }
  | SequenceValue
  | SetValue
  | MappingValue;

export { parseValue, type ParseValueOptions } from "./parse-value.ts";
export { valuesEqual } from "./compare-value.ts";
export { argumentsKey } from "./value-key.ts";
