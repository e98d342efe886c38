// Modules that programs may import. Zygotes come with the common ones or with all; which of the two ran a program must not show in its result.
import t from "tap";
import { openExecutorFor } from "./support/open.ts";

const executor = await openExecutorFor(t);

const modules = `__future__ abc array ast base64 binascii bisect builtins calendar cmath codecs collections collections.abc contextlib
copy copyreg csv dataclasses datetime decimal difflib encodings enum errno fractions functools gc graphlib hashlib heapq html importlib
importlib.util inspect io itertools json keyword linecache locale math numbers operator os pprint queue random re reprlib secrets
statistics string struct sys textwrap threading time timeit traceback types typing unicodedata uuid warnings weakref zlib zoneinfo`.split(/\s+/);

t.test("each permitted module, named or not", async (t) => {
  const program = (statement: string) => `${statement}\ndef f(x):\n    import sys\n    return x in sys.modules`;
  for (const name of modules) {
    for (const statement of [`import ${name}`, `exec("imp" + "ort ${name}")`]) {
      const { runs } = await executor.run({ program: program(statement), inputs: [JSON.stringify(name)] });
      t.match(runs[0], { outcome: "ok", value: "True" }, statement);
    }
  }
});

interface Case {
  name: string;
  program: string;
  inputs: string[];
  outcome: string;
  value?: string;
  error?: string;
}

/** Each needs more than the common modules without saying so in an import statement, or tries to. */
const cases: Case[] = [
  { name: "a fraction as input", program: "def f(x): return x * 2", inputs: ["Fraction(1, 3)"], outcome: "ok", value: "Fraction(2, 3)" },
  { name: "a decimal as input", program: "def f(x): return -x", inputs: ["Decimal('0.10')"], outcome: "ok", value: "Decimal('-0.10')" },
  { name: "a codec", program: "def f(x): return x.encode('utf-16')", inputs: ["'a'"], outcome: "ok", value: "b'\\xff\\xfea\\x00'" },
  { name: "an import by name", program: "def f(x): return __import__('hashlib').md5(x).hexdigest()[:4]", inputs: ["b''"], outcome: "ok", value: "'d41d'" },
  { name: "an import that its program catches", program: "def f(x):\n    try:\n        exec('import statistics')\n    except BaseException:\n        return 'caught'\n    return x", inputs: ["1"], outcome: "ok", value: "1" },
  { name: "a module that there is not", program: "def f(x):\n    try:\n        exec('import numpy')\n    except ImportError as error:\n        return str(error)", inputs: ["1"], outcome: "ok", value: "\"No module named 'numpy'\"" },
  { name: "a forbidden module", program: "def f(x): exec('import ctypes')", inputs: ["1"], outcome: "runtime-error", error: "ModuleNotFoundError" },
  { name: "the finder called by hand", program: "def f(x):\n    import sys\n    return sys.meta_path[0].find_spec('x')", inputs: ["1"], outcome: "runtime-error", error: "IndexError" },
  { name: "the clock", program: "def f(x):\n    import time\n    return time.strptime(x, '%Y-%m-%d').tm_yday", inputs: ["'2024-02-01'"], outcome: "ok", value: "32" },
];

t.test("programs that ask for more than they show", async (t) => {
  for (const { name, program, inputs, outcome, value, error } of cases) {
    const { runs, deterministic } = await executor.run({ program, inputs, determinism: "full" });
    t.match(runs[0], { outcome, ...(value === undefined ? {} : { value }), ...(error === undefined ? {} : { error }) }, name);
    t.equal(deterministic, outcome === "ok" ? true : null, name);
  }
});

t.test("inputs that share a fork are all run again", async (t) => {
  const program = "n = 0\ndef f(x):\n    global n\n    n += 1\n    return [n, x and __import__('statistics').mean([x, 3])]";
  const { runs } = await executor.run({ program, inputs: ["0", "1", "0"], isolation: "program" });
  t.same(runs.map(({ value }) => value), ["[1, 0]", "[2, 2]", "[3, 0]"]);
});

t.test("literals of both libraries", async (t) => {
  for (const text of ["[1, 2]", "Fraction(1, 2)", "Decimal('1.5')", "deque([1])"]) {
    t.same(await executor.parse({ text }), { ok: true, value: text });
  }
});
