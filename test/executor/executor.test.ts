// The real executor on honest work: values, literals, analysis, determinism, requests. (mixed-programs.test.ts compares it with plain CPython.)
import t from "tap";
import { openExecutor } from "../../src/executor/open.ts";
import { valuesEqual } from "../../src/executor/value.ts";
import { honestPrograms } from "./support/honest-programs.ts";
import { nativeMissing } from "./support/native.ts";

if (nativeMissing !== false) {
  t.plan(0, nativeMissing);
  process.exit(0);
}

const executor = await openExecutor();
t.teardown(() => executor.dispose());

t.test("the encoder writes the grammar: values survive the way out and back", async (t) => {
  const literals = [
    "None", "True", "-7", "5", "12345678901234567890", "1.5", "-0.0", "1e+16", "1e-05", "3j", "(1-2j)", "'it\\'s'", "'\"'", "'\\ud83d'", "'é😀\\x00'",
    "b'\\x00a'", "[]", "[1, [2]]", "()", "(1,)", "(1, 2)", "{}", "{'b': 1, 'a': (2,)}", "{1, 2}", "{'b', 'a'}", "set()", "frozenset()",
    "frozenset({frozenset({1})})", "Counter({'a': 2})", "deque([1, 2])", "OrderedDict({'b': 1, 'a': 2})", "Fraction(1, 3)", "Decimal('0.10')",
    "[inf, -inf, nan]", "{1: {2: {3: [4]}}}", "{(1, 2): frozenset({3})}",
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

t.test("literals are parsed, nothing is evaluated", async (t) => {
  const accepted: [text: string, value: string, asArguments?: boolean][] = [
    ["[1,2 ,3]", "[1, 2, 3]"], [" 0x10 ", "16"], ["1_000", "1000"], ["'a' 'b'", "'ab'"], ['"a"', "'a'"], ["{2,1}", "{1, 2}"], ["+5", "5"], ["1+2j", "(1+2j)"],
    ["(1)", "1"], ["{1: 2, 1: 3}", "{1: 3}"], ["[\n1,\n2\n]", "[1, 2]"], ["r'\\d'", "'\\\\d'"], ["1, 'a'", "(1, 'a')", true], ["", "()", true], ["[1]", "([1],)", true],
  ];
  for (const [text, value, asArguments] of accepted) {
    t.same(await executor.parse({ text, arguments: asArguments }), { ok: true, value }, `${JSON.stringify(text)} is ${value}`);
  }
  const refused: [text: string, asArguments?: boolean][] = [
    ["1 + 1"], ["__import__('os')"], ["os.system('true')"], ["lambda: 0"], ["[x for x in [1]]"], ["open('/etc/passwd')"], ["x"], ["f'{1}'"], ["1 if 1 else 2"], ["..."],
    ["{[]: 1}"], ["{[]}"], ["[*[1]]"], ["("], ["1; 2"], [""], ["1 2"], ["x = 1"], ["'a'.upper()"], ["[1][0]"], ["-'a'"], ["not 1"], ["1 == 1"], ["print(1)"], ["\0"], ["\ud800"],
    ["[".repeat(150) + "]".repeat(150)], ["(".repeat(100_000)], ["1) or (True", true], ["1), f(2", true], ["*[1]", true], ["**{}", true], ["1)(2", true], ["x := 1", true],
  ];
  for (const [text, asArguments] of refused) {
    const result = await executor.parse({ text, arguments: asArguments });
    t.equal(result.ok, false, `${JSON.stringify(text.slice(0, 40))} is refused`);
    if (!result.ok) t.ok(result.message.length > 0);
  }
});

t.test("analysis", async (t) => {
  const first = await executor.analyse('import math\nfrom os import path\ndef g(a):\n    return a\ndef f(x, y=2):\n    """Says."""\n    total = x + y  # sum\n    return math.floor(g(total))\n');
  t.match(first, { ok: true, functions: ["g", "f"], topLevelFunctions: ["g", "f"], statements: Number });
  t.ok(first.imports.includes("math") && first.imports.some((name) => name.startsWith("os")));
  const renamed = await executor.analyse("import math\nfrom os import path\n\ndef g(b):\n    return (b)\n\ndef f(u, v=2):\n    s = u + v\n    return math.floor(g(s))");
  t.equal(renamed.normalised, first.normalised, "names, comments, docstrings and spacing do not count");
  const other = await executor.analyse("import math\nfrom os import path\n\ndef g(b):\n    return (b)\n\ndef f(u, v=3):\n    s = u + v\n    return math.floor(g(s))");
  t.not(other.normalised, first.normalised, "a constant does");
  for (const bad of ["def f(x)\n", "(".repeat(10_000), "\0", "\ud800", "x = " + "1+".repeat(40_000) + "1"]) {
    const result = await executor.analyse(bad);
    t.equal(result.ok, false, JSON.stringify(bad.slice(0, 20)));
    t.ok((result.message ?? "").length > 0);
  }
});

/** What `full` must say. Where it is true, so must `pair` be; where it is false, one variant may or may not see it. */
const cases: [name: string, program: string, inputs: string[], full: boolean][] = [
  ["arithmetic", "def f(x): return x * 2", ["1", "2"], true],
  ["a set itself", "def f(x): return {str(i) for i in range(x)}", ["20"], true],
  ["a sorted set", "def f(x): return sorted({str(i) for i in range(x)})", ["20"], true],
  ["seeded random", "import random\ndef f(x):\n    random.seed(x)\n    return [random.random() for _ in range(3)]", ["1", "2"], true],
  ["a cache", "cache = {}\ndef f(x):\n    if x not in cache: cache[x] = x * x\n    return cache[x]", ["1", "2", "1"], true],
  ["dictionaries", "def f(x): return {c: ord(c) for c in x}", ["'hello'"], true],
  ["order of a set of strings", "def f(x): return list({str(i) for i in range(x)})", ["20"], false],
  ["order through a dictionary", "def f(x): return {k: 1 for k in {str(i) for i in range(x)}}", ["20"], false],
  ["popping a set", "def f(x): return {str(i) for i in range(x)}.pop()", ["50"], false],
  ["id", "def f(x): return id([x])", ["1"], false],
  ["id of an input", "def f(x): return id(x)", ["[1]"], false],
  ["id of a long string", "def f(x): return id('a' * x)", ["2000"], false],
  ["id of a builtin", "def f(x): return id(len)", ["1"], false],
  ["id of None", "def f(x): return id(None)", ["1"], false],
  ["id, the last digits", "def f(x): return id(x) % 16384", ["[1]"], false],
  ["the default repr", "def f(x): return repr(object())", ["1"], false],
  ["id, reduced", "def f(x): return [id(object()) // 16 % 1000 for _ in range(8)]", ["1"], false],
  ["time", "import time\ndef f(x): return time.time()", ["1"], false],
  ["perf_counter", "import time\ndef f(x): return time.perf_counter()", ["1"], false],
  ["today", "import datetime\ndef f(x): return str(datetime.datetime.now())", ["1"], false],
  ["unseeded random", "import random\ndef f(x): return random.random()", ["1"], false],
  ["unseeded shuffle", "import random\ndef f(x):\n    xs = list(range(30))\n    random.shuffle(xs)\n    return xs", ["1"], false],
  ["uuid", "import uuid\ndef f(x): return str(uuid.uuid4())", ["1"], false],
  ["secrets", "import secrets\ndef f(x): return secrets.randbelow(10 ** 9)", ["1"], false],
  ["a difference of times", "import time\ndef f(x):\n    start = time.time()\n    return time.time() - start", ["1"], false],
  ["hash of a string", "def f(x): return hash(x)", ["'abc'"], false],
  ["pid", "import os\ndef f(x): return os.getpid()", ["1"], false],
  ["a counter in a global", "n = 0\ndef f(x):\n    global n\n    n += 1\n    return n + x", ["1", "2", "3"], false],
  ["a list as default", "def f(x, seen=[]):\n    seen.append(x)\n    return list(seen)", ["1", "2"], false],
  ["an attribute of the function", "def f(x):\n    f.last = getattr(f, 'last', 0) + x\n    return f.last", ["1", "2"], false],
];

t.test("determinism", async (t) => {
  for (const [name, program, inputs, full] of cases) {
    const result = await executor.run({ program, inputs, determinism: "full" });
    if (result.runs.every(({ outcome }) => outcome === "ok")) t.equal(result.deterministic, full, name);
    else t.ok(!full && result.deterministic === null, `${name}: refused outright`, { runs: result.runs });
    const pair = await executor.run({ program, inputs, determinism: "pair" });
    if (full) t.equal(pair.deterministic, true, `${name}, pair`);
    const once = await executor.run({ program, inputs });
    t.equal(once.deterministic, null, `${name}, once`);
    t.same(once.runs.map(({ outcome, value }) => [outcome, value]), result.runs.map(({ outcome, value }) => [outcome, value]), `${name}: zygote A repeats itself`);
  }
  const failing = await executor.run({ program: "def f(x): return 1 / x", inputs: ["1", "0"], determinism: "full" });
  t.equal(failing.deterministic, null, "nothing to compare when a run failed");
  t.same(failing.runs.map(({ outcome }) => outcome), ["ok", "runtime-error"]);
});

t.test("no honest program is called non-deterministic", async (t) => {
  const programs = honestPrograms(216, 2);
  const results = await Promise.all(programs.map(({ program, inputs }) => executor.run({ program, inputs, determinism: "full" })));
  for (const [index, { id, program, inputs }] of programs.entries()) {
    const { runs, deterministic } = results[index]!;
    // The one template that remembers: its second call sees what its first has left behind.
    const expected = runs.every(({ outcome }) => outcome === "ok") ? !id.startsWith("globals-") : null;
    t.equal(deterministic, expected, id, { program, inputs, runs });
  }
});

t.test("one fork an input, or one for all", async (t) => {
  const program = "n = 0\ndef f(x):\n    global n\n    n += x\n    return n";
  const values = async (isolation: "input" | "program") => (await executor.run({ program, inputs: ["1", "2", "3"], isolation })).runs.map(({ value }) => value);
  t.same(await values("input"), ["1", "2", "3"]);
  t.same(await values("program"), ["1", "3", "6"]);
  const mixed = await executor.run({ program: "def f(x): return 1 / x", inputs: ["1", "0", "os", "2"], isolation: "program" });
  t.same(mixed.runs.map(({ outcome }) => outcome), ["ok", "runtime-error", "bad-request", "ok"]);
  // What is refused is refused whatever the program does with the others.
  const whole: [program: string, outcome: string][] = [["1 / 0", "runtime-error"], ["def f(x) return x", "compile-error"], ["x = [0] * 10 ** 10", "memory-limit"]];
  for (const [program, outcome] of whole) {
    for (const isolation of ["input", "program"] as const) {
      const { runs } = await executor.run({ program, inputs: ["1", "os", "2"], isolation });
      t.same(runs.map((run) => run.outcome), [outcome, "bad-request", outcome], `${program}, ${isolation}`);
    }
  }
  const long = await executor.run({ program: "def f(x): return 'a' * 65_000", inputs: Array.from({ length: 200 }, (_, index) => String(index)), isolation: "program" });
  t.ok(long.runs.every(({ outcome }) => outcome === "ok"), "thirteen megabytes of results");
});

t.test("values that are expected decide whether determinism is checked", async (t) => {
  const program = "def f(x): return x * 2";
  const ask = (expected: string[], program_ = program) => executor.run({ program: program_, inputs: ["1", "2"], determinism: "pair", isolation: "program", expected });
  t.match(await ask(["2", "4.0"]), { runs: [{ value: "2" }, { value: "4" }], deterministic: true }, "equal by value");
  const before = executor.stats().runs;
  t.match(await ask(["2", "5"]), { runs: [{ value: "2" }, { value: "4" }], deterministic: null });
  t.equal(executor.stats().runs - before, 2, "no variant runs");
  const remembers = "n = 0\ndef f(x):\n    global n\n    n += x\n    return n";
  t.match(await ask(["1", "3"], remembers), { deterministic: false }, "the variant begins with another");
});

t.test("a value that hangs on the calls before it, or on a limit, is not deterministic", async (t) => {
  // In reverse order this one gives the same three values.
  const counts = "calls = 0\ndef f(x):\n    global calls\n    calls += 1\n    return [0, 5, 0, 5][calls]";
  for (const determinism of ["pair", "full"] as const) {
    t.equal((await executor.run({ program: counts, inputs: ["1", "2", "3"], determinism, isolation: "program" })).deterministic, false, determinism);
  }
  const catches = "def f(x):\n    try:\n        return len('a' * (100 << 20))\n    except MemoryError:\n        return 0";
  const request = { program: catches, inputs: ["1"], determinism: "full" as const, limits: { memoryBytes: 64 << 20 } };
  t.match(await executor.run(request), { runs: [{ value: "0" }], deterministic: true });
  t.match(await executor.run({ ...request, variantLimits: { memoryBytes: 256 << 20 } }), { runs: [{ value: "0" }], deterministic: false });
});

t.test("requests that make no sense", async (t) => {
  const request = { program: "def f(x): return x", inputs: ["1"] };
  const table: [request: unknown, message: RegExp][] = [
    [undefined, /request to run a program/],
    [{ ...request, program: 5 }, /program/],
    [{ ...request, inputs: "1" }, /inputs/],
    [{ ...request, inputs: [1] }, /inputs\[0\]/],
    [{ ...request, determinism: "banana" }, /determinism/],
    [{ ...request, isolation: true }, /isolation/],
    [{ ...request, expected: ["1", "2"] }, /one value an input/],
    [{ ...request, signal: {} }, /signal/],
    [{ ...request, limits: { cpuMS: 1 } }, /"cpuMS"/],
    [{ ...request, inputs: Array(1e5).fill(5) }, /^[^]{1,2000}$/],
    [{ ...request, input: "1" }, /"input"/],
  ];
  for (const [wrong, message] of table) await t.rejects(executor.run(wrong as never), { code: "AZR_INPUT_INVALID", message, hint: /./ });
  await t.rejects(executor.parse({ text: 1 } as never), { code: "AZR_INPUT_INVALID", message: /text/ });
  await t.rejects(executor.analyse(null as never), { code: "AZR_INPUT_INVALID" });
});

t.test("requests that are refused", async (t) => {
  const program = "def f(x): return x";
  const table: [name: string, program: string, input: string][] = [
    ["a program that is too long", `${program}\n${"#".repeat(70_000)}`, "1"],
    ["an input that is too long", program, `'${"a".repeat(70_000)}'`],
    ["a program that is not Unicode", `${program} # \ud800`, "1"],
    ["an input that is not Unicode", program, "'\ud800'"],
    ["an expression", program, "1 + 1"],
    ["a call", program, "print(1)"],
    ["the end of the call", program, "1) or (True"],
    ["no expression at all", program, "1 2"],
    ["an argument given twice", program, "x=1, x=2"],
  ];
  for (const [name, text, input] of table) {
    const { runs, deterministic } = await executor.run({ program: text, inputs: [input], determinism: "full" });
    t.match(runs, [{ outcome: "bad-request", message: /./, value: undefined }], name);
    t.equal(deterministic, null, name);
  }
  const some = await executor.run({ program, inputs: ["1", "\ud800", "3"] });
  t.same(some.runs.map(({ outcome, value }) => value ?? outcome), ["1", "bad-request", "3"], "answers stay with their inputs");
  t.same(await executor.run({ program, inputs: [] }), { runs: [], deterministic: null });
  for (const limits of [{ cpuMs: 0 }, { wallMs: 1.5 }, { memoryBytes: 1 }, { outputBytes: 2 ** 21 }, { sourceBytes: NaN }]) {
    await t.rejects(executor.run({ program, inputs: ["1"], limits }), { code: "AZR_INPUT_INVALID", message: new RegExp(Object.keys(limits)[0]!) });
  }
});

t.test("more inputs and longer values than one request holds", async (t) => {
  const numbers = Array.from({ length: 2500 }, (_, index) => String(index));
  const many = await executor.run({ program: "def f(x): return -x", inputs: numbers, isolation: "program" });
  t.same(many.runs.map(({ value }) => Number(value)), numbers.map((text) => -Number(text)));
  const inputs = Array.from({ length: 150 }, (_, index) => String(index));
  const long = await executor.run({ program: "def f(x): return str(x % 10) * 60_000", inputs, determinism: "pair" });
  t.ok(long.runs.every(({ outcome }) => outcome === "ok"));
  t.equal(long.deterministic, true, "nine megabytes of values agree");
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
});

t.test("many requests at once", async (t) => {
  const before = executor.stats().runs;
  const results = await Promise.all(
    Array.from({ length: 300 }, (_, index) => executor.run({ program: `def f(x): return x + ${index}`, inputs: ["1000"] })),
  );
  t.same(results.map(({ runs }) => runs[0]!.value), Array.from({ length: 300 }, (_, index) => String(1000 + index)));
  const stats = executor.stats();
  t.equal(stats.runs - before, 300);
  t.equal(stats.sandboxErrors, 0);
  t.match(stats, { python: /^3\.\d+\.\d+$/, workers: Number, layers: { seccomp: true, noNewPrivileges: true } });
  t.ok(stats.busySeconds > 0);
});
