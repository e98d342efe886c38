// What the real executor tells of a program without running it.
import t from "tap";
import type { AnalyseResult, EntryBinding } from "../../src/executor/executor.ts";
import { openExecutorFor } from "./support/open.ts";

const executor = await openExecutorFor(t);
const end = "\ndef f(x): return 1\n";

t.test("analysis", async (t) => {
  const first = await executor.analyse('import math\nfrom os import path\ndef g(a):\n    return a\ndef f(x, y=2):\n    """Says."""\n    total = x + y  # sum\n    return math.floor(g(total))\n');
  t.match(first, { ok: true, functions: ["g", "f"], entry: [{ how: "def", line: 5, column: 1 }], statements: 2 });
  t.same(first.imports, [{ module: "math", names: [], line: 1, column: 8 }, { module: "os", names: ["path"], line: 2, column: 1 }]);
  const renamed = await executor.analyse("import math\nfrom os import path\n\ndef g(b):\n    return (b)\n\ndef f(u, v=2):\n    s = u + v\n    return math.floor(g(s))");
  t.equal(renamed.normalised, first.normalised, "names, comments, docstrings and spacing do not count");
  const other = await executor.analyse("import math\nfrom os import path\n\ndef g(b):\n    return (b)\n\ndef f(u, v=3):\n    s = u + v\n    return math.floor(g(s))");
  t.not(other.normalised, first.normalised, "a constant does");
  for (const bad of ["def f(x)\n", "(".repeat(10_000), "\0", "\ud800", "x = " + "1+".repeat(40_000) + "1"]) {
    const result = await executor.analyse(bad);
    t.equal(result.ok, false, JSON.stringify(bad.slice(0, 20)));
    t.ok((result.message ?? "").length > 0);
    t.same([result.entry, result.imports, result.names], [[], [], []]);
  }
});

t.test("imports, in every spelling", async (t) => {
  const shown = ({ imports }: AnalyseResult) => imports.map(({ module, names, line, column }) => `${line}:${column} ${module}${names.length > 0 ? ` (${names})` : ""}`);
  const cases: [program: string, want: string[]][] = [
    ["import os", ["1:8 os"]],
    ["import os as o", ["1:8 os"]],
    ["import math, os.path as p", ["1:8 math", "1:14 os.path"]],
    ["from os import path", ["1:1 os (path)"]],
    ["from os import (\n    path as p,\n    environ)", ["1:1 os (path,environ)"]],
    ["from os import *", ["1:1 os (*)"]],
    ["from . import os", ["1:1 . (os)"]],
    ["from ..a.b import c", ["1:1 ..a.b (c)"]],
    ["if 0:\n    import os", ["2:12 os"]],
    ["def g():\n\n    import os; import os", ["3:12 os"]],
    ["class A:\n    try: import os\n    except ImportError: import sys", ["2:17 os", "3:32 sys"]],
    ["'é'; import os", ["1:13 os"]],
    ["import\\\n  os", ["2:3 os"]],
    ["import \uff4fs", ["1:8 os"]],
    ["x = 'import os'\n# import os\n'''\nimport os\n'''", []],
  ];
  for (const [program, want] of cases) t.same(shown(await executor.analyse(program + end)), want, JSON.stringify(program));
});

t.test("builtins and special names that the program does not bind itself", async (t) => {
  const forms = { name: "", attribute: ".", text: "'" };
  const shown = ({ names }: AnalyseResult) => names.map(({ name, form, line, column }) => `${line}:${column} ${forms[form]}${name}`);
  const cases: [program: string, want: string[]][] = [
    ["x = __import__('os')", ["1:5 __import__"]],
    ["x = eval('1')\nx = eval('2')", ["1:5 eval"]],
    ["def g(x): return x(open)", ["1:20 open"]],
    ["x = \uff45val('1')", ["1:5 eval"]],
    ["é = 1; x = eval", ["1:12 eval"]],
    ["f'{eval(1)}'", ["1:4 eval"]],
    // Where they hide.
    ["@eval\ndef g(a=open, *, b: exec = compile) -> vars: pass", ["1:2 eval", "2:9 open", "2:21 exec", "2:28 compile", "2:40 vars"]],
    ["@exec\nclass A(eval, metaclass=type): pass", ["1:2 exec", "2:9 eval", "2:25 type"]],
    ["x = [a for a in (lambda: eval(1))()]", ["1:26 eval"]],
    ["x: eval", ["1:4 eval"]],
    ["match 1:\n    case object(__class__=c): pass", ["2:10 .__class__", "2:10 object"]],
    ["from math import __loader__", ["1:18 .__loader__"]],
    ["x = f\\\n  .__globals__", ["2:4 .__globals__"]],
    ["x = ().__class__.__subclasses__()", ["1:8 .__class__", "1:18 .__subclasses__"]],
    ["x = getattr(1, '__class__')", ["1:5 getattr", "1:16 '__class__"]],
    ["x = getattr(1, '__cla' 'ss__')", ["1:5 getattr", "1:16 '__class__"]],
    ["x = __builtins__['eval']", ["1:5 __builtins__"]],
    // What only looks like it.
    ["x = \"__import__('os')\"  # eval(1)", []],
    ["'''eval(1)'''", []],
    ["import re\nx = re.compile('a').open", []],
    ["import eval\nx = eval", []],
    ["x = dict; x(eval=1)", ["1:5 dict"]],
    // The program's own.
    ["def g(input): return input", []],
    ["def g(x):\n    input = x\n    return lambda: input", []],
    ["def g(x):\n    from math import floor as open\n    return open(x)", []],
    ["def g(*open, **eval): return open, eval", []],
    ["x = [input for input in [1]]", []],
    ["eval = 1\nx = eval", []],
    ["def g(n):\n    def eval(n): return eval(n)\n    return eval(n)", []],
    ["def eval(n): return eval(n - 1)", []],
    ["x, open = 1, 2\ndef g(): return open", []],
    ["class open: pass\nx = open", []],
    // A binding that need not be there when the name is used.
    ["eval = eval", ["1:8 eval"]],
    ["def g(): return eval\neval = 1", ["1:17 eval"]],
    ["if 0: eval = 1\nx = eval", ["2:5 eval"]],
    ["for eval in []: pass\nx = eval", ["2:5 eval"]],
    ["eval = 1\ndel eval\nx = eval", ["3:5 eval"]],
    ["eval = 1\ndef g():\n    global eval\n    del eval\ng()\nx = eval", ["6:5 eval"]],
    ["eval = 1\ntry: pass\nexcept Exception as eval: pass\nx = eval", ["3:8 Exception", "4:5 eval"]],
    ["@(lambda g: g())\ndef eval(): return eval(1)", ["2:20 eval"]],
    ["def eval(a=(lambda: eval)()): pass", ["1:21 eval"]],
    ["class A:\n    x = eval\n    eval = 1\n    def g(): return eval", ["2:9 eval"]],
    ["x = [eval for eval in eval(1)]", ["1:23 eval"]],
    ["def g():\n    eval = 1\n    class A:\n        global eval\n        x = eval", ["5:13 eval"]],
    ["def g():\n    global eval\n    eval = 1\n    return eval", ["4:12 eval"]],
    ["eval: int\nx = eval", ["1:7 int", "2:5 eval"]],
  ];
  for (const [program, want] of cases) t.same(shown(await executor.analyse(program + end)), want, JSON.stringify(program));
});

