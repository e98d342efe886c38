// Random plain values as trees, their spelling as Python literals, and changes of them that may or may not leave them equal.
// encoder-properties.test.ts holds executor, parser and equality against CPython with them.
import type { Choices } from "./program-parts.ts";

export interface ValueNode {
  kind: "leaf" | "number" | "list" | "tuple" | "deque" | "set" | "frozenset" | "dict" | "OrderedDict" | "Counter" | "defaultdict";
  /** Of leaves and numbers. */
  text: string;
  /** Of sequences and sets; of mappings key, value, key, value ... */
  items: ValueNode[];
}

const leaf = (text: string): ValueNode => ({ kind: "leaf", text, items: [] });
const number = (text: string): ValueNode => ({ kind: "number", text, items: [] });
const hexadecimal = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

function randomInteger(c: Choices): string {
  const sign = c.pick(["", "-"]);
  const digits = (most: number): string => String(c.int(1, 9)) + Array.from({ length: c.int(0, most) }, () => String(c.int(0, 9))).join("");
  const edges = ["0", "1", "9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551616", "340282366920938463463374607431768211456"];
  const forms = [() => String(c.int(0, 300)), () => digits(18), () => c.pick(edges), () => `0x${digits(20)}`, () => `${c.int(1, 9)}_${c.int(100, 999)}`];
  return sign + (c.int(0, 60) === 0 ? digits(4299) : c.pick(forms)());
}

