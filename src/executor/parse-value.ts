// Reads canonical value text by its written grammar (docs/executor.md) into plain data; nothing is ever evaluated.
// Numbers and strings are in scan-literal.ts. The text of models never comes here directly: the locked child has parsed it first.
import { AzrError } from "../errors.ts";
import { grammarError, scanBytes, scanComplex, scanNumber, scanString, type Cursor } from "./scan-literal.ts";
import type { MappingValue, NumberValue, SequenceValue, SetValue, StringValue, Value } from "./value.ts";

export interface ParseValueOptions {
  /** Most UTF-16 units of text. Default 4 Mi. */
  maxLength?: number;
  /** Most brackets open at once. Default 200. */
  maxDepth?: number;
}

interface Reader extends Cursor {
  depth: number;
  maxDepth: number;
}

type IntValue = Extract<NumberValue, { kind: "int" }>;

const spaces = /[ \t\r\n]*/y;
const namePattern = /[A-Za-z_]\w*/y;

function skipSpaces(reader: Reader): string {
  spaces.lastIndex = reader.at;
  reader.at += spaces.exec(reader.text)![0].length;
  return reader.text.charAt(reader.at);
}

function expect(reader: Reader, token: string): void {
  if (skipSpaces(reader) !== token) throw grammarError(reader, `"${token}" is missing`);
  reader.at += 1;
}

function enter(reader: Reader, opening: string): void {
  expect(reader, opening);
  reader.depth += 1;
  if (reader.depth > reader.maxDepth) throw grammarError(reader, `nested more than ${reader.maxDepth} deep`);
}

function leave(reader: Reader, closing: string): void {
  expect(reader, closing);
  reader.depth -= 1;
}

/** Items up to `closing`, with an optional comma after the last. `commaAfterLast` tells `(1,)` from `(1)`. */
function readItems<T>(reader: Reader, closing: string, readItem: () => T): { items: T[]; commaAfterLast: boolean } {
  const items: T[] = [];
  let commaAfterLast = false;
  while (skipSpaces(reader) !== closing) {
    if (items.length > 0 && !commaAfterLast) throw grammarError(reader, `"," or "${closing}" is missing`);
    items.push(readItem());
    commaAfterLast = skipSpaces(reader) === ",";
    if (commaAfterLast) reader.at += 1;
  }
  return { items, commaAfterLast };
}

function requireHashable(reader: Reader, value: Value): void {
  const unhashable = ["list", "deque", "set", "dict", "OrderedDict", "Counter"].includes(value.kind);
  if (unhashable) throw grammarError(reader, `a ${value.kind} in a set or as a dictionary's key`);
  if (value.kind === "tuple") for (const item of value.items) requireHashable(reader, item);
}

function readList(reader: Reader): Value[] {
  enter(reader, "[");
  const { items } = readItems(reader, "]", () => readValue(reader));
  leave(reader, "]");
  return items;
}

function readTuple(reader: Reader): Value {
  enter(reader, "(");
  const { items, commaAfterLast } = readItems(reader, ")", () => readValue(reader));
  if (items.length === 1 && !commaAfterLast) throw grammarError(reader, "brackets around one value make no tuple: a comma is missing");
  leave(reader, ")");
  return { kind: "tuple", items };
}

/** A dict or a set, both in braces; `{}` is the empty dict. */
function readBraces(reader: Reader): SetValue | MappingValue {
  enter(reader, "{");
  const entries: [Value, Value][] = [];
  let isDict: boolean | undefined;
  const { items } = readItems(reader, "}", () => {
    const key = readValue(reader);
    requireHashable(reader, key);
    const hasColon = skipSpaces(reader) === ":";
    if (hasColon !== (isDict ??= hasColon)) throw grammarError(reader, "set members and dictionary items are mixed");
    if (hasColon) {
      reader.at += 1;
      entries.push([key, readValue(reader)]);
    }
    return key;
  });
  leave(reader, "}");
  return isDict ?? true ? { kind: "dict", entries } : { kind: "set", items };
}

/** The argument of `Name(...)` when it must be a value of kind `kind`; undefined for `Name()`. */
function readArgument<T extends Value>(reader: Reader, name: string, kind: T["kind"]): T | undefined {
  if (skipSpaces(reader) === ")") return undefined;
  const start = reader.at;
  const value = readValue(reader);
  if (value.kind !== kind) {
    reader.at = start;
    throw grammarError(reader, `${name} takes a ${kind}`);
  }
  return value as T;
}

