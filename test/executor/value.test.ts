// The grammar of canonical value text and the equality of values, as tables. Every equality row is tried in both orders.
import { spawnSync } from "node:child_process";
import t from "tap";
import { parseValue, valuesEqual, type Value } from "../../src/executor/value.ts";

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

const grammar: [text: string, shown: string][] = [
  ["None", "none"],
  ["True", "bool:true"],
  ["False", "bool:false"],
  ["0", "int:0"],
  ["7", "int:7"],
  ["-12", "int:-12"],
  ["123456789012345678901234567890", "int:123456789012345678901234567890"],
  ["-0", "int:0"],
  ["  5 ", "int:5"],
  ["\n5\t", "int:5"],
  ["0.0", "float:0"],
  ["-0.0", "float:-0"],
  ["1.5", "float:1.5"],
  ["-1.5", "float:-1.5"],
  ["1e+16", "float:10000000000000000"],
  ["1e-05", "float:0.00001"],
  ["1.7976931348623157e+308", "float:1.7976931348623157e+308"],
  ["5e-324", "float:5e-324"],
  ["1.", "float:1"],
  [".5", "float:0.5"],
  ["1E5", "float:100000"],
  ["1e999", "float:Infinity"],
  ["inf", "float:Infinity"],
  ["-inf", "float:-Infinity"],
  ["nan", "float:NaN"],
  ["2j", "complex:0,2"],
  ["-2j", "complex:0,-2"],
  ["1.5j", "complex:0,1.5"],
  ["infj", "complex:0,Infinity"],
  ["nanj", "complex:0,NaN"],
  ["(1+2j)", "complex:1,2"],
  ["(-1.5-2e-05j)", "complex:-1.5,-0.00002"],
  ["(-0-1j)", "complex:0,-1"],
  ["(inf+nanj)", "complex:Infinity,NaN"],
  ["(1-infj)", "complex:1,-Infinity"],
  ["''", 'str:""'],
  ["'abc'", 'str:"abc"'],
  ['"it\'s"', 'str:"it\'s"'],
  ["'\"'", 'str:"\\""'],
  ["'a\\\\b'", 'str:"a\\\\b"'],
  ["'\\''", 'str:"\'"'],
  ["'\\n\\r\\t'", 'str:"\\n\\r\\t"'],
  ["'\\x00\\x7f'", 'str:"\\u0000\x7f"'],
  ["'\\xe9'", 'str:"é"'],
  ["'é'", 'str:"é"'],
  ["'\\u2028'", 'str:"\u2028"'],
  ["'\\U0001f600'", 'str:"😀"'],
  ["'😀'", 'str:"😀"'],
  ["'\\ud83d'", 'lone:"\\\\ud83d"'],
  ["'\\ud83d\\ude00'", 'lone:"\\\\ud83d\\\\ude00"'],
  ["'\\\\ud83d\\ud83d'", 'lone:"\\\\\\\\ud83d\\\\ud83d"'],
  ["'\\a\\b\\f\\v'", 'str:"\\u0007\\b\\f\\u000b"'],
  ["'inf'", 'str:"inf"'],
  ["b''", "bytes:"],
  ["b'abc'", "bytes:616263"],
  ["b'\\x00\\xff'", "bytes:00ff"],
  ['b"it\'s"', "bytes:69742773"],
  ["b'\\\\\\n'", "bytes:5c0a"],
  ["[]", "list[]"],
  ["[1]", "list[int:1]"],
  ["[1,2]", "list[int:1 int:2]"],
  ["[1, 2, ]", "list[int:1 int:2]"],
  ["[[], [[]]]", "list[list[] list[list[]]]"],
  ["[1, 'a', None, 2.5]", 'list[int:1 str:"a" none float:2.5]'],
  ["[\n 1,\n 2\n]", "list[int:1 int:2]"],
  ["()", "tuple[]"],
  ["(1,)", "tuple[int:1]"],
  ["( 1 , )", "tuple[int:1]"],
  ["(1, 2)", "tuple[int:1 int:2]"],
  ["(1, 2,)", "tuple[int:1 int:2]"],
  ["((1, 2), 3)", "tuple[tuple[int:1 int:2] int:3]"],
  ["((1+2j),)", "tuple[complex:1,2]"],
  ["(2j, 1)", "tuple[complex:0,2 int:1]"],
  ["{}", "dict{}"],
  ["{1: 2}", "dict{int:1=>int:2}"],
  ["{'b': 1, 'a': 2}", 'dict{str:"b"=>int:1 str:"a"=>int:2}'],
  ["{1: 2,}", "dict{int:1=>int:2}"],
  ["{(1, 2): [3]}", "dict{tuple[int:1 int:2]=>list[int:3]}"],
  ["{None: {True: {}}}", "dict{none=>dict{bool:true=>dict{}}}"],
  ["{frozenset({1}): 2}", "dict{frozenset[int:1]=>int:2}"],
  ["{1}", "set[int:1]"],
  ["{1, 2}", "set[int:1 int:2]"],
  ["{'a', (1,)}", 'set[str:"a" tuple[int:1]]'],
  ["set()", "set[]"],
  ["frozenset()", "frozenset[]"],
  ["frozenset({1, 2})", "frozenset[int:1 int:2]"],
  ["frozenset({frozenset()})", "frozenset[frozenset[]]"],
  ["deque([])", "deque[]"],
  ["deque([1, [2]])", "deque[int:1 list[int:2]]"],
  ["Counter()", "Counter{}"],
  ["Counter({'a': 2})", 'Counter{str:"a"=>int:2}'],
  ["OrderedDict()", "OrderedDict{}"],
  ["OrderedDict({'a': 1, 'b': 2})", 'OrderedDict{str:"a"=>int:1 str:"b"=>int:2}'],
  ["Fraction(1, 2)", "fraction:1/2"],
  ["Fraction(-6, 4)", "fraction:-3/2"],
  ["Fraction(0, 5)", "fraction:0/1"],
  ["Decimal('0.1')", "decimal:1E-1"],
  ["Decimal('-1.50')", "decimal:-150E-2"],
  ["Decimal('1E+2')", "decimal:1E2"],
  ["Decimal('.5')", "decimal:5E-1"],
  ["Decimal('NaN')", "decimal:nan"],
  ["Decimal('sNaN12')", "decimal:nan"],
  ["Decimal('Infinity')", "decimal:inf"],
  ["Decimal('-Infinity')", "decimal:-inf"],
];

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

