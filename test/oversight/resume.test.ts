// Runs in which oversight takes tasks out, or takes the run back, broken off at any point and resumed: the same bytes as unbroken ones, the audit log's among
// them. And quarantine where the next step is written ahead.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import type { ConfigInput } from "../../src/config/index.ts";
import type { Task } from "../../src/curriculum/task.ts";
import type { RunEvent } from "../../src/events.ts";
import type { Monitor } from "../../src/oversight/monitor.ts";
import { createRandom } from "../../src/random.ts";
import { failingDisk } from "../../src/testing/index.ts";
import { fakes, lines, resultFiles, resumeFake, rollouts, trainFake } from "../run/support/fake-run.ts";
import { audit } from "./support/watched-run.ts";

const draw = (text: string) => createHash("sha256").update(text).digest()[0]!;

/** Takes out about one task in ten of those that are answered, and what else was said of it. */
const strict: Monitor = {
  name: "one-in-ten",
  level: "quarantine",
  beforeUpdate({ rollouts: all }, memory) {
    const seen = (memory as number | undefined) ?? 0;
    const tasks = [...new Set(all.flatMap(({ role, task }) => (role === "solve" && task !== undefined && draw(task.program + String(seen % 5)) < 26 ? [task.id] : [])))];
    return { finding: tasks.length === 0 ? null : { message: `${tasks.length} tasks, after ${seen}`, tasks }, memory: seen + tasks.length };
  },
};

/** Takes the run back from one step in three of those after the third. */
const moody: Monitor = {
  name: "moody",
  level: "roll-back",
  beforeUpdate: ({ step, rollouts: all }) => ({ finding: step > 3 && draw(all.map(({ response }) => response).join("")) < 85 ? { message: `step ${step} does not please` } : null }),
};

async function files(dir: string) {
  return { ...(await resultFiles(dir)), audit: await readFile(join(dir, "audit.jsonl"), "utf8") };
}

async function breakOff(t: { same(actual: unknown, expected: unknown, message: string): unknown }, folder: string, { config, monitors, seed, rounds }: { config: ConfigInput; monitors: Monitor[]; seed: number; rounds: number }) {
  const whole = trainFake(join(folder, "whole"), config, { monitors });
  await whole.result;
  const expected = await files(whole.dir!);
  const random = createRandom(seed, "points");
  for (let round = 0; round < rounds; round++) {
    const parent = join(folder, `broken${round}`);
    const dir = join(parent, "run");
    await trainFake(parent, config, { monitors, disk: failingDisk({ bytes: 60_000 + random.integer(400_000), as: "dead" }) }).result.catch(() => undefined);
    await resumeFake(dir, { monitors, ...fakes(round), disk: failingDisk({ bytes: random.integer(200_000), as: "dead" }) }).result.catch(() => undefined);
    await resumeFake(dir, { monitors }).result;
    t.same(await files(dir), expected, `round ${round}`);
  }
  return whole.dir!;
}

const run = { checkpointEvery: 3, name: "run" };

t.test("quarantined tasks and their offspring", async (t) => {
  const dir = await breakOff(t, t.testdir({}), { config: { steps: 8, curriculum: { replay: 8 }, run }, monitors: [strict], seed: 11, rounds: 5 });
  const metrics = await lines<Record<string, number>>(join(dir, "metrics.jsonl"));
  t.ok(metrics.filter((line) => (line["buffer/quarantined"] ?? 0) > 0).length >= 4, "it happens a lot");
});

t.test("the same with the next step's proposals written ahead", async (t) => {
  const config = { steps: 8, curriculum: { replay: 8, overlap: true }, run };
  const dir = await breakOff(t, t.testdir({}), { config, monitors: [strict], seed: 12, rounds: 4 });
  const records = (await Promise.all([2, 3, 4, 5, 6, 7, 8].map((step) => rollouts(dir, step)))).flat();
  t.ok(records.some(({ outcome }) => outcome === "quarantined"));
  const events = await lines<RunEvent>(join(dir, "events.jsonl"));
  const ended = events.flatMap((event) => (event.type === "task-quarantined" ? [event] : []));
  t.ok(ended.some(({ reason }) => reason === "offspring of tasks that left in the step before"), "some children were written before their parents left");
  const gone = new Set(ended.flatMap(({ removed }) => removed));
  const tasks = await lines<Task>(join(dir, "tasks.jsonl"));
  t.same(tasks.filter(({ id, origin }) => origin.parents.some((parent) => gone.has(parent)) && !gone.has(id)).map(({ id }) => id), [], "and left with the next step");
});

t.test("roll-backs, which the log keeps", async (t) => {
  const config = { steps: 7, run: { ...run, checkpointEvery: 2, rollBack: 30 } };
  const dir = await breakOff(t, t.testdir({}), { config, monitors: [moody], seed: 13, rounds: 4 });
  const back = (await audit(dir)).filter(({ type }) => type === "roll-back");
  t.ok(back.length >= 1, `${back.length} roll-backs`);
  t.same(back.map(({ number }) => number), back.map((_, at) => at + 1), "each is there once");
  t.equal((await audit(dir)).filter(({ type, rule }) => type === "finding" && rule === "moody").length, back.length);
});
