// Runs of honest programs on the real executor: forks, large requests, many at once. (mixed-programs.test.ts compares it with plain
// CPython, isolation.test.ts has the hostile programs.)
import t from "tap";
import { openExecutorFor } from "./support/open.ts";

const executor = await openExecutorFor(t);

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

t.test("more inputs and longer values than one request holds", async (t) => {
  const numbers = Array.from({ length: 2500 }, (_, index) => String(index));
  const many = await executor.run({ program: "def f(x): return -x", inputs: numbers, isolation: "program" });
  t.same(many.runs.map(({ value }) => Number(value)), numbers.map((text) => -Number(text)));
  const inputs = Array.from({ length: 150 }, (_, index) => String(index));
  const long = await executor.run({ program: "def f(x): return str(x % 10) * 60_000", inputs, determinism: "pair" });
  t.ok(long.runs.every(({ outcome }) => outcome === "ok"));
  t.equal(long.deterministic, true, "nine megabytes of values agree");
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
