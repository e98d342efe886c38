// Proposals written while the step before is at work (`curriculum.overlap`): a run repeats to the byte whatever ends first, goes on from any point to
// the same bytes, and corrects for weights that are one update older.
import { createRandom } from "../../src/random.ts";
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { resolveConfig } from "../../src/config/index.ts";
import type { RunEvent } from "../../src/events.ts";
import { collect, failingDisk } from "../../src/testing/index.ts";
import { fakes, metricsText, resultFiles, resumeFake, rollouts, trainFake } from "../run/support/fake-run.ts";

const steps = 8;
const run = { checkpointEvery: 3, name: "run" };
const curriculum = { overlap: true };
const config = { steps, run, curriculum };

const whole = await (async () => {
  const one = trainFake(t.testdir({}), config);
  const events: RunEvent[] = await collect(one);
  return { files: await resultFiles(one.dir!), dir: one.dir!, events, metrics: (await metricsText(one.dir!)).trim().split("\n").map((line) => JSON.parse(line) as Record<string, number>) };
})();

t.test("whatever the executor finishes first, and with duplicates allowed", async (t) => {
  for (const deduplicate of [true, false]) {
    const all = [];
    for (const delaySeed of [undefined, 1, 2]) {
      const one = trainFake(t.testdir({}), { ...config, curriculum: { ...curriculum, deduplicate } }, fakes(delaySeed));
      await one.result;
      all.push(await resultFiles(one.dir!));
    }
    t.same(all[1], all[0], `deduplicate: ${deduplicate}`);
    t.same(all[2], all[0]);
    if (deduplicate) t.same(all[0], whole.files);
  }
});

t.test("the first step is that of a run without overlap; from the second on proposals are corrected for", async (t) => {
  const plain = trainFake(t.testdir({}), { steps: 3, run });
  await plain.result;
  const [first, second] = (await metricsText(plain.dir!)).split("\n").filter(Boolean).map((line) => JSON.parse(line) as Record<string, number>);
  t.same(whole.metrics[0], first);
  t.notSame(whole.metrics[1], second);
  t.notOk("update/importanceMean" in whole.metrics[0]!);
  for (const line of whole.metrics.slice(1)) {
    // Each update of the fake makes all that it says less probable.
    t.ok(line["update/importanceMean"]! < 1 && line["update/importanceMean"]! > 0.5, `step ${line["step"]}`);
    t.equal(line["update/maxLogProbabilityGap"], 0, "the trainer computes its own log-probabilities again");
  }
  const records = await rollouts(whole.dir, 4);
  t.equal(records.filter(({ role }) => role === "propose").length, 24);
});

t.test("events come in the step that they belong to", async (t) => {
  for (let step = 1; step <= steps; step++) {
    const of = whole.events.filter((event) => event.step === step).map(({ type }) => type);
    t.equal(of[0], "step-start");
    t.equal(of.filter((type) => type === "task-proposed").length, 24, `step ${step}`);
    t.equal(of.filter((type) => type === "rollout-end").length, 6);
  }
});

t.test("a frozen proposer's are never stale", async (t) => {
  const one = trainFake(t.testdir({}), { ...config, steps: 3, curriculum: { ...curriculum, proposer: "frozen" } }, { proposer: fakes().engine });
  await one.result;
  for (const line of (await metricsText(one.dir!)).trim().split("\n")) t.notMatch(line, /importance/);
});

t.test("broken at any point of writing, once or again and again, then resumed", async (t) => {
  const random = createRandom(1, "points");
  let broken = 0;
  let withAhead = 0;
  t.testdir({});
  for (let round = 0; round < 8; round++) {
    const parent = join(t.testdirName, String(round));
    const dir = join(parent, "run");
    await trainFake(parent, config, { disk: failingDisk({ bytes: 180_000 + random.integer(400_000), as: "dead" }) }).result.catch(() => undefined);
    for (let attempt = 0; attempt < 2; attempt++) {
      const again = failingDisk({ bytes: random.integer(200_000), as: "dead" });
      await resumeFake(dir, { disk: again, ...fakes(attempt) }).result.catch(() => undefined);
      if (again.failed()) broken += 1;
    }
    if (await access(join(dir, "latest")).then(() => true, () => false)) {
      const state = await readFile(join(dir, "checkpoints", (await readFile(join(dir, "latest"), "utf8")).trim(), "state.json"), "utf8");
      if (state.includes('"ahead":{"step"')) withAhead += 1;
    }
    await resumeFake(dir).result;
    t.same(await resultFiles(dir), whole.files, `round ${round}`);
  }
  t.ok(broken >= 3, `${broken} of the resumed sittings broke too`);
  t.ok(withAhead >= 2, `${withAhead} went on from a checkpoint that holds proposals`);
});

t.test("stopped in an orderly way, between steps and at once, then resumed", async (t) => {
  for (const when of ["step", "now"] as const) {
    for (const at of [2, 5]) {
      const parent = t.testdir({});
      const one = trainFake(parent, config, {
        onEvent: (event) => void (event.type === "step-start" && event.step === at && one.stop({ when }).catch(() => undefined)),
      });
      await one.result;
      t.match(await resumeFake(join(parent, "run")).result, { status: "finished", step: steps });
      t.same(await resultFiles(join(parent, "run")), whole.files, `${when}, step ${at}`);
    }
  }
});

t.test("a run that is made longer goes on as one that was so long from the start", async (t) => {
  const parent = t.testdir({});
  await trainFake(parent, { ...config, steps: 5 }).result;
  t.match(await resumeFake(join(parent, "run"), { set: [`steps=${steps}`] }).result, { status: "finished", step: steps });
  t.same(await resultFiles(join(parent, "run")), whole.files);
});

t.test("an abort ends the work ahead too", async (t) => {
  const controller = new AbortController();
  const parts = fakes(1);
  const one = trainFake(t.testdir({}), config, { ...parts, signal: controller.signal, onEvent: (event) => void (event.type === "reward-end" && event.step === 3 && controller.abort()) });
  await t.rejects(one.result, { code: "AZR_ABORTED" });
});

t.test("without a correction for older weights it is refused", async (t) => {
  t.throws(() => resolveConfig({ preset: "tiny-cpu", set: ["curriculum.overlap=true", "update.importanceCap=0"] }), { code: "AZR_CONFIG_INVALID", message: /importanceCap/ });
});
