// The grammar of canonical value text: what it holds, what it refuses and where, and its bounds.
import t from "tap";
import { parseValue, type Value } from "../../src/executor/value.ts";
import { grammar } from "./support/value-texts.ts";

/** A short writing of parsed values for the table: independent of the parser's own input syntax. */
function show(value: Value): string {
  switch (value.kind) {
    case "none":
      return "none";
    case "bool":
      return `bool:${value.value}`;
    case "int":
      return `int:${value.value}`;
    case "float":
      return `float:${Object.is(value.value, -0) ? "-0" : value.value}`;
    case "complex":
      return `complex:${value.real},${value.imaginary}`;
    case "fraction":
      return `fraction:${value.numerator}/${value.denominator}`;
    case "decimal":
      return `decimal:${value.coefficient}E${value.exponent}`;
    case "decimal-special":
      return `decimal:${value.value}`;
    case "str":
      return `${value.lone ? "lone" : "str"}:${JSON.stringify(value.value)}`;
    case "bytes":
      return `bytes:${Buffer.from(value.value, "latin1").toString("hex")}`;
    case "dict":
    case "OrderedDict":
    case "Counter":
      return `${value.kind}{${value.entries.map(([key, item]) => `${show(key)}=>${show(item)}`).join(" ")}}`;
    default:
      return `${value.kind}[${value.items.map(show).join(" ")}]`;
  }
}

/** What is no canonical value: each must give AZR_INPUT_INVALID. */
const refused: string[] = [
  "", " ", "none", "true", "nil", "1 2", "1,", "1, 2", "--1", "+1", "01", "-007", "1_000", "0x10", "0b1", "1L", "1..2", "1.5.2", "1e", "e5",
  "infinity", "-nan_", "- 1", "1+2j", "(1 + 2j)", "(1+2)", "1j2", "(1)", "((1))", "(,)", "(1", "1)", "[1", "[1 2]", "[,]", "[1,,2]", "]",
  "{1, 2: 3}", "{1: 2, 3}", "{1:}", "{: 1}", "{,}", "{1: 2", "{[1]}", "{[1]: 2}", "{{}: 1}", "{(1, [2])}", "{set()}", "{deque([])}",
  "'a", "'a\"", "a'", "'a\nb'", "'\\x4'", "'\\xzz'", "'\\u12'", "'\\U00110000'", "'\\N{DIGIT ONE}'", "'\\q'", "'\\0'", "'a' 'b'", "u'a'", "r'a'",
  "f'a'", "b'é'", "b'\\u0041'", "B'a'", "\ud83d", "'\ud83d'", "set(1)", "set({1})", "frozenset([1])", "frozenset({1}, {2})", "deque({1})",
  "deque(1)", "Counter([1])", "Counter(a=1)", "OrderedDict([('a', 1)])", "Fraction(1)", "Fraction()", "Fraction(1, 0)", "Fraction(1, -2)",
  "Fraction('1/2')", "Fraction(True, 2)", "Decimal(1)", "Decimal('')", "Decimal('.')", "Decimal('1.2.3')", "Decimal('1e')", "Decimal('x')",
  "int('5')", "dict()", "list()", "range(3)", "object", "__import__('os')", "constructor()", "toString()", "hasOwnProperty", "x.y", "lambda: 0",
  "[*[1]]", "{**{}}", "1 if 1 else 2", "1 # one", "[0 for _ in ()]", "not 1", "1 == 1", "...", "'\u0000'",
];

t.test("grammar", async (t) => {
  t.ok(grammar.length + refused.length >= 120, "the table is not thin");
  for (const [text, shown] of grammar) t.equal(show(parseValue(text)), shown, text);
  for (const text of refused) t.throws(() => parseValue(text), { code: "AZR_INPUT_INVALID" }, `refused: ${JSON.stringify(text)}`);
});

t.test("errors name the place", async (t) => {
  t.throws(() => parseValue("[1, 2 3]"), { message: /at character 6, near "3\]"/, details: { offset: 6 } });
  t.throws(() => parseValue("[1, "), { message: /at the end of the text/ });
});

t.test("bounds", async (t) => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  t.equal(parseValue(nested(200)).kind, "list");
  t.throws(() => parseValue(nested(201)), { code: "AZR_INPUT_INVALID", message: /nested more than 200 deep/ });
  t.throws(() => parseValue(nested(100_000)), { code: "AZR_INPUT_INVALID" }, "deep text does not overflow the stack");
  t.throws(() => parseValue("frozenset({".repeat(150) + "1" + "})".repeat(150)), { message: /nested more than/ }, "constructors count");
  t.throws(() => parseValue("'aaaa'", { maxLength: 5 }), { code: "AZR_INPUT_INVALID", message: /longer than the 5 allowed/ });
  t.throws(() => parseValue("[[1]]", { maxDepth: 1 }), { code: "AZR_INPUT_INVALID" });
  t.equal(parseValue(`[${"[1], ".repeat(1000)}]`, { maxDepth: 2 }).kind, "list", "depth counts what is open, not what was");
});
