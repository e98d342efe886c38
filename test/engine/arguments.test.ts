// Every malformed call is one AzrError that names the mistake, and harms nothing.
import t from "tap";
import type { GenerateRequest, UpdateRequest } from "../../src/engine/engine.ts";
import { loadAddon } from "../../src/engine/load-addon.ts";
import { openEngine } from "../../src/engine/open.ts";
import { model, openEngineOn, optimizer, policyRequest, rejects, request, rows } from "./support/tiny-model.ts";

t.test("malformed calls", async (t) => {
  await using engine = await openEngineOn(model);
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
    [{ dualClip: 0.5 }, /dualClip/],
    [{ entropyBonus: NaN }, /number between 0 and infinity for entropyBonus/],
    [{ kl: any({ coefficient: 1, estimator: "k4", referenceLogProbabilities: update.weights }) }, /"k1", "k2" or "k3" for kl\.estimator but received string k4/],
    [{ kl: { coefficient: -1, estimator: "k3", referenceLogProbabilities: update.weights } }, /kl\.coefficient/],
    [{ kl: any({ coefficient: 1, estimator: "k1" }) }, /Float32Array for kl\.referenceLogProbabilities but received undefined/],
    [{ kl: { coefficient: 1, estimator: "k2", referenceLogProbabilities: new Float32Array(1) } }, /referenceLogProbabilities must have one value a completion token/],
    [{ importance: { cap: 0, samplerLogProbabilities: update.weights } }, /importance\.cap/],
    [{ importance: { cap: 2, samplerLogProbabilities: update.weights.map(() => -Infinity) } }, /samplerLogProbabilities must be finite/],
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
  await rejects(t, () => openEngine({ model, weights: any("int4") }), "AZR_INPUT_INVALID", /weights must be one of f32, bf16, q8; received string int4/);
  await rejects(t, () => openEngine({ model, weights: "q8", trainable: true }), "AZR_INPUT_INVALID", /q8 cannot be trained/);
  await rejects(t, () => openEngine({ model, trainable: any("yes") }), "AZR_INPUT_INVALID", /true or false/);
  await rejects(t, () => openEngine({ model, threads: 1e6 }), "AZR_INPUT_INVALID", /threads/);
  t.same(await engine.generate(request), before, "the weights are as they were");

  // Past the checks of open.ts: the addon itself throws and does not read past the end of an array.
  const native = new (loadAddon().NativeEngine)(engine.shape, 1, { weights: "f32", trainable: true });
  for (const tokens of [new Uint8Array(3), [1, 2, 3], null, "abc"]) {
    t.throws(() => native.score({ sequences: { tokens, lengths: Int32Array.of(3) } }, 1), TypeError);
  }
  t.throws(() => new (loadAddon().NativeEngine)(any(undefined), 1, { weights: "f32", trainable: true }));
  t.throws(() => new (loadAddon().NativeEngine)(engine.shape, 1, any({ weights: "int4" })), TypeError);
  native.stop();
  native.stop();
  await t.rejects(native.ready(), { code: "AZR_DISPOSED" });
});