function readFraction(reader: Reader): NumberValue {
  const numerator = readArgument<IntValue>(reader, "Fraction", "int")?.value;
  expect(reader, ",");
  const denominator = readArgument<IntValue>(reader, "Fraction", "int")?.value;
  if (numerator === undefined || denominator === undefined) throw grammarError(reader, "Fraction takes two ints");
  if (denominator <= 0n) throw grammarError(reader, "a fraction whose denominator is not positive");
  let [a, b] = [numerator < 0n ? -numerator : numerator, denominator];
  while (b !== 0n) [a, b] = [b, a % b];
  return { kind: "fraction", numerator: numerator / a, denominator: denominator / a };
}

const decimalPattern = /^([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,20}))?$/i;

function readDecimal(reader: Reader): NumberValue {
  const text = readArgument<StringValue>(reader, "Decimal", "str")?.value ?? "0";
  const special = /^([+-]?)(inf|nan)$/i.exec(text.replace(/infinity$/i, "inf").replace(/s?nan\d*$/i, "nan"));
  if (special !== null) {
    if (special[2]!.toLowerCase() === "nan") return { kind: "decimal-special", value: "nan" };
    return { kind: "decimal-special", value: special[1] === "-" ? "-inf" : "inf" };
  }
  const match = decimalPattern.exec(text);
  if (match === null) throw grammarError(reader, "Decimal with a text that is no number");
  const [, sign, whole, fraction = "", exponent = "0"] = match;
  const coefficient = BigInt(`${whole}${fraction}`);
  return { kind: "decimal", coefficient: sign === "-" ? -coefficient : coefficient, exponent: BigInt(exponent) - BigInt(fraction.length) };
}

/** The constructors of the grammar. Each reads what stands between the brackets. */
const constructors: Record<string, (reader: Reader) => Value> = {
  set: () => ({ kind: "set", items: [] }),
  frozenset: (reader) => ({ kind: "frozenset", items: readArgument<SetValue>(reader, "frozenset", "set")?.items ?? [] }),
  deque: (reader) => ({ kind: "deque", items: readArgument<SequenceValue>(reader, "deque", "list")?.items ?? [] }),
  Counter: (reader) => ({ kind: "Counter", entries: readArgument<MappingValue>(reader, "Counter", "dict")?.entries ?? [] }),
  OrderedDict: (reader) => ({ kind: "OrderedDict", entries: readArgument<MappingValue>(reader, "OrderedDict", "dict")?.entries ?? [] }),
  Fraction: readFraction,
  Decimal: readDecimal,
};

function readNamed(reader: Reader): Value {
  namePattern.lastIndex = reader.at;
  const name = namePattern.exec(reader.text)?.[0];
  if (name === undefined) throw grammarError(reader, "a value is missing");
  const constructor = Object.hasOwn(constructors, name) ? constructors[name] : undefined;
  if (constructor === undefined && !["None", "True", "False"].includes(name)) throw grammarError(reader, `the name ${name} is unknown`);
  reader.at += name.length;
  if (constructor === undefined) return name === "None" ? { kind: "none" } : { kind: "bool", value: name === "True" };
  enter(reader, "(");
  const value = constructor(reader);
  leave(reader, ")");
  return value;
}

function readValue(reader: Reader): Value {
  const first = skipSpaces(reader);
  if (first === "(") return scanComplex(reader) ?? readTuple(reader);
  if (first === "[") return { kind: "list", items: readList(reader) };
  if (first === "{") return readBraces(reader);
  if (first === "'" || first === '"') return scanString(reader);
  if (first === "b" && /['"]/.test(reader.text.charAt(reader.at + 1))) return scanBytes(reader);
  return scanNumber(reader) ?? readNamed(reader);
}

/**
 * Reads one canonical value text (grammar in docs/executor.md) into plain data. Time is linear in the text's length, save for
 * integers of thousands of digits. Throws AZR_INPUT_INVALID with the place of the first mistake, or when a bound is passed.
 */
export function parseValue(text: string, { maxLength = 4 * 1024 * 1024, maxDepth = 200 }: ParseValueOptions = {}): Value {
  if (text.length > maxLength) {
    throw new AzrError("AZR_INPUT_INVALID", `A value text of ${text.length} characters is longer than the ${maxLength} allowed.`);
  }
  const reader: Reader = { text, at: 0, depth: 0, maxDepth };
  if (/\p{Surrogate}/u.test(text)) throw grammarError(reader, "the text is not valid Unicode");
  const value = readValue(reader);
  if (skipSpaces(reader) !== "") throw grammarError(reader, "text after the value");
  return value;
}