/** Any double: a pattern of bits, or one at an edge. */
function randomFloat(c: Choices): string {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setUint32(0, c.int(0, 0xffff_ffff));
  bits.setUint32(4, c.int(0, 0xffff_ffff));
  const edges = [0, -0, 0.1, 1e16, 9999999999999998, 1e-5, 0.0001, 1e22, 123456789012345680, 5e-324, 2.2250738585072014e-308, Number.MAX_VALUE, 2 ** 53, -1.5, 1 / 3];
  const value = c.int(0, 1) === 0 ? c.pick(edges) : c.int(0, 1) === 0 ? bits.getFloat64(0) : c.int(-99_999, 99_999) / 100;
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : value > 0 ? "inf" : "nan";
  const text = Object.is(value, -0) ? "-0.0" : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function randomString(c: Choices): string {
  const quote = c.pick(["'", '"']);
  const ranges: [number, number][] = [[32, 126], [32, 126], [0, 31], [127, 255], [0x100, 0x2fff], [0xd800, 0xdfff], [0xe000, 0xffff], [0x10000, 0x10ffff], [34, 39], [92, 92]];
  const character = (): string => {
    const point = c.int(...c.pick(ranges));
    const raw = String.fromCodePoint(point);
    const plain = point >= 32 && point !== 92 && raw !== quote && !(point >= 0xd800 && point <= 0xdfff);
    if (plain && c.int(0, 2) > 0) return raw;
    if (point < 256 && c.int(0, 1) === 0) return `\\x${hexadecimal(point, 2)}`;
    return point < 0x10000 ? `\\u${hexadecimal(point, 4)}` : `\\U${hexadecimal(point, 8)}`;
  };
  return `${quote}${Array.from({ length: c.int(0, 12) }, character).join("")}${quote}`;
}

const randomBytes = (c: Choices): string => `b'${Array.from({ length: c.int(0, 9) }, () => c.pick(["a", "Z", " ", '"', `\\x${hexadecimal(c.int(0, 255), 2)}`, "\\n", "\\\\", "\\'"])).join("")}'`;

function randomDecimal(c: Choices): string {
  const digits = `${c.pick(["", "-"])}${c.int(0, 99_999)}${c.pick(["", ".", ".0", ".50", `.${c.int(0, 9999)}`])}${c.pick(["", "", `E${c.int(-30, 30)}`, "e+5"])}`;
  return `Decimal('${c.pick([digits, digits, digits, "Infinity", "-Infinity", "0E-9", "-0"])}')`;
}

function randomComplex(c: Choices): string {
  const part = (): string => c.pick([randomFloat(c), randomFloat(c), "0", "-0.0", "-1"]).replace("nan", "1.5");
  return `complex(${part()}, ${part()})`;
}

function randomLeaf(c: Choices, ordinary: boolean): ValueNode {
  const odd = ["Decimal('NaN')", "Decimal('-NaN12')", "complex(nan, 1)", "complex(0.0, nan)", "complex(-0.0, nan)", "complex(-0.0, -0.0)", "complex(inf, -inf)", "complex(nan, nan)"];
  return c.pick([
    () => leaf(c.pick(["None", "True", "False"])), () => number(randomInteger(c)), () => number(randomInteger(c)), () => number(randomFloat(c)), () => number(randomFloat(c)),
    () => leaf(randomString(c)), () => leaf(randomString(c)), () => leaf(randomBytes(c)), () => leaf(randomDecimal(c)), () => leaf(`Fraction(${c.int(-999, 999)}, ${c.int(1, 60)})`),
    () => number(randomComplex(c)), () => leaf(ordinary ? "''" : c.pick(odd)),
  ])();
}

/**
 * A value nested at most `depth` deep. `hashable` ones may be keys. `ordinary` ones have no NaN but the float, as CPython calls each other one
 * different from itself.
 */
export function randomValue(c: Choices, depth: number, { hashable = false, ordinary = false } = {}): ValueNode {
  if (depth <= 0 || c.int(0, 3) === 0) return randomLeaf(c, ordinary);
  const kind = c.pick(hashable ? (["tuple", "frozenset"] as const) : (["list", "tuple", "deque", "set", "frozenset", "dict", "dict", "OrderedDict", "Counter", "defaultdict", "list"] as const));
  const key = (): ValueNode => randomValue(c, depth - 1, { hashable: true, ordinary });
  const any = (): ValueNode => randomValue(c, depth - 1, { hashable, ordinary });
  const count = c.int(0, 4);
  if (kind === "list" || kind === "tuple" || kind === "deque") return { kind, text: "", items: Array.from({ length: count }, any) };
  if (kind === "set" || kind === "frozenset") return { kind, text: "", items: Array.from({ length: count }, key) };
  return { kind, text: "", items: Array.from({ length: count }, () => [key(), kind === "Counter" ? number(String(c.int(-2, 3))) : any()]).flat() };
}

/** The node as a Python literal, by `constructors` with a name each for what has no display of its own. */
export function spell({ kind, text, items }: ValueNode): string {
  const parts = items.map(spell);
  const list = `[${parts.join(", ")}]`;
  const mapping = `{${parts.flatMap((part, at) => (at % 2 === 0 ? `${part}: ${parts[at + 1]}` : [])).join(", ")}}`;
  switch (kind) {
    case "leaf":
    case "number":
      return text;
    case "list":
      return list;
    case "tuple":
      return `(${parts.join(", ")}${parts.length === 1 ? "," : ""})`;
    case "set":
      return parts.length === 0 ? "set()" : `{${parts.join(", ")}}`;
    case "deque":
    case "frozenset":
      return `${kind}(${list})`;
    case "dict":
      return mapping;
    default:
      return `${kind}(${mapping})`;
  }
}

const otherKinds: Partial<Record<ValueNode["kind"], ValueNode["kind"][]>> = {
  list: ["tuple", "deque", "list"], tuple: ["list", "tuple"], deque: ["list", "deque"], set: ["frozenset"], frozenset: ["set"],
  dict: ["OrderedDict", "defaultdict"], OrderedDict: ["dict"], Counter: ["dict"], defaultdict: ["OrderedDict", "dict"],
};

/** The same number in another type, or one that is near. */
function otherNumber(c: Choices, text: string): string {
  if (text.length > 60) return text;
  if (!/^-?\d{1,20}$/.test(text)) return c.pick([text, `complex(${/^-?[\d.e+-]+$/.test(text) ? text : "1"}, 0)`, "0.1", "Decimal('0.1')", "Fraction(1, 10)"]);
  return c.pick([`${text}.0`, `Fraction(${text}, 1)`, `Decimal('${text}.00')`, `complex(${text}, 0)`, `complex(${text}, -0.0)`, String(BigInt(text) + 1n), `${text}.5`, `Fraction(${BigInt(text) * 2n}, 2)`]);
}

/** The node with a few changes: other types of the same number, other containers, another order, one item less. */
export function varied(c: Choices, node: ValueNode, hashable = false): ValueNode {
  if (node.kind === "leaf") return c.int(0, 12) === 0 ? leaf(c.pick(["None", "1", "True", "'a'", "b'a'", "-0.0"])) : node;
  if (node.kind === "number") return c.int(0, 3) === 0 ? number(otherNumber(c, node.text)) : node;
  const mapping = ["dict", "OrderedDict", "Counter", "defaultdict"].includes(node.kind);
  const isSet = node.kind === "set" || node.kind === "frozenset";
  let items = node.items.map((item, at) => (node.kind === "Counter" && at % 2 === 1 ? item : varied(c, item, hashable || isSet || (mapping && at % 2 === 0))));
  const width = mapping ? 2 : 1;
  if (items.length > width && c.int(0, 3) === 0 && (mapping || isSet || c.int(0, 3) === 0)) items = [...items.slice(width), ...items.slice(0, width)];
  if (items.length > 0 && c.int(0, 15) === 0) items = items.slice(width);
  if (node.kind === "Counter" && c.int(0, 2) === 0) items = [...items, leaf("'zero'"), number("0")];
  const kinds = hashable ? [] : (otherKinds[node.kind] ?? []);
  return { ...node, kind: kinds.length > 0 && c.int(0, 7) === 0 ? c.pick(kinds) : node.kind, items };
}
