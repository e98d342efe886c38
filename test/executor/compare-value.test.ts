// The equality of values as a table: every row is tried in both orders and held against Python's own ==.
import { spawnSync } from "node:child_process";
import t from "tap";
import { valuesEqual } from "../../src/executor/value.ts";
import { grammar } from "./support/value-texts.ts";

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