t.test("what the module binds f to", async (t) => {
  const cases: [program: string, want: `${number} ${EntryBinding["how"]}`[]][] = [
    ["def f(x): return 1", ["1 def"]],
    ["def f(x): yield 1", ["1 def"]],
    ["import functools\n@functools.cache\ndef f(x): return 1", ["3 def"]],
    ["def f(x):\n    def f(y): return y\n    f = f(x)\n    return f", ["1 def"]],
    ["def f(x): return [f for f in x]", ["1 def"]],
    ["def f(x): return x\nx = [f for f in [1]]\ndef g(f): return f\nclass A:\n    f = 1", ["1 def"]],
    ["f: int\ndef f(x): return 1", ["2 def"]],
    ["def g(x): return 1", []],
    ["class A:\n    def f(self): return 1", []],
    ["def g():\n    def f(x): return 1", []],
    ["async def f(x): return 1", ["1 async def"]],
    ["class f: pass", ["1 class"]],
    ["f = lambda x: x", ["1 assignment"]],
    ["import f", ["1 import"]],
    ["import f.g", ["1 import"]],
    ["import math as f", ["1 import"]],
    ["from math import floor as f", ["1 import"]],
    ["if 1:\n    def f(x): return 1", ["2 nested def"]],
    ["def g():\n    global f\n    def f(x): return 1", ["3 nested def"]],
    ["def f(x): return 1\ndef f(x): return 2", ["1 def", "2 def"]],
    ["def f(x): return 1\nclass f: pass", ["1 def", "2 class"]],
    ["def f(x): return 1\nf = f", ["1 def", "2 assignment"]],
    ["def f(x): return 1\nf += 1", ["1 def", "2 assignment"]],
    ["def f(x): return 1\n(f, g), *h = (1, 2), 3", ["1 def", "2 assignment"]],
    ["def f(x): return 1\nprint(f := 2)", ["1 def", "2 assignment"]],
    ["def f(x): return 1\n[f := g for g in [1]]", ["1 def", "2 assignment"]],
    ["def f(x): return 1\nfor f in []: pass", ["1 def", "2 assignment"]],
    ["def f(x): return 1\nwith open(0) as f: pass", ["1 def", "2 assignment"]],
    ["def f(x): return 1\ntry: pass\nexcept Exception as f: pass", ["1 def", "3 assignment"]],
    ["def f(x): return 1\nmatch 1:\n    case f: pass", ["1 def", "3 assignment"]],
    ["def f(x): return 1\nmatch 1:\n    case [*f] | {**f}: pass", ["1 def", "3 assignment", "3 assignment"]],
    ["def f(x): return 1\ndel f", ["1 def", "2 del"]],
    ["def f(x):\n    global f\n    f = 1", ["1 def", "3 assignment"]],
    ["def f(x): return 1\nclass A:\n    global f\n    f = 2", ["1 def", "4 assignment"]],
    ["def f(x): return 1\nfrom math import f", ["1 def", "2 import"]],
    ["f = 1\ndef f(x): return 1", ["1 assignment", "2 def"]],
    ["f = 1\n".repeat(9), ["1 assignment", "2 assignment", "3 assignment", "4 assignment"]],
  ];
  for (const [program, want] of cases) {
    const { ok, entry } = await executor.analyse(program);
    t.ok(ok);
    t.same(entry.map(({ line, how }) => `${line} ${how}`), want, JSON.stringify(program));
  }
});
