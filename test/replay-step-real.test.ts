// `azr replay` on a real run of the seedling: its updates and its samples come out again, to the bit, whatever the number of threads.
import { join } from "node:path";
import t from "tap";
import { openEngine } from "../src/engine/open.ts";
import { fakeExecutor } from "../src/testing/index.ts";
import { train } from "../src/train.ts";
import { azr } from "./cli/harness.ts";

interface Report { type: string; equal: boolean; from: string | null; updates: { figures: { name: string; recorded: number }[] }[]; samples: { completions: number; same: number }[] }

t.test("a real run", async (t) => {
  const dir = t.testdir({});
  const engine = await openEngine({ model: "seedling", threads: 1 });
  const run = train(
    { preset: "tiny-cpu", steps: 3, curriculum: { proposals: 4, rollouts: { n: 4 } }, engine: { threads: 1 }, run: { dir, name: "run", checkpointEvery: 2 } },
    { engine, executor: fakeExecutor() },
  );
  await run.result;
  await engine.dispose();
  const folder = join(dir, "run");
  for (const [args, from] of [[["--step", "2", "--threads", "1"], null], [["--step", "3", "--threads", "2"], "step-000002"], [["--step", "3", "--sample", "--threads", "2"], "step-000002"]] as const) {
    const { code, stdout } = await azr(["replay", folder, ...args, "--json"]);
    const report = JSON.parse(stdout) as Report;
    t.same([code, report.type, report.equal, report.from], [0, "step-replay-result", true, from], args.join(" "));
    if (args.includes("--sample" as never)) t.ok(report.samples.length >= 3 && report.samples.every(({ completions, same }) => completions > 0 && completions === same));
    else t.ok(report.updates.at(-1)!.figures.some(({ name, recorded }) => name === "gradientNorm" && recorded > 0), "something was learnt");
  }
  const { code, stdout } = await azr(["replay", folder, "--step", "3"]);
  t.equal(code, 0);
  t.match(stdout, /going on from step-000002\n.*\nu-3-0 loss .* equal\n[^]*all equal, to the bit/);
});
