// What the real executor tells of a program without running it.
import t from "tap";
import { openExecutorFor } from "./support/open.ts";

const executor = await openExecutorFor(t);

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
