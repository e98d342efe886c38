// The real executor's encoder writes canonical values and nothing else, whatever a program returns.
import t from "tap";
import { valuesEqual } from "../../src/executor/value.ts";
import { openExecutorFor } from "./support/open.ts";

const executor = await openExecutorFor(t);

t.test("the encoder writes the grammar: values survive the way out and back", async (t) => {
  const literals = [
    "None", "True", "-7", "5", "12345678901234567890", "1.5", "-0.0", "1e+16", "1e-05", "3j", "(1-2j)", "'it\\'s'", "'\"'", "'\\ud83d'", "'é😀\\x00'",
    "b'\\x00a'", "[]", "[1, [2]]", "()", "(1,)", "(1, 2)", "{}", "{'b': 1, 'a': (2,)}", "{1, 2}", "{'b', 'a'}", "set()", "frozenset()",
    "frozenset({frozenset({1})})", "Counter({'a': 2})", "deque([1, 2])", "OrderedDict({'b': 1, 'a': 2})", "Fraction(1, 3)", "Decimal('0.10')",
    "[inf, -inf, nan]", "{nan: 1, nan: 2}", "{nan, nan}", "9".repeat(4300), `-${"9".repeat(4300)}`, "{1: {2: {3: [4]}}}", "{(1, 2): frozenset({3})}",
  ];
  const { runs } = await executor.run({ program: "def f(x): return x", inputs: literals });
  for (const [index, literal] of literals.entries()) {
    const parsed = await executor.parse({ text: literal });
    t.equal(parsed.ok, true, literal);
    if (!parsed.ok) continue;
    t.equal(runs[index]!.value, parsed.value, `${literal}: running and parsing agree`);
    t.ok(valuesEqual(parsed.value, literal), `${literal}: the same value`);
    t.same(await executor.parse({ text: parsed.value }), parsed, `${literal}: canonical text is a fixed point`);
  }
});

t.test("forged insides of a value do not leave the grammar", async (t) => {
  const programs = [
    "from fractions import Fraction\ndef f(x):\n    y = Fraction(1, 2)\n    y._denominator = 0\n    return y",
    "from fractions import Fraction\ndef f(x):\n    y = Fraction(1, 2)\n    y._denominator = -3\n    return y",
    "from fractions import Fraction\ndef f(x):\n    y = Fraction(1, 2)\n    y._numerator = 2\n    return [y]",
    "from fractions import Fraction\ndef f(x):\n    y = Fraction(1, 2)\n    y._numerator = 1.5\n    return y",
    "from collections import Counter\nCounter.__hash__ = lambda self: 1\ndef f(x): return {Counter(): 1}",
    "from collections import Counter\nCounter.__hash__ = lambda self: 1\ndef f(x): return {(1, Counter())}",
  ];
  for (const program of programs) {
    // The child refuses by itself, before the client's check against the grammar would.
    t.match((await executor.run({ program, inputs: ["1"] })).runs, [{ outcome: "unrepresentable", message: /lowest terms|not integers|not hashable/ }], program);
  }
  const kept: [program: string, value: string][] = [
    ["from fractions import Fraction\ndef f(x): return [Fraction(0), Fraction(-6, 4), {Fraction(10 ** 40, 3): x}]", `[Fraction(0, 1), Fraction(-3, 2), {Fraction(1${"0".repeat(40)}, 3): 1}]`],
    ["import decimal\ndecimal.getcontext().capitals = 0\ndef f(x): return [decimal.Decimal(text) for text in ('1E+9', '-Infinity', 'sNaN1')]", "[Decimal('1E+9'), Decimal('-Infinity'), Decimal('sNaN1')]"],
    ["def f(x): return {(1, frozenset({2})): [3], b'a': {4}}", "{(1, frozenset({2})): [3], b'a': {4}}"],
  ];
  for (const [program, value] of kept) t.equal((await executor.run({ program, inputs: ["1"] })).runs[0]!.value, value, program);
  const capped = "import sys\nsys.set_int_max_str_digits(700)\ndef f(x): return 10 ** 2000";
  t.equal((await executor.run({ program: capped, inputs: ["1"] })).runs[0]!.outcome, "output-limit");
  const lifted = "import sys\nsys.set_int_max_str_digits(0)\ndef f(x): return x * 10 ** 4300";
  t.same((await executor.run({ program: lifted, inputs: ["1", "-1"] })).runs.map(({ outcome }) => outcome), ["output-limit", "output-limit"]);
});