const huge = `1${"0".repeat(4000)}`;
const two53 = "9007199254740992";

const equality: [a: string, b: string, equal: boolean][] = [
  ["None", "None", true],
  ["None", "0", false],
  ["None", "False", false],
  ["True", "1", true],
  ["True", "1.0", true],
  ["False", "0", true],
  ["False", "-0.0", true],
  ["True", "2", false],
  ["1", "1.0", true],
  ["1", "2", false],
  ["0.0", "-0.0", true],
  ["0.1", "0.1", true],
  ["0.1", "0.10000000000000002", false],
  ["100", "1e2", true],
  ["-3", "-3.0", true],
  ["-3", "3", false],
  [`${two53.slice(0, -1)}3`, `${two53}.0`, false],
  [two53, `${two53}.0`, true],
  ["123456789012345678901234567890", "123456789012345678901234567891", false],
  ["100000000000000000000000", "1e23", false],
  ["99999999999999991611392", "1e+23", true],
  [huge, huge, true],
  [huge, `${huge.slice(0, -1)}1`, false],
  ["inf", "inf", true],
  ["inf", "-inf", false],
  ["inf", huge, false],
  ["nan", "nan", true],
  ["nan", "0.0", false],
  ["nan", "None", false],
  ["nan", "inf", false],
  ["(1+0j)", "1", true],
  ["(1+0j)", "True", true],
  ["(1+2j)", "(1+2j)", true],
  ["(1+2j)", "(1-2j)", false],
  ["2j", "2", false],
  ["0j", "0", true],
  ["(nan+1j)", "(nan+1j)", true],
  ["Fraction(1, 2)", "0.5", true],
  ["Fraction(2, 4)", "Fraction(1, 2)", true],
  ["Fraction(1, 3)", "0.3333333333333333", false],
  ["Fraction(4, 2)", "2", true],
  ["Fraction(-1, 2)", "-0.5", true],
  ["Fraction(1, 2)", "Decimal('0.5')", true],
  ["Fraction(1, 1000)", "Decimal('0.001')", true],
  ["Fraction(1, 1000)", "0.001", false],
  ["Fraction(1, 3)", "Fraction(1, 3)", true],
  ["Fraction(1, 3)", "Fraction(2, 3)", false],
  ["Fraction(1, 2)", "(0.5+0j)", true],
  ["Decimal('0.5')", "0.5", true],
  ["Decimal('0.1')", "0.1", false],
  ["Decimal('0.1')", "Decimal('0.10')", true],
  ["Decimal('1E+2')", "100", true],
  ["Decimal('-0')", "0", true],
  ["Decimal('1E+999999999')", "Decimal('10E+999999998')", true],
  ["Decimal('1E+999999999')", "Decimal('1E+999999998')", false],
  ["Decimal('1E+999999999')", "inf", false],
  ["Decimal('Infinity')", "inf", true],
  ["Decimal('-Infinity')", "inf", false],
  ["Decimal('NaN')", "nan", true],
  ["5e-324", "5e-324", true],
  ["5e-324", "0", false],
  ["2.5e-323", "5e-324", false],
  ["'a'", "'a'", true],
  ["'a'", '"a"', true],
  ["'a'", "'A'", false],
  ["'é'", "'\\xe9'", true],
  ["'é'", "'e\\u0301'", false],
  ["'1'", "1", false],
  ["'a'", "b'a'", false],
  ["b'a'", "b'\\x61'", true],
  ["b'a'", "b'b'", false],
  ["'\\ud83d\\ude00'", "'😀'", false],
  ["'\\ud83d'", "'\\ud83d'", true],
  ["'\\ud83d'", "'\\ud83e'", false],
  ["'\\\\ud83d'", "'\\ud83d'", false],
  ["[]", "[]", true],
  ["[]", "()", false],
  ["[1, 2]", "[1.0, 2.0]", true],
  ["[1, 2]", "[2, 1]", false],
  ["[1, 2]", "(1, 2)", false],
  ["[1, 2]", "[1, 2, 3]", false],
  ["[nan]", "[nan]", true],
  ["[True]", "[1]", true],
  ["[[1], (2,)]", "[[1], (2,)]", true],
  ["[[1], (2,)]", "[[1], [2]]", false],
  ["(1,)", "1", false],
  ["()", "None", false],
  ["[]", "None", false],
  ["[]", "{}", false],
  ["''", "[]", false],
  ["{1, 2}", "{2, 1}", true],
  ["{1, 2}", "{1.0, 2.0}", true],
  ["{1, 2}", "{1, 3}", false],
  ["{1, 2}", "{1}", false],
  ["{1}", "frozenset({1})", true],
  ["set()", "frozenset()", true],
  ["set()", "{}", false],
  ["{1}", "[1]", false],
  ["{'a', 1}", "{1, 'a'}", true],
  ["{'1', 2}", "{1, '2'}", false],
  ["{nan}", "{nan}", true],
  ["{(1, 2), (3,)}", "{(3.0,), (1, 2)}", true],
  ["{('a', 'b')}", "{('ab', '')}", false],
  ["{frozenset({1, 2})}", "{frozenset({2, 1})}", true],
  ["{frozenset({1}), frozenset({2})}", "{frozenset({1, 2}), frozenset()}", false],
  ["{Fraction(1, 2)}", "{0.5}", true],
  ["{1: 'a', 2: 'b'}", "{2: 'b', 1: 'a'}", true],
  ["{1: 'a'}", "{1.0: 'a'}", true],
  ["{1: 'a'}", "{True: 'a'}", true],
  ["{1: 'a'}", "{'1': 'a'}", false],
  ["{1: 'a'}", "{1: 'b'}", false],
  ["{1: 'a'}", "{1: 'a', 2: 'b'}", false],
  ["{1: 2}", "{2: 1}", false],
  ["{1: {2: [3]}}", "{1: {2: [3.0]}}", true],
  ["{1: {2: [3]}}", "{1: {2: [4]}}", false],
  ["{'a': nan}", "{'a': nan}", true],
  ["{nan: 1, nan: 2}", "{nan: 1, nan: 2}", true],
  ["{nan: 1, nan: 2}", "{nan: 1}", false],
  ["{}", "OrderedDict({})", true],
  ["{'a': 1, 'b': 2}", "OrderedDict({'b': 2, 'a': 1})", true],
  ["OrderedDict({'a': 1, 'b': 2})", "OrderedDict({'a': 1, 'b': 2})", true],
  ["OrderedDict({'a': 1, 'b': 2})", "OrderedDict({'b': 2, 'a': 1})", false],
  ["Counter({'a': 1})", "{'a': 1}", true],
  ["Counter({'a': 1, 'b': 0})", "Counter({'a': 1})", true],
  ["Counter({'a': 1, 'b': 0})", "{'a': 1}", false],
  ["Counter({'a': 1})", "Counter({'a': 2})", false],
  ["Counter()", "{}", true],
  ["Counter({'a': 1, 'b': 2})", "OrderedDict({'b': 2, 'a': 1})", true],
  ["deque([1])", "deque([1.0])", true],
  ["deque([1])", "[1]", false],
  ["deque([1, 2])", "deque([2, 1])", false],
];

