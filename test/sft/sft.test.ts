// Supervised runs with the real engine and a tiny model: the loss is the mean of -log p that scoring gives, whatever the micro-batches; the run ends
// with a folder that opens; early ends, stops and budgets. The curve of a whole recipe is that of torch (scripts/bench-peers/sft.mjs).
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { nativeFolder } from "../../scripts/native-location.mjs";
import { openEngine } from "../../src/engine/open.ts";
import { cutRows, packRows } from "../../src/curriculum/token-rows.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { RunEvent } from "../../src/events.ts";
import { resumeSft, sft, type SftConfigInput, type SftRun } from "../../src/sft.ts";
import { exampleBatches, exampleRun } from "./support/recipe.ts";

const addon = join(nativeFolder(), "azr.node");
const skip = !existsSync(addon) && `${addon} not built: npm run build makes it`;
const folder = t.testdir({});
const metricsOf = (dir: string) => readFileSync(join(dir, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as Record<string, number>);
const run = (name: string, config: SftConfigInput = {}, { steps = 2, seed = 0 } = {}, engine?: Engine) => {
  const base = exampleRun(join(folder, name), { seed, steps });
  return sft({ ...base, ...config, update: { ...base.update, ...config.update }, run: { ...base.run, ...config.run } }, engine ? { engine } : {});
};

t.test("the curve of torch", { skip, timeout: 300_000 }, async (t) => {
  const golden = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures", "torch-curve.json"), "utf8")) as { seed: number; steps: number; losses: number[] };
  const { dir } = await run("curve", {}, golden).result;
  const losses = metricsOf(dir).map((line) => line["update/loss"]!);
  t.equal(losses.length, golden.losses.length);
  const gaps = losses.map((loss, step) => Math.abs(loss - golden.losses[step]!) / golden.losses[step]!);
  t.ok(Math.max(...gaps) < 5e-6, `relative differences ${gaps.map((gap) => gap.toExponential(1)).join(" ")}`);
});

t.test("the loss is the mean over the batch's trained tokens, whatever the micro-batches", { skip, timeout: 300_000 }, async (t) => {
  const config = exampleRun(join(folder, "score"), { seed: 0, steps: 1 });
  const [batch] = await exampleBatches(config);
  await using engine = await openEngine({ model: "seedling", initialize: { seed: 0 }, threads: 1 });
  const { logProbabilities } = await engine.score({ sequences: packRows(batch!.rows.map(({ tokens }) => tokens)) });
  const scored = cutRows(logProbabilities, Int32Array.from(batch!.rows, ({ tokens }) => tokens.length - 1));
  const terms = batch!.rows.flatMap(({ tokens, trained }, row) => tokens.flatMap((_, at) => (at >= trained[0]! && at < trained[1]! ? [-scored[row]![at - 1]!] : [])));
  const expected = terms.reduce((sum, term) => sum + term, 0) / terms.length;
  const [whole] = metricsOf((await run("default").result).dir);
  for (const microBatchTokens of [1, 100, 4096]) {
    const { dir } = await run(`micro-${microBatchTokens}`, { update: { microBatchTokens } }).result;
    const [first, second] = metricsOf(dir);
    t.equal(first!["update/trainedTokens"], terms.length);
    t.ok(Math.abs(first!["update/loss"]! - expected) < 1e-5 * expected, `${first!["update/loss"]} and ${expected}`);
    t.ok(Math.abs(first!["update/loss"]! - whole!["update/loss"]!) <= 1e-6 * expected, "equal to that of the default");
    t.ok(Math.abs(first!["update/gradientNorm"]! - whole!["update/gradientNorm"]!) <= 1e-5 * whole!["update/gradientNorm"]!);
    t.ok(second!["update/loss"]! < expected);
  }
  const [halved] = metricsOf((await run("bf16", { engine: { threads: 1, weights: "bf16" } }).result).dir);
  const gap = Math.abs(halved!["update/loss"]! - expected) / expected;
  t.ok(gap > 0 && gap < 1e-2, `weights in bfloat16: ${gap}`);
});

t.test("events, the finished folder, and what it is good for", { skip, timeout: 300_000 }, async (t) => {
  const began = run("whole", { validation: { share: 0.1, every: 1 }, dtype: "bf16", out: join(folder, "out") });
  const events: RunEvent[] = [];
  for await (const event of began) events.push(event);
  const { status, step, model, dir, best, endedEarly } = await began.result;
  t.match({ status, step, model, endedEarly }, { status: "finished", step: 2, model: join(folder, "out"), endedEarly: false });
  t.same(events.map(({ type }) => type), ["run-start", "step-start", "update-end", "eval-end", "step-end", "step-start", "update-end", "eval-end", "step-end", "checkpoint-end", "run-end"]);
  t.match(events[0], { method: "sft", steps: 2, resumedFrom: null });
  t.equal(best!.loss, metricsOf(dir)[best!.step - 1]!["validation/loss"]);
  t.match(JSON.parse(readFileSync(join(dir, "config.json"), "utf8")), { method: "sft", config: { initialize: true }, origins: { seed: "argument" } });
  t.match(JSON.parse(readFileSync(join(model!, "config.json"), "utf8")), { torch_dtype: "bfloat16" });
  t.equal(readFileSync(join(model!, "tokenizer.json"), "utf8"), readFileSync(join("models", "seedling", "tokenizer.json"), "utf8"));
  for (const name of [model!, dir]) {
    await using engine = await openEngine({ model: name, trainable: false, threads: 1 });
    t.equal(engine.stats().parameters, 780_800, `${name} opens`);
  }
  await t.rejects(run("again", { out: model! }).result, { code: "AZR_INPUT_INVALID", message: /is there already/ }, "before anything is trained");
  t.notOk(existsSync(join(folder, "again", "run")), "and leaves no folder");
});

t.test("early ends, budgets and stops", { skip, timeout: 300_000 }, async (t) => {
  const validation = { share: 0.1, every: 1, patience: 2, keepBest: true };
  const early = await run("early", { validation, update: { learningRate: 1, schedule: "constant", warmUpSteps: 0, clipNorm: 0 } }, { steps: 40 }).result;
  t.match(early, { status: "finished", endedEarly: true });
  t.equal(early.step, early.best!.step + 2);
  const best = readFileSync(join(early.dir, "best", "model.safetensors"));
  t.ok(readFileSync(join(early.model!, "model.safetensors")).equals(best), "the model of the best measurement");

  t.match(await run("budget", { timeBudgetSeconds: 1e-6 }, { steps: 40 }).result, { status: "out-of-time", step: 1, model: /model$/ });
  const stopped = run("stopped", {}, { steps: 40 });
  for await (const event of stopped) if (event.type === "step-end" && event.step === 2) void stopped.stop();
  t.match(await stopped.result, { status: "stopped", step: 2, model: undefined, checkpoint: /step-000002$/ });
  await using whole = await openEngine({ model: "seedling", initialize: { seed: 0 }, threads: 1 });
  const cut: SftRun = run("cut", { validation: { share: 0.1, every: 3 }, run: { checkpointEvery: 2 } }, { steps: 6 }, {
    ...whole,
    score(request) {
      void cut.stop({ when: "now" });
      return whole.score(request);
    },
  });
  t.match(await cut.result, { status: "stopped", step: 2, checkpoint: /step-000002$/, model: undefined }, "stopped while it measures: the step is given up");
  await resumeSft(cut.dir!).result;
  const unbroken = await run("unbroken", { validation: { share: 0.1, every: 3 } }, { steps: 6 }).result;
  t.equal(readFileSync(join(cut.dir!, "metrics.jsonl"), "utf8"), readFileSync(join(unbroken.dir, "metrics.jsonl"), "utf8"));
  const broken = run("broken", { update: { learningRate: 1e38, schedule: "constant", warmUpSteps: 0 } });
  await t.rejects(broken.result, { code: "AZR_NUMERICS", hint: /azr debug update .*step-00000\d/ }, "a failed step leaves its inputs");
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  await t.rejects(sft(exampleRun(join(folder, "aborted"), { seed: 0, steps: 2 }), { signal: controller.signal }).result, { code: "AZR_ABORTED" });
  writeFileSync(join(folder, "bad.jsonl"), "{\n");
  await t.rejects(run("bad", { data: { files: [{ path: join(folder, "bad.jsonl") }] } }).result, { code: "AZR_INPUT_INVALID", message: /bad\.jsonl:1/ });
  t.notOk(existsSync(join(folder, "bad", "run")), "bad data leaves no folder");
});
