// Equality of plain values, written once: Python's == with NaN equal to NaN (table in docs/executor.md).
// Numbers are compared by exact-number.ts. Sets and dictionaries go through text keys, so time grows about linearly with size.
import { numberKey } from "./exact-number.ts";
import { parseValue } from "./parse-value.ts";
import type { MappingValue, NumberValue, SequenceValue, SetValue, Value } from "./value.ts";

const numberKinds: ReadonlySet<string> = new Set(["bool", "int", "float", "complex", "fraction", "decimal", "decimal-special"]);
const isNumber = (value: Value): value is NumberValue => numberKinds.has(value.kind);
const isSet = (value: Value): value is SetValue => value.kind === "set" || value.kind === "frozenset";
const isSequence = (value: Value): value is SequenceValue => value.kind === "list" || value.kind === "tuple" || value.kind === "deque";
const isMapping = (value: Value): value is MappingValue => "entries" in value;

/** Joins keys so that no two lists of keys give the same text. */
const join = (keys: string[]): string => keys.map((key) => `${key.length}:${key}`).join("");

/** A text that two hashable values share exactly when they are equal. */
function hashKey(value: Value): string {
  if (isNumber(value)) return `#${numberKey(value)}`;
  if (isSet(value)) return `{${join(value.items.map(hashKey).sort())}`;
  if (isSequence(value)) return `(${join(value.items.map(hashKey))}`;
  if (value.kind === "str") return (value.lone ? "S" : "s") + value.value;
  if (value.kind === "bytes") return `b${value.value}`;
  return value.kind;
}

function sameItems(a: Value[], b: Value[]): boolean {
  return a.length === b.length && a.every((item, index) => equal(item, b[index]!));
}

function sameSets(a: SetValue, b: SetValue): boolean {
  if (a.items.length !== b.items.length) return false;
  const keysOfB = b.items.map(hashKey).sort();
  return a.items.map(hashKey).sort().every((key, index) => key === keysOfB[index]);
}

/** Values by key. A key can come more than once only with NaN in it (two NaN objects are two keys of one dictionary). */
function valuesByKey(entries: [Value, Value][]): Map<string, Value[]> {
  const map = new Map<string, Value[]>();
  for (const [key, value] of entries) {
    const text = hashKey(key);
    const values = map.get(text);
    if (values === undefined) map.set(text, [value]);
    else values.push(value);
  }
  return map;
}

const isZero = (value: Value): boolean => isNumber(value) && numberKey(value) === "0";

function sameMappings(a: MappingValue, b: MappingValue): boolean {
  const counters = a.kind === "Counter" && b.kind === "Counter";
  // Between two counters a count of zero is the same as none.
  const kept = ({ entries }: MappingValue): [Value, Value][] => (counters ? entries.filter(([, count]) => !isZero(count)) : entries);
  const [mapA, mapB] = [valuesByKey(kept(a)), valuesByKey(kept(b))];
  if (mapA.size !== mapB.size) return false;
  for (const [key, values] of mapA) {
    const others = mapB.get(key);
    if (others === undefined || !sameItems(values, others)) return false;
  }
  if (a.kind !== "OrderedDict" || b.kind !== "OrderedDict") return true;
  const order = [...mapB.keys()];
  return [...mapA.keys()].every((key, index) => key === order[index]);
}

function equal(a: Value, b: Value): boolean {
  if (a.kind === "int" && b.kind === "int") return a.value === b.value;
  // As all numbers, but without their exact expansions: a list of the smallest doubles has 750 digits for each of its 6 characters.
  if (a.kind === "float" && b.kind === "float") return a.value === b.value || (Number.isNaN(a.value) && Number.isNaN(b.value));
  if (isNumber(a)) return isNumber(b) && numberKey(a) === numberKey(b);
  if (isSet(a)) return isSet(b) && sameSets(a, b);
  if (isMapping(a)) return isMapping(b) && sameMappings(a, b);
  if (isSequence(a)) return a.kind === b.kind && sameItems(a.items, (b as SequenceValue).items);
  if (a.kind === "str") return b.kind === "str" && a.lone === b.lone && a.value === b.value;
  if (a.kind === "bytes") return b.kind === "bytes" && a.value === b.value;
  return a.kind === b.kind;
}

/**
 * Whether two canonical value texts stand for equal values: Python's `==`, save that NaN equals NaN. Numbers are compared exactly
 * across types (`2 ** 53 + 1` differs from `float(2 ** 53)`). Throws AZR_INPUT_INVALID when either text is not canonical value text.
 */
export function valuesEqual(a: string, b: string): boolean {
  return equal(parseValue(a), parseValue(b));
}
