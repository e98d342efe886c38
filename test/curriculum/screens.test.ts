// The screens before a run, on the real executor: which proposals they refuse, in which words, and that nothing of these is executed.
import t from "tap";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { curriculumSettings, defaultBannedModules } from "../../src/curriculum/settings.ts";
import type { Executor } from "../../src/executor/executor.ts";
import { safetyReport } from "../../src/executor/safety.ts";
import { openExecutorFor } from "../executor/support/open.ts";

const executor = await openExecutorFor(t);

type Validation = NonNullable<NonNullable<Parameters<typeof curriculumSettings>[0]>["validation"]>;

/** "accepted", or the reason and its detail, and whether anything was run. */
async function screened(program: string, validation: Validation = {}): Promise<string> {
  let runs = 0;
  const counting: Executor = { ...executor, run: (request) => ((runs += 1), executor.run(request)) };
  const settings = curriculumSettings({ validation });
  const result = await kindNamed("deduction").validate({ program, inputs: ["1"] }, { executor: counting, settings });
  if (result.ok) return "accepted";
  return `${runs > 0 ? "run, " : ""}${result.reason}: ${result.detail}`;
}

t.test("exactly the entry function", async (t) => {
  const cases: [program: string, want: string][] = [
    ["def f(x): return x", "accepted"],
    ["def f(x): return g(x)\ndef g(x): return x", "accepted"],
    ["def g(x): return x\ndef f(x): return g(x)\nh = f(2)", "accepted"],
    ["import functools\n@functools.lru_cache\ndef f(x): return x", "accepted"],
    ["def f(x):\n    def f(y): return y\n    return f(x)", "accepted"],
    ["def f(x):\n    f = x\n    return f", "accepted"],
    ["class A:\n    def f(self): return 1\ndef f(x): return A().f()", "accepted"],
    ["def f(x): yield x", "run, unrepresentable"],
    ["", "no-entry-function: defines no function f"],
    ["def F(x): return x", "no-entry-function: defines no function f"],
    ["def g():\n    def f(x): return x", "no-entry-function: defines no function f"],
    ["async def f(x): return x", "no-entry-function: line 1: f is bound by an async def"],
    ["class f:\n    def __init__(self, x): pass", "no-entry-function: line 1: f is bound by a class"],
    ["f = lambda x: x", "no-entry-function: line 1: f is bound by an assignment"],
    ["if True:\n    def f(x): return x", "no-entry-function: line 2: f is bound by a def inside of another statement"],
    ["def f(x): return x\n\ndef f(x): return x + 1", "no-entry-function: line 3: f is bound again, by a def"],
    ["def f(x): return x\nf = f(1)", "no-entry-function: line 2: f is bound again, by an assignment"],
    ["def f(x): return x\nclass f: pass", "no-entry-function: line 2: f is bound again, by a class"],
    ["def f(x): return x\nfrom math import floor as f", "no-entry-function: line 2: f is bound again, by an import"],
    ["def f(x): return x\ndel f", "no-entry-function: line 2: f is bound again, by a del"],
    ["def f(x):\n    global f\n    f = None\n    return x", "no-entry-function: line 3: f is bound again, by an assignment"],
  ];
  for (const [program, want] of cases) t.ok((await screened(program)).startsWith(want), `${JSON.stringify(program)}: ${await screened(program)}`);
});

t.test("the policy, by line", async (t) => {
  const names = { bannedNames: ["__import__", "eval", "open", "input", "getattr", "__globals__", "__subclasses__"] };
  const nothing = { bannedModules: [], bannedNames: [] };
  const end = "\ndef f(x): return x";
  const cases: [program: string, want: string, Validation?][] = [
    ["import math\n\nimport os", "banned: line 3: imports os"],
    ["import os as o", "banned: line 1: imports os"],
    ["import math, os.path", "banned: line 1: imports os.path"],
    ["from os import path", "banned: line 1: imports os"],
    ["from os.path import *", "banned: line 1: imports os.path"],
    ["from typing import sys", "banned: line 1: imports typing.sys"],
    ["from . import random", "banned: line 1: imports random"],
    ["import importlib", "banned: line 1: imports importlib"],
    ["def g():\n    try:\n        import time\n    except ImportError:\n        pass", "banned: line 3: imports time"],
    ["import math, re, json\nfrom collections import Counter", "accepted"],
    ["x = 'import os'  # import os\n'''\nimport os\n'''", "accepted"],
    ["x = 1\ny = 0 and input()", "banned: line 2: uses input"],
    ["def g(input): return input", "accepted"],
    ["y = 0 and __import__('os')", "accepted"],
    ["y = 0 and __import__('os')", "banned: line 1: uses __import__", names],
    ["@(lambda g: g)\ndef g(a=open): pass", "banned: line 2: uses open", names],
    ["def g(): return f.__globals__", "banned: line 1: uses the attribute __globals__", names],
    ["def g(x): return x.setdefault('__globals__')", "banned: line 1: names __globals__ in a string", names],
    ["x = 'eval(1)'  # eval(1)", "accepted", names],
    ["def eval(x): return x\ny = eval(1)", "accepted", names],
    ["import random, time\ny = 0 and input()", "accepted", nothing],
  ];
  for (const [program, want, validation] of cases) t.equal(await screened(program + end, validation), want, JSON.stringify(program));
  for (const module of defaultBannedModules) t.equal(await screened(`import ${module}${end}`), `banned: line 1: imports ${module}`);
  // The list of the paper and its code, each entry as a program would import it.
  const theirs = ["import logging", "import random", "import multiprocessing", "import pebble", "import subprocess", "import threading", "import datetime", "import time", "import hashlib",
    "import hmac", "import bcrypt", "from os import sys", "import os.path", "from sys import exit", "from os import environ", "import calendar", "import sys", "import shutil"];
  for (const statement of theirs) t.match(await screened(statement + end), /^banned: line 1: imports /, statement);
  for (const name of ["os.system", "", "a b", "2"]) t.throws(() => curriculumSettings({ validation: { bannedNames: [name] } }), { code: "AZR_CONFIG_INVALID" }, name);
});

t.test("a report on a real analysis, as docs/executor.md shows it", async (t) => {
  const analysis = await executor.analyse("import math\n\nfrom os import path\ndef f(x): return eval(x)");
  t.same(safetyReport(analysis, { modules: ["os"], names: ["eval"] }), [
    { line: 3, column: 1, what: "imports os", rule: "os" },
    { line: 4, column: 18, what: "uses eval", rule: "eval" },
  ]);
  t.same(safetyReport(await executor.analyse("import os\ndef f(x)"), { modules: ["os"], names: [] }), [], "what does not parse has no report");
});
