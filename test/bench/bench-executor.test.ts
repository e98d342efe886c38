// The benchmark of the executor: its mix is ordinary, its figures are what they say, and the command prints them.
import t from "tap";
import { benchExecutor } from "../../src/bench/bench-executor.ts";
import { quantile, spread } from "../../src/bench/spread.ts";
import { ordinaryPrograms } from "../../src/bench/ordinary-programs.ts";
import { azr } from "../cli/harness.ts";
import { openExecutorFor } from "../executor/support/open.ts";

const executor = await openExecutorFor(t);

t.test("the mix is some fifty programs that end in a value, or in an error of their own", async (t) => {
  t.equal(ordinaryPrograms.length, 50);
  t.equal(new Set(ordinaryPrograms.map(({ program }) => program)).size, 50);
  for (const { program, input } of ordinaryPrograms) {
    const { runs, deterministic } = await executor.run({ program, inputs: [input], determinism: "full" });
    if (program.includes("a[5]")) t.match(runs[0], { outcome: "runtime-error", error: "IndexError" });
    else if (program.includes("class Account")) t.match(runs[0], { outcome: "ok", value: "4" });
    else t.ok(runs[0]!.outcome === "ok" && deterministic, program);
  }
});

t.test("quantiles and spreads", async (t) => {
  t.same([0, 0.01, 0.5, 0.75, 0.99, 1].map((share) => quantile([1, 2, 3, 4], share)), [1, 1, 2, 3, 4, 4]);
  t.same(spread([3, 1, 2]), { median: 2, low: 1, high: 3 });
  t.same(spread([5]), { median: 5, low: 5, high: 5 });
});

t.test("one short round", async (t) => {
  const bench = await benchExecutor({ workers: 1, rounds: 1, passes: 1 });
  t.match(bench, { type: "bench-executor", cores: 1, programs: 50, rounds: 1, python: /^3\.\d+\.\d+$/ });
  t.ok(bench.bareForkMs > 0 && bench.bareForkMs < bench.p50Ms, "a run costs more than a bare fork");
  t.ok(bench.p50Ms < bench.plainPythonMs.median, "and less than a new Python");
  t.ok(bench.p50Ms <= bench.p99Ms);
  t.equal(bench.runsPerSecond, bench.allWorkers.median);
  if (bench.oneCore === null) t.equal(bench.scaling, null);
  else t.equal(bench.scaling, bench.allWorkers.median / bench.oneCore.median);
  t.equal(bench.runsPerSecondPerCore, bench.runsPerSecond / bench.cores);
  t.ok(bench.overshootMs > -100 && bench.overshootMs < 100);
  await t.rejects(benchExecutor({ rounds: 1, signal: AbortSignal.abort() }), { code: "AZR_ABORTED" });
});

t.test("the command", async (t) => {
  const { code, stdout } = await azr(["bench", "executor", "--workers", "1", "--rounds", "1", "--json"]);
  t.equal(code, 0);
  t.match(JSON.parse(stdout), { p50Ms: Number, p99Ms: Number, runsPerSecond: Number, cores: 1 });
  const table = await azr(["bench", "executor", "--workers", "1", "--rounds", "1"]);
  t.match(table.stdout, /^CPython 3\.\d+\.\d+, 50 programs, 1 round\na run, request to answer {2}median \d/);
  t.match(table.stderr, /other work on the machine/);
});
