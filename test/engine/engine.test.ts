// The engine through its real addon on a tiny model: sampling, scoring, training, files, aborts, disposal, several at once,
// and every malformed call or file as one AzrError. How processes and workers with engines end: lifetime.test.ts.
import { copyFileSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { AzrErrorCode } from "../../src/errors.ts";
import type { Engine, GenerateRequest, UpdateRequest } from "../../src/engine/engine.ts";
import { loadAddon } from "../../src/engine/load-addon.ts";
import { openEngine } from "../../src/engine/open.ts";
import { seedlingFolder } from "../../src/engine/resolve-model.ts";
import { loadTokenizer } from "../../src/engine/tokenizer.ts";
import { readTruth, writeModelFolder } from "../truth/model-folder.ts";

const model = writeModelFolder(t.testdir({}), readTruth("llama-untied"));
const open = (path = model): Promise<Engine> => openEngine({ model: path, threads: 1 });

const rows = (...lists: number[][]) => ({ tokens: Int32Array.from(lists.flat()), lengths: Int32Array.from(lists, (list) => list.length) });
const request: GenerateRequest = { prompts: rows([1, 2, 3], [4], [5, 6]), samples: 4, maxTokens: 20, seed: 9, stopTokens: [7, 8] };
const optimizer = { learningRate: 1e-2, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 };

async function policyRequest(engine: Engine, seed = 9, samples = 4): Promise<UpdateRequest> {
  const { completions, logProbabilities } = await engine.generate({ ...request, seed, samples });
  return {
    prompts: request.prompts,
    completions,
    completionPrompt: completions.lengths.map((_, row) => Math.floor(row / samples)),
    weights: new Float32Array(completions.tokens.length).fill(1 / completions.tokens.length),
    loss: "policy",
    advantages: logProbabilities.map((_, i) => (i % 2 ? 1 : -1)),
    oldLogProbabilities: logProbabilities,
    optimizer,
  };
}

async function rejects(t: Test, call: () => Promise<unknown>, code: AzrErrorCode, message: RegExp): Promise<void> {
  await t.rejects(call, { name: "AzrError", code, message }, String(message));
}

t.test("sampling", async (t) => {
  await using engine = await open();
  const first = await engine.generate(request);
  t.same(await engine.generate(request), first, "the same seed gives the same tokens and log-probabilities");
  t.notSame((await engine.generate({ ...request, seed: 10 })).completions.tokens, first.completions.tokens);
  t.equal(first.parity, true);
  t.equal(first.completions.lengths.length, 12);
  let begin = 0;
  for (const [row, length] of first.completions.lengths.entries()) {
    const tokens = first.completions.tokens.subarray(begin, (begin += length));
    t.equal(first.stopped[row], Number([7, 8].includes(tokens.at(-1)!)));
    t.ok(first.stopped[row] ? length <= 20 : length === 20);
    t.notOk(tokens.subarray(0, -1).some((token) => token === 7 || token === 8), "nothing after a stop token");
  }
  const greedy = await engine.generate({ ...request, temperature: 0, samples: 1 });
  t.same((await engine.generate({ ...request, topK: 1, samples: 1 })).completions, greedy.completions, "top-1 is greedy");
  t.same((await engine.generate({ ...request, topP: 1e-6, samples: 1 })).completions, greedy.completions);
  t.same((await engine.generate({ ...request, temperature: 0, samples: 1, seed: 1 })).completions, greedy.completions);
  const narrow = await engine.generate({ ...request, topK: 2, topP: 0.95, temperature: 0.8 });
  t.ok(narrow.logProbabilities.every((logP) => logP < 0 && Number.isFinite(logP)));
  t.match(engine.stats(), { threads: 1, parameters: 11100, trainedTokens: 0 });
  t.ok(engine.stats().generatedTokens > 100 && engine.stats().generateSeconds > 0);
});

t.test("training sees the sampler's log-probabilities exactly", async (t) => {
  await using engine = await open();
  await using twin = await open();
  for (let step = 0; step < 3; step++) {
    const update = await policyRequest(engine, step);
    const result = await engine.update(update);
    t.match(result, { maxLogProbabilityGap: 0, approximateKl: 0, clipFraction: 0, trainedTokens: update.weights.length });
    t.same(await twin.update(update), result, "equal runs give equal results");
    t.ok(result.entropy > 0 && result.gradientNorm > 0);
    t.ok((await engine.update({ ...update, optimizer: { ...optimizer, learningRate: 0 } })).maxLogProbabilityGap > 0, "the step changed the model");
    await twin.update({ ...update, optimizer: { ...optimizer, learningRate: 0 } });
  }
});

t.test("saved and loaded, training goes on bit for bit", async (t) => {
  const folder = t.testdir();
  await using engine = await open();
  await using other = await open();
  await engine.update(await policyRequest(engine));
  await engine.saveModel(folder);
  await engine.saveOptimizer(folder);
  await other.load(folder);
  const next = await policyRequest(engine, 2);
  const result = await engine.update(next);
  t.same(await other.update(next), result);
  const again = await policyRequest(engine, 3);
  t.same(await other.generate({ ...request, seed: 3 }), await engine.generate({ ...request, seed: 3 }));
  await other.load(folder, { optimizer: false });
  await other.update(next);
  t.not((await other.update(again)).loss, (await engine.update(again)).loss, "without its moments the optimizer goes elsewhere");

  const before = await engine.generate(request);
  const optimizerFile = join(folder, "optimizer.safetensors");
  writeFileSync(optimizerFile, readFileSync(optimizerFile).subarray(0, -9));
  await rejects(t, () => engine.load(folder), "AZR_CHECKPOINT_CORRUPT", /cut off|steps/);
  rmSync(optimizerFile);
  await rejects(t, () => engine.load(folder), "AZR_CHECKPOINT_CORRUPT", /is missing/);
  t.same(await engine.generate(request), before, "a checkpoint that is not whole changes nothing");
  await rejects(t, () => engine.saveModel(join(folder, "absent")), "AZR_RUN_FOLDER", /No such file/);
  await rejects(t, () => engine.load(join(folder, "absent")), "AZR_MODEL_NOT_FOUND", /absent/);
});

t.test("random weights from a seed", async (t) => {
  await using first = await openEngine({ model, threads: 1, initialize: { seed: 4 } });
  await using second = await openEngine({ model, threads: 1, initialize: { seed: 4 } });
  await using third = await openEngine({ model, threads: 1, initialize: { seed: 5 } });
  t.same(await first.generate(request), await second.generate(request));
  t.notSame((await third.generate(request)).logProbabilities, (await first.generate(request)).logProbabilities);
});

t.test("aborted calls stop and harm nobody", async (t) => {
  await using engine = await open();
  const before = await engine.generate(request);
  const reason = new Error("enough");
  const endless = { ...request, prompts: rows([1, 2, 3]), samples: 300_000, stopTokens: [], maxTokens: 60 };
  await t.rejects(engine.generate({ ...endless, signal: AbortSignal.abort(reason) }), { code: "AZR_ABORTED", cause: reason });
  const controller = new AbortController();
  const running = engine.generate({ ...endless, signal: controller.signal });
  const queued = engine.score({ sequences: rows([1, 2]), signal: controller.signal });
  const unharmed = engine.score({ sequences: rows([1, 2]) });
  setTimeout(() => controller.abort(reason), 100);
  const start = performance.now();
  await t.rejects(running, { code: "AZR_ABORTED", cause: reason });
  await t.rejects(queued, { code: "AZR_ABORTED", cause: reason }, "a queued call is aborted with its signal");
  t.ok(performance.now() - start < 20_000, "between tokens, not at the end");
  t.equal((await unharmed).logProbabilities.length, 1);
  const stop = new AbortController();
  const training = engine.update({ ...(await policyRequest(engine, 9, 3000)), microBatchTokens: 1, signal: stop.signal });
  setTimeout(() => stop.abort(), 5);
  await t.rejects(training, { code: "AZR_ABORTED" });
  t.same(await engine.generate(request), before, "the weights are as they were");
});

t.test("two engines at once and calls in order", async (t) => {
  const [first, second] = await Promise.all([open(), open()]);
  const alone = await first.generate(request);
  const order: number[] = [];
  const results = await Promise.all(
    [first, second, first, second].map((engine, index) => engine.generate(request).finally(() => order.push(index))),
  );
  for (const result of results) t.same(result, alone);
  t.ok(order.indexOf(0) < order.indexOf(2) && order.indexOf(1) < order.indexOf(3));

  const pending = first.generate(request);
  const disposal = first.dispose();
  t.same(await pending, alone, "disposal waits for the calls before it");
  await disposal;
  await first.dispose();
  await rejects(t, () => first.generate(request), "AZR_DISPOSED", /disposed/);
  await rejects(t, () => first.saveModel(model), "AZR_DISPOSED", /disposed/);
  t.ok(first.stats().generatedTokens > 0, "its counts stay readable");
  t.same(await second.generate(request), alone, "the other engine goes on");
  await second.dispose();
});

t.test("malformed calls", async (t) => {
  await using engine = await open();
  const update = await policyRequest(engine);
  const before = await engine.generate(request);
  const any = (value: unknown) => value as never;
  const generations: [Partial<GenerateRequest>, RegExp][] = [
    [{ prompts: any(undefined) }, /token rows for prompts but received undefined/],
    [{ prompts: any({ tokens: [1, 2], lengths: Int32Array.of(2) }) }, /Int32Array for prompts.tokens but received Array/],
    [{ prompts: any({ tokens: new Float32Array(2), lengths: Int32Array.of(2) }) }, /received Float32Array/],
    [{ prompts: rows([1, 35]) }, /token 35 is outside the vocabulary of 35/],
    [{ prompts: rows([-1]) }, /token -1/],
    [{ prompts: rows([1], []) }, /at least 1 token/],
    [{ prompts: { tokens: Int32Array.of(1, 2), lengths: Int32Array.of(1) } }, /do not add up/],
    [{ prompts: { tokens: Int32Array.of(1, 2), lengths: Int32Array.of(2 ** 31 - 1) } }, /do not add up/],
    [{ prompts: rows(Array(60).fill(1)) }, /60 tokens with maxTokens 20 exceeds the model's 64 positions/],
    [{ maxTokens: 0 }, /maxTokens/],
    [{ maxTokens: 2 ** 53 - 1 }, /positions/],
    [{ samples: 2 ** 32 }, /at most 1048576 completions/],
    [{ samples: 2 ** 53 - 1 }, /at most 1048576 completions/],
    [{ samples: 1.5 }, /samples but received number 1.5/],
    [{ temperature: NaN }, /temperature/],
    [{ topP: 0 }, /topP/],
    [{ topP: 1.01 }, /topP/],
    [{ topK: -1 }, /topK/],
    [{ seed: any("7") }, /seed but received string 7/],
    [{ stopTokens: any([null]) }, /stopTokens/],
  ];
  for (const [change, message] of generations) await rejects(t, () => engine.generate({ ...request, ...change }), "AZR_INPUT_INVALID", message);
  await rejects(t, () => engine.generate(any(undefined)), "AZR_INPUT_INVALID", /request/);
  for (const sequences of [rows([1]), rows([1, 99]), rows(Array(65).fill(1))]) {
    await rejects(t, () => engine.score({ sequences }), "AZR_INPUT_INVALID", /sequence/);
  }
  const updates: [Partial<UpdateRequest>, RegExp][] = [
    [{ loss: any("mean") }, /"policy" or "cross-entropy"/],
    [{ weights: update.weights.subarray(1) }, /weights must have one value a completion token/],
    [{ weights: update.weights.map(() => NaN) }, /weights must be finite/],
    [{ advantages: undefined }, /Float32Array for advantages but received undefined/],
    [{ advantages: any(new Float64Array(update.weights.length)) }, /received Float64Array/],
    [{ oldLogProbabilities: new Float32Array(1) }, /oldLogProbabilities/],
    [{ completionPrompt: Int32Array.of(0) }, /one index a completion/],
    [{ completionPrompt: update.completionPrompt.map(() => 3) }, /existing prompts/],
    [{ completionPrompt: update.completionPrompt.toReversed() }, /prompt order/],
    [{ prompts: rows([1, 2], [4], [5, 99]) }, /token 99/],
    [{ microBatchTokens: 0 }, /microBatchTokens/],
    [{ optimizer: any(null) }, /optimizer/],
    [{ optimizer: { ...optimizer, beta1: 1 } }, /beta1/],
    [{ optimizer: { ...optimizer, epsilon: 1e-60 } }, /epsilon/],
    [{ optimizer: { ...optimizer, learningRate: 1e300 } }, /learningRate/],
    [{ optimizer: { ...optimizer, clipNorm: any(undefined) } }, /clipNorm but received undefined/],
  ];
  for (const [change, message] of updates) await rejects(t, () => engine.update({ ...update, ...change }), "AZR_INPUT_INVALID", message);
  await rejects(t, () => engine.update({ ...update, oldLogProbabilities: update.weights.map(() => -3e38), advantages: update.weights.map(() => -1) }), "AZR_NUMERICS", /not finite/);
  await rejects(t, () => openEngine(any(undefined)), "AZR_INPUT_INVALID", /request/);
  await rejects(t, () => openEngine(any({ model: 5 })), "AZR_INPUT_INVALID", /text for model but received number 5/);
  await rejects(t, () => openEngine({ model, signal: any({}) }), "AZR_INPUT_INVALID", /AbortSignal for signal/);
  await rejects(t, () => engine.generate({ ...request, signal: any({}) }), "AZR_INPUT_INVALID", /AbortSignal/);
  await rejects(t, () => engine.load(any(5)), "AZR_INPUT_INVALID", /text for folder/);
  await rejects(t, () => engine.saveModel(""), "AZR_INPUT_INVALID", /text for folder/);
  await rejects(t, () => openEngine({ model, threads: 1e6 }), "AZR_INPUT_INVALID", /threads/);
  t.same(await engine.generate(request), before, "the weights are as they were");

  // Past the checks of open.ts: the addon itself throws and does not read past the end of an array.
  const native = new (loadAddon().NativeEngine)(engine.shape, 1);
  for (const tokens of [new Uint8Array(3), [1, 2, 3], null, "abc"]) {
    t.throws(() => native.score({ sequences: { tokens, lengths: Int32Array.of(3) } }, 1), TypeError);
  }
  t.throws(() => new (loadAddon().NativeEngine)(any(undefined), 1));
  native.stop();
  native.stop();
  await t.rejects(native.ready(), { code: "AZR_DISPOSED" });
});

t.test("models that cannot be opened", async (t) => {
  const folder = t.testdir();
  const weights = readFileSync(join(model, "model.safetensors"));
  const config = JSON.parse(readFileSync(join(model, "config.json"), "utf8"));
  const nan = Buffer.from(weights);
  nan.writeFloatLE(NaN, weights.length - 4);
  const cases: [string, { weights?: Uint8Array; config?: object }, RegExp][] = [
    ["truncated", { weights: weights.subarray(0, -5) }, /cut off/],
    ["empty", { weights: weights.subarray(0, 0) }, /too short/],
    ["no-weights", { weights: Buffer.from("<html>not found</html>") }, /header/],
    ["not-finite", { weights: nan }, /not finite/],
    ["other-shape", { config: { hidden_size: 24 } }, /calls for \[35, 24\]/],
    ["lacks-a-layer", { config: { num_hidden_layers: 3 } }, /lacks the tensor model.layers.2/],
    ["head-size", { config: { head_dim: 8 } }, /multiple of 16/],
    ["beyond-any-model", { config: { num_hidden_layers: 1e12 } }, /beyond what any model has/],
  ];
  for (const [name, change, message] of cases) {
    const path = join(folder, name);
    cpSync(model, path, { recursive: true });
    if (change.weights) writeFileSync(join(path, "model.safetensors"), change.weights);
    writeFileSync(join(path, "config.json"), JSON.stringify({ ...config, ...change.config }));
    await rejects(t, () => open(path), "AZR_MODEL_FORMAT", message);
  }
  copyFileSync(join(seedlingFolder(), "tokenizer.json"), join(folder, "truncated", "tokenizer.json"));
  t.throws(() => loadTokenizer(join(folder, "truncated"), 35), { code: "AZR_TOKENIZER_FORMAT" }, "a tokenizer of another model");
  await rejects(t, () => open(join(folder, "absent")), "AZR_MODEL_NOT_FOUND", /absent/);
  await rejects(t, () => openEngine({ model, signal: AbortSignal.abort() }), "AZR_ABORTED", /abort/i);
});
