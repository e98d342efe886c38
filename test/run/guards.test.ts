// Numbers that go wrong: the real engine on a model of a few weights, with rewards and weights that are not finite, and a sampler that lies. What is kept
// of a failed update does it again; roll-backs go on from the last good checkpoint.
import { mkdirSync, openSync, readFileSync, closeSync, writeSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import type { Engine, UpdateRequest } from "../../src/engine/engine.ts";
import { readSafetensorsHeader } from "../../src/engine/safetensors.ts";
import { AzrError } from "../../src/errors.ts";
import { replayUpdate } from "../../src/replay-update.ts";
import { guardedEngine } from "../../src/run/guard-engine.ts";
import { collect, fakeEngine } from "../../src/testing/index.ts";
import { model, openEngineOn, policyRequest } from "../engine/support/tiny-model.ts";
import { fakes, lines, resultFiles, resumeFake, trainFake } from "./support/fake-run.ts";

const guarded = (engine: Engine, dir: string, maxGap = 0) =>
  guardedEngine(engine, { dir, maxGap, about: () => ({ step: 12, model, checkpoint: null }) });

/** What a call fails with. */
const failureOf = (call: Promise<unknown>): Promise<AzrError> => call.then(() => Promise.reject(new Error("it did not fail")), (error: unknown) => error as AzrError);

async function savedModel(engine: Engine, folder: string): Promise<Buffer> {
  mkdirSync(folder, { recursive: true });
  await engine.saveModel(folder);
  return readFileSync(join(folder, "model.safetensors"));
}

t.test("a reward that is not finite: the update's inputs are kept, and replayed they fail again", async (t) => {
  const dir = t.testdir({});
  await using engine = await openEngineOn(model);
  const watched = guarded(engine, dir);
  const request = await policyRequest(watched);
  const before = await savedModel(engine, join(dir, "before"));
  const first = request.completions.lengths[0]!;
  request.advantages!.fill(NaN, first, first + request.completions.lengths[1]!);
  const failure = await failureOf(watched.update(request));
  t.match(failure, { code: "AZR_NUMERICS", message: /not finite in advantages; the weights were left/, hint: /azr debug update .*failures\/step-000012\nOr go back.*azr resume .* --set run\.rollBack=1$/ });
  t.same(await savedModel(engine, join(dir, "after")), before, "the weights are untouched");
  const folder = failure.details!["folder"] as string;
  t.same((await readdir(folder)).sort(), ["failure.json", "model.safetensors", "optimizer.safetensors", "request.safetensors"]);
  t.same(readFileSync(join(folder, "model.safetensors")), before, "beside the weights that they met");
  const report = await replayUpdate(folder);
  t.match(report, { step: 12, failure: { code: "AZR_NUMERICS" }, again: { code: "AZR_NUMERICS" }, completions: 12, prompts: 3, weights: [] });
  t.same(report.inputs.filter(({ notFinite }) => notFinite > 0).map(({ name }) => name), ["advantages"]);
  t.same(report.culprits, [{ completion: 1, prompt: 0, tokens: request.completions.lengths[1] }], "the one completion is found");
});

t.test("the one completion is found under further terms too, whose arrays are cut as the others are", async (t) => {
  const dir = t.testdir({});
  await using engine = await openEngineOn(model);
  const watched = guarded(engine, dir);
  const request = await policyRequest(watched);
  const [first, length] = [request.completions.lengths[0]!, request.completions.lengths[1]!];
  const referenceLogProbabilities = request.oldLogProbabilities!.map((value) => value - 0.1);
  referenceLogProbabilities[first] = -Infinity;
  const terms = { kl: { coefficient: 0.1, estimator: "k3", referenceLogProbabilities }, importance: { cap: 2, samplerLogProbabilities: request.oldLogProbabilities!.slice() } } as const;
  const failure = await failureOf(watched.update({ ...request, ...terms }));
  t.match(failure, { code: "AZR_NUMERICS", message: /not finite in kl\.referenceLogProbabilities;/ });
  const report = await replayUpdate(failure.details!["folder"] as string);
  t.same(report.inputs.filter(({ notFinite }) => notFinite > 0), [{ name: "kl.referenceLogProbabilities", count: referenceLogProbabilities.length, notFinite: 1 }]);
  t.same(report.culprits, [{ completion: 1, prompt: 0, tokens: length }]);
});

t.test("weights that ran away: sampling stops, and an update with them fails again; weights that are not finite are named", async (t) => {
  const dir = t.testdir({});
  await using engine = await openEngineOn(model);
  const watched = guarded(engine, dir);
  const request = await policyRequest(watched);
  await watched.update({ ...request, optimizer: { ...request.optimizer, learningRate: 1e30 } });
  const sampling = await failureOf(watched.generate({ prompts: request.prompts, maxTokens: 4, seed: 1, stopTokens: [] }));
  t.match(sampling, { code: "AZR_NUMERICS", hint: /azr resume .*run\.rollBack=1/ });
  const failure = await failureOf(watched.update(request));
  t.match(failure, { code: "AZR_NUMERICS", message: /loss or its gradient is not finite/, hint: /azr debug update/ });
  const folder = failure.details!["folder"] as string;
  const report = await replayUpdate(folder, { threads: 2 });
  t.match(report, { again: { code: "AZR_NUMERICS" }, inputs: [{ notFinite: 0 }, { notFinite: 0 }, { notFinite: 0 }], weights: [] });
  t.ok(report.culprits.length > 6, "most completions fail alone");
  const path = join(folder, "model.safetensors");
  const { begin } = readSafetensorsHeader(path).tensors.find(({ name }) => name === "model.norm.weight")!;
  const file = openSync(path, "r+");
  writeSync(file, Buffer.from(Float32Array.of(Infinity).buffer), 0, 4, begin);
  closeSync(file);
  t.match(await replayUpdate(folder), { again: { code: "AZR_NUMERICS" }, weights: [{ name: "model.norm.weight", notFinite: 1 }], culprits: [] });
});

t.test("a sampler that disagrees with the trainer stops the run before the gradient is taken", async (t) => {
  const dir = t.testdir({});
  await using engine = await openEngineOn(model);
  const watched = guarded(engine, dir);
  const lying = await policyRequest(watched);
  lying.oldLogProbabilities![3]! += 1e-6;
  const before = await savedModel(engine, join(dir, "before"));
  const failure = await failureOf(watched.update(lying));
  t.match(failure, { code: "AZR_PARITY", message: /differ by up to .* at most 0 is allowed/, hint: /azr debug update/ });
  t.equal(failure.exitCode, 7);
  t.same(await savedModel(engine, join(dir, "after")), before);
  const report = await replayUpdate(failure.details!["folder"] as string);
  t.match(report, { again: { code: "AZR_PARITY" } });
  t.equal(report.culprits.length, 1);
  const loose = guarded(engine, dir, 1e-3);
  const result = await loose.update(lying);
  t.ok(result.maxLogProbabilityGap > 0 && result.meanLogProbabilityGap < result.maxLogProbabilityGap, "a level above it is no alarm, and both are told");
  t.match(await watched.update(await policyRequest(watched)), { maxLogProbabilityGap: 0, meanLogProbabilityGap: 0 }, "to the bit after a true sample");
  t.ok((await watched.update(lying)).maxLogProbabilityGap > 0, "the second gradient step on a sample may differ");
  const quantised: Engine = { ...engine, generate: async (request) => ({ ...(await engine.generate(request)), parity: false }) };
  const other = guarded(quantised, dir);
  const claimed = await policyRequest(other);
  claimed.oldLogProbabilities![0]! += 1e-3;
  t.ok((await other.update(claimed)).maxLogProbabilityGap > 0, "and so may one without a promise of parity");
});

const steps = 8;
const run = { checkpointEvery: 3, name: "run" };
/** A fake engine that fails on one batch: the one whose completions begin so. */
function failingOn(batch: string): Engine {
  const engine = fakeEngine();
  const update = async (request: UpdateRequest) => {
    if (request.completions.tokens.join() === batch) throw new AzrError("AZR_NUMERICS", "the loss is not finite");
    return engine.update(request);
  };
  return { ...engine, update };
}

/** The completions that step 5 of the unbroken run trains. */
const fifthBatch = await (async () => {
  const engine = fakeEngine();
  await trainFake(join(t.testdirName, "fifth"), { steps, run }, { engine }).result;
  const updates = engine.calls.flatMap((call) => (call.method === "update" ? [call.request] : []));
  return updates[4]!.completions.tokens.join();
})();

t.test("a roll-back goes on from the last checkpoint with other random choices, the same ones every time", async (t) => {
  const parent = t.testdir({});
  const plain = join(parent, "plain");
  const stopped = trainFake(plain, { steps, run }, { engine: failingOn(fifthBatch) });
  await t.rejects(stopped.result, { code: "AZR_NUMERICS", hint: /azr debug update/ }, "off by default");
  const rolled = trainFake(join(parent, "rolled"), { steps, run: { ...run, rollBack: 1 } }, { engine: failingOn(fifthBatch) });
  const events = await collect(rolled);
  t.match(await rolled.result, { status: "finished", step: steps });
  t.match(events.filter(({ type }) => type === "warning"), [{ code: "ROLLED_BACK", message: /goes on from step-000003 with other random choices/ }]);
  t.match(events.filter(({ type }) => type === "run-start"), [{ resumedFrom: null }, { resumedFrom: 3 }]);
  t.same((await lines<{ step: number }>(join(rolled.dir!, "metrics.jsonl"))).map(({ step }) => step), [1, 2, 3, 4, 5, 6, 7, 8]);
  t.ok(JSON.parse(await readFile(join(rolled.dir!, "failures", "step-000005", "failure.json"), "utf8")).code, "the failed update stays");
  // The run that stopped, allowed to go back now, and cut off on its way, ends with the same bytes.
  const again = () => ({ ...fakes(), engine: failingOn(fifthBatch) });
  const cut = resumeFake(stopped.dir!, { ...again(), set: ["run.rollBack=1"] });
  for await (const event of cut) if (event.type === "reward-end" && event.step === 7) await cut.stop({ when: "now" });
  await resumeFake(stopped.dir!, again()).result;
  const files = (dir: string) => resultFiles(dir);
  t.same(await files(stopped.dir!), await files(rolled.dir!));
});

t.test("roll-backs end: after as many as are allowed, and one checkpoint further back when the last was no good", async (t) => {
  const parent = t.testdir({});
  let updates = 0;
  const engine = fakeEngine();
  const dying: Engine = {
    ...engine,
    update: async (request) => {
      updates += 1;
      if (updates > 7) throw new AzrError("AZR_NUMERICS", "the loss is not finite");
      return engine.update(request);
    },
  };
  const broken = trainFake(parent, { steps: 20, run: { ...run, keepCheckpoints: 3, rollBack: 3 } }, { engine: dying });
  const warnings: string[] = [];
  await t.rejects((async () => {
    for await (const event of broken) if (event.type === "warning") warnings.push(event.message);
  })(), { code: "AZR_NUMERICS" });
  t.same(warnings.map((message) => /step-\d+/.exec(message)![0]), ["step-000006", "step-000003", "step-000000"]);
  await broken.result.catch(() => undefined);
});
