// Fifty steps of each recipe, driven by the scripted engine, with a golden event log: its hash, and a summary that people can read. At the size tiny-cpu,
// with buffers so small that they fill. What hangs on the machine (folders, times) is left out, and the events of a step are sorted: which of
// two verdicts comes first is nobody's business.
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import t from "tap";
import type { RecipeName } from "../../src/config/index.ts";
import type { RunEvent } from "../../src/events.ts";
import { collect } from "../../src/testing/index.ts";
import { fakes, trainFake } from "../run/support/fake-run.ts";

type Golden = Record<string, { sha256: string; events: Record<string, number>; steps: Record<string, Record<string, number>> }>;
const goldenPath = fileURLToPath(new URL("./fixtures/recipes-golden.json", import.meta.url));
const recipes = ["paper", "reference", "tuned"] as const satisfies RecipeName[];
const shown = [1, 10, 50];
/** What the summary holds of a step's metrics. */
const summary = /^(propose|solve|buffer)\/(deduction|abduction|induction)\/(accepted|learnable|reward|solveRate|correct|size|completions|rejected\/duplicate)$|^update\/(gradientSteps|loss)$/;

/** The events of a run as lines without what hangs on the machine or on how many settings there are. */
function logOf(events: readonly RunEvent[]): string[] {
  const steps: string[][] = [[]];
  for (const event of events) {
    if (event.type === "step-start") steps.push([]);
    const { dir: _dir, path: _path, configHash: _hash, timings: _timings, time: _time, seq: _seq, ...rest } = event as unknown as Record<string, unknown>;
    steps.at(-1)!.push(JSON.stringify(rest));
  }
  return steps.flatMap((lines) => lines.sort());
}

async function fiftySteps(dir: string, recipe: (typeof recipes)[number], delaySeed?: number) {
  const name = delaySeed === undefined ? recipe : `${recipe}-delayed`;
  const config = { steps: 50, curriculum: { bufferCapacity: 60 }, run: { name, checkpointEvery: 0, recordRollouts: false } };
  const events = await collect(trainFake(dir, { preset: `${recipe},tiny-cpu`, ...config }, fakes(delaySeed)));
  return { events, log: logOf(events) };
}

t.test("fifty steps of each recipe give their golden event logs", async (t) => {
  t.testdir({});
  const runs = await Promise.all(recipes.map((recipe) => fiftySteps(t.testdirName, recipe)));
  const golden: Golden = {};
  for (const [at, recipe] of recipes.entries()) {
    const { events, log } = runs[at]!;
    const counts: Record<string, number> = {};
    for (const { type } of events) counts[type] = (counts[type] ?? 0) + 1;
    const ends = events.flatMap((event) => (event.type === "step-end" ? [event] : []));
    const steps = shown.map((step) => [`step ${step}`, Object.fromEntries(Object.entries(ends[step - 1]!.metrics).filter(([key]) => summary.test(key)))] as const);
    golden[recipe] = { sha256: createHash("sha256").update(log.join("\n")).digest("hex"), events: counts, steps: Object.fromEntries(steps) };
  }
  // AZR_UPDATE_GOLDEN=1 writes the file anew after an intended change; look at its difference before committing.
  if (process.env.AZR_UPDATE_GOLDEN) await writeFile(goldenPath, `${JSON.stringify(golden, null, 1)}\n`);
  const expected = JSON.parse(await readFile(goldenPath, "utf8")) as Golden;
  for (const recipe of recipes) {
    t.same(golden[recipe]!.events, expected[recipe]!.events, `${recipe}: events`);
    t.same(golden[recipe]!.steps, expected[recipe]!.steps, `${recipe}: steps`);
    t.equal(golden[recipe]!.sha256, expected[recipe]!.sha256, `${recipe}: every byte of the log`);
  }
  t.equal(new Set(Object.values(golden).map(({ sha256 }) => sha256)).size, 3, "the recipes differ");
  t.same((await fiftySteps(t.testdirName, "reference", 4)).log, runs[1]!.log, "whatever the executor finishes first");

  // What tells the recipes apart shows in their logs.
  const last = (recipe: (typeof recipes)[number]) => golden[recipe]!.steps["step 50"]!;
  t.same(recipes.map((recipe) => last(recipe)["buffer/deduction/size"]), [60, 60, 60], "buffers fill");
  t.same(recipes.map((recipe) => (last(recipe)["propose/deduction/rejected/duplicate"] ?? 0) > 0), [false, false, true], "duplicates are refused by tuned alone");
  const answers = (recipe: (typeof recipes)[number]) => golden[recipe]!.steps["step 1"]!["solve/deduction/completions"];
  t.same(recipes.map(answers), [8, 1, 28], "tuned trains on the difficulty rollouts");
  const rewards = (recipe: (typeof recipes)[number]) =>
    new Set(runs[recipes.indexOf(recipe)]!.events.flatMap((event) => (event.type === "reward-end" && event.role === "propose" ? Object.values(event.rewards) : [])));
  t.same([rewards("paper").has(0), rewards("paper").has(-0.5), rewards("reference").has(0), rewards("reference").has(-0.5)], [true, false, false, true], "extremes: 0 in the paper, -0.5 in its code");
});
