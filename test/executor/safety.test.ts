// The safety report as a table: what a policy finds in an analysis.
import t from "tap";
import type { ImportMention, NameMention } from "../../src/executor/executor.ts";
import { safetyReport } from "../../src/executor/safety.ts";

const imported = (module: string, names: string[] = [], line = 1, column = 1): ImportMention => ({ module, names, line, column });
const used = (name: string, form: NameMention["form"] = "name", line = 1, column = 1): NameMention => ({ name, form, line, column });

t.test("imports", async (t) => {
  const cases: [rule: string, ImportMention, finding: string | null][] = [
    ["os", imported("os"), "imports os"],
    ["os", imported("os.path"), "imports os.path"],
    ["os", imported("os", ["path"]), "imports os"],
    ["os", imported("os", ["*"]), "imports os"],
    ["os", imported("posix.os"), "imports posix.os"],
    ["os", imported(".", ["os"]), "imports os"],
    ["os", imported("..os", ["path"]), "imports os"],
    ["os", imported("typing", ["sys", "os"]), "imports typing.os"],
    ["os", imported("osmosis"), null],
    ["os", imported("math", ["osmosis"]), null],
    ["os", imported("math", ["*"]), null],
    ["os.path", imported("os.path"), "imports os.path"],
    ["os.path", imported("os.path", ["join"]), "imports os.path"],
    ["os.path", imported("os", ["environ", "path"]), "imports os.path"],
    ["os.path", imported("os", ["*"]), "imports os.*"],
    ["os.path", imported("os"), null],
    ["os.path", imported("os.pathological"), null],
    ["os.path", imported("a.os.path"), null],
    ["", imported("os"), null],
  ];
  for (const [rule, mention, want] of cases) {
    const report = safetyReport({ imports: [mention], names: [] }, { modules: ["none", rule], names: ["os"] });
    t.same(report, want === null ? [] : [{ line: 1, column: 1, what: want, rule }], `${rule} in ${mention.module} (${mention.names})`);
  }
});

t.test("names", async (t) => {
  const names = [used("eval"), used("__globals__", "attribute", 2), used("__code__", "text", 3), used("len", "name", 4)];
  const report = (...banned: string[]) => safetyReport({ imports: [], names }, { modules: banned, names: banned }).map(({ what, rule }) => `${what} (${rule})`);
  t.same(report("eval"), ["uses eval (eval)"]);
  t.same(report("__code__", "__globals__"), ["uses the attribute __globals__ (__globals__)", "names __code__ in a string (__code__)"]);
  t.same(report("ev", "evaluate", "globals"), []);
  t.same(report(), []);
});

t.test("findings stand in the order of the text", async (t) => {
  const analysis = { imports: [imported("os", [], 3, 8), imported("sys", [], 1, 8), imported("math", [], 1, 1)], names: [used("eval", "name", 1, 4), used("open", "name", 10, 1)] };
  const places = safetyReport(analysis, { modules: ["sys", "os"], names: ["open", "eval"] }).map(({ line, column, rule }) => `${line}:${column} ${rule}`);
  t.same(places, ["1:4 eval", "1:8 sys", "3:8 os", "10:1 open"]);
});
