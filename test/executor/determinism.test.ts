// Which programs the real executor calls deterministic: none whose values hang on the process, and every honest one.
import t from "tap";
import { honestPrograms } from "./support/honest-programs.ts";
import { openExecutorFor } from "./support/open.ts";

const executor = await openExecutorFor(t);

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

t.test("with errors, an exception's class has to repeat, and its message not", async (t) => {
  const table: [name: string, program: string, input: string, error: string | undefined, deterministic: boolean | null][] = [
    ["a class", "def f(x): return 1 / x", "0", "ZeroDivisionError", true],
    ["a value", "def f(x): return 1 / x", "1", undefined, true],
    ["a class of its own counts as the builtin one above it", "class Full(KeyError): pass\ndef f(x): raise Full(x)", "1", "KeyError", true],
    ["messages that differ", "def f(x): raise ValueError(id([x]))", "1", "ValueError", true],
    ["messages made of a set", "def f(x): return {}[list({str(i) for i in range(30)})[0]]", "1", "KeyError", true],
    ["the class hangs on an address", "def f(x): raise [ValueError, TypeError][id(object()) // 16 % 2]", "1", undefined, false],
    ["raises or returns by the order of a set", "def f(x):\n    if list({str(i) for i in range(50)})[0] > '25': raise ValueError\n    return 1", "1", undefined, false],
    ["endless recursion", "def f(x): return f(x + 1)", "1", "RecursionError", true],
    ["the program ends", "def f(x): raise SystemExit", "1", "SystemExit", true],
    ["no memory is no class", "def f(x): return [0] * 10 ** 10", "1", undefined, null],
    ["no program is no class", "def f(x) return x", "1", "SyntaxError", null],
  ];
  for (const [name, program, input, error, deterministic] of table) {
    const result = await executor.run({ program, inputs: [input], determinism: "full", errors: true });
    if (error !== undefined) t.equal(result.runs[0]!.error, error, name);
    t.equal(result.deterministic, deterministic, `${name}: whether it repeats`);
  }
  const both = await executor.run({ program: "def f(x): return 1 / x", inputs: ["1", "0", "2"], determinism: "full", errors: true });
  t.same(both.runs.map(({ value, error }) => value ?? error), ["1.0", "ZeroDivisionError", "0.5"]);
  t.equal(both.deterministic, true, "values and classes side by side");
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
