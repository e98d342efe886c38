// The loop driven by fakes: twenty steps with a golden file, and independence of what finishes first.
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import type { Task } from "../../src/curriculum/task.ts";
import { collect } from "../../src/testing/index.ts";
import { fakes, lines, metricsText, rollouts, trainFake } from "../run/support/fake-run.ts";

const goldenPath = fileURLToPath(new URL("./fixtures/loop-golden.json", import.meta.url));

t.test("twenty steps give the golden metrics, whatever the executor finishes first", async (t) => {
  t.testdir({});
  const runs = await Promise.all([undefined, 1, 2].map(async (delaySeed, at) => {
    const run = trainFake(t.testdirName, { steps: 20, run: { name: `r${at}` } }, fakes(delaySeed));
    const events = await collect(run);
    return { events, dir: run.dir!, text: await metricsText(run.dir!) };
  }));
  const [plain, ...delayed] = runs;
  for (const { text, dir } of delayed) {
    t.equal(text, plain!.text, "metrics");
    t.equal(await readFile(join(dir, "tasks.jsonl"), "utf8"), await readFile(join(plain!.dir, "tasks.jsonl"), "utf8"), "tasks");
    t.same(await rollouts(dir, 20), await rollouts(plain!.dir, 20), "rollouts");
  }
  const metrics = plain!.text.split("\n").filter(Boolean).map((line) => JSON.parse(line) as Record<string, number>);
  const golden = { sha256: createHash("sha256").update(plain!.text).digest("hex"), first: metrics[0], last: metrics.at(-1) };
  // AZR_UPDATE_GOLDEN=1 writes the file anew after an intended change; look at its difference before committing.
  if (process.env.AZR_UPDATE_GOLDEN) await writeFile(goldenPath, `${JSON.stringify(golden, null, 2)}\n`);
  const expected = JSON.parse(await readFile(goldenPath, "utf8")) as typeof golden;
  t.same(golden.first, expected.first, "step 1");
  t.same(golden.last, expected.last, "step 20");
  t.equal(golden.sha256, expected.sha256, "every byte");
  t.notMatch(plain!.text, /seconds|"time|share/i, "no clock in the metrics");

  const counts = new Map<string, number>();
  for (const { type } of plain!.events) counts.set(type, (counts.get(type) ?? 0) + 1);
  const of = (type: string) => counts.get(type) ?? 0;
  t.same(["run-start", "step-start", "step-end", "update-end", "run-end"].map(of), [1, 20, 20, 20, 1]);
  t.same([of("rollout-end"), of("reward-end")], [120, 120], "six groups a step");
  t.equal(of("task-proposed"), 20 * 3 * 8);
  t.equal(of("task-accepted") + of("task-rejected"), of("task-proposed"), "each proposal is accepted or rejected");
  t.ok(of("task-accepted") > 150 && of("task-rejected") > 100, "both happen a lot");
  const logged = await lines<{ type: string }>(join(plain!.dir, "events.jsonl"));
  t.same(logged.map(({ type }) => type), plain!.events.map(({ type }) => type), "events.jsonl holds what the iterator gave");
  const tasks = await lines<Task>(join(plain!.dir, "tasks.jsonl"));
  t.equal(new Set(tasks.map(({ id }) => id)).size, tasks.length, "ids are unique");
  const known = new Set(tasks.map(({ id }) => id));
  t.ok(tasks.every(({ origin }) => origin.parents.every((id) => known.has(id))), "parents are tasks of the run");
  const programs = await lines<{ key: string }>(join(plain!.dir, "programs.jsonl"));
  const seeds = tasks.filter(({ origin }) => origin.seed).length;
  t.equal(new Set(programs.slice(seeds).map(({ key }) => key)).size, programs.length - seeds, "no task is accepted twice");
});