t.test("equality", async (t) => {
  t.ok(equality.length >= 80, "the table is not thin");
  for (const [a, b, expected] of equality) {
    t.equal(valuesEqual(a, b), expected, `${a.slice(0, 60)} == ${b.slice(0, 60)} is ${expected}`);
    t.equal(valuesEqual(b, a), expected, `${b.slice(0, 60)} == ${a.slice(0, 60)} is ${expected}`);
  }
  for (const [text] of grammar) t.ok(valuesEqual(text, text), `${text} equals itself`);
  t.throws(() => valuesEqual("1", "os.system"), { code: "AZR_INPUT_INVALID" });
});

t.test("the table is Python's own ==, NaN aside", async (t) => {
  const rows = equality.filter((row) => !/nan/i.test(row[0] + row[1]));
  t.ok(rows.length >= 80);
  const script = [
    "import json, sys; from fractions import Fraction; from decimal import Decimal, getcontext; from collections import *; inf = float('inf')",
    "getcontext().Emax = 999999999999999999",
    "print(json.dumps([bool(eval(a) == eval(b)) for a, b, _ in json.load(sys.stdin)]))",
  ].join("\n");
  const python = spawnSync("python3", ["-I", "-c", script], { input: JSON.stringify(rows), encoding: "utf8" });
  t.equal(python.status, 0, python.stderr);
  const answers = JSON.parse(python.stdout) as boolean[];
  for (const [index, [a, b, expected]] of rows.entries()) t.equal(answers[index], expected, `Python: ${a.slice(0, 60)} == ${b.slice(0, 60)}`);
});

t.test("time grows about linearly", async (t) => {
  const builders: [name: string, build: (size: number, turn: number) => string][] = [
    ["set of strings", (size, turn) => `{${Array.from({ length: size }, (_, index) => `'k${(index * 7919 + turn) % size}'`).join(", ")}}`],
    ["dict of lists", (size, turn) => `{${Array.from({ length: size }, (_, index) => `${(index * 7919 + turn) % size}: [${(index * 7919 + turn) % size}]`).join(", ")}}`],
    ["list of floats", (size) => `[${Array.from({ length: size }, (_, index) => `${index}.${index}`).join(", ")}]`],
  ];
  for (const [name, build] of builders) {
    // 7919 is prime to the size, so each turn is one more order of the same members. Quadratic work would take minutes here.
    const start = process.hrtime.bigint();
    t.ok(valuesEqual(build(100_000, 1), build(100_000, 2)), name);
    t.ok(Number(process.hrtime.bigint() - start) / 1e9 < 10, `${name}: 100,000 members in seconds`);
  }
  const fraction = `Fraction(1, ${10n ** 20_000n})`;
  t.ok(valuesEqual(fraction, "Decimal('1E-20000')"), "long denominators");
});
