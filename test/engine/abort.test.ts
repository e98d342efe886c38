// Calls that are aborted, while queued or at work: they stop within a step and leave the weights and their neighbours alone. A step is one token for
// all rows, a piece of the prompts, or a micro-batch; native/test/engine_cache_test.cc counts them, here a clock with much room looks on.
import t from "tap";
import type { Engine, GenerateRequest } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open.ts";
import { model, openEngineOn, policyRequest, request, rows } from "./support/tiny-model.ts";

t.test("aborted calls stop and harm nobody", async (t) => {
  await using engine = await openEngineOn(model);
  const before = await engine.generate(request);
  const reason = new Error("enough");
  const endless = { ...request, prompts: rows([1, 2, 3]), samples: 300_000, stopTokens: [], maxTokens: 60 };
  await t.rejects(engine.generate({ ...endless, signal: AbortSignal.abort(reason) }), { code: "AZR_ABORTED", cause: reason });
  const controller = new AbortController();
  const running = engine.generate({ ...endless, signal: controller.signal });
  const queued = engine.score({ sequences: rows([1, 2]), signal: controller.signal });
  const unharmed = engine.score({ sequences: rows([1, 2]) });
  setTimeout(() => controller.abort(reason), 100);
  await t.rejects(running, { code: "AZR_ABORTED", cause: reason });
  await t.rejects(queued, { code: "AZR_ABORTED", cause: reason }, "a queued call is aborted with its signal");
  t.equal((await unharmed).logProbabilities.length, 1);
  const stop = new AbortController();
  const training = engine.update({ ...(await policyRequest(engine, 9, 3000)), microBatchTokens: 1, signal: stop.signal });
  setTimeout(() => stop.abort(), 5);
  await t.rejects(training, { code: "AZR_ABORTED" });
  t.same(await engine.generate(request), before, "the weights are as they were");
});

t.test("within one step", async (t) => {
  await using engine = await openEngine({ model: "seedling", threads: 1 });
  const list = (count: number, length: number) => ({ tokens: new Int32Array(count * length).fill(5), lengths: new Int32Array(count).fill(length) });
  const decoding: GenerateRequest = { prompts: list(1, 4), samples: 256, maxTokens: 400, seed: 1, stopTokens: [] };
  const training = (completions: number) => ({
    prompts: list(1, 4),
    completions: list(completions, 100),
    completionPrompt: new Int32Array(completions),
    weights: new Float32Array(completions * 100).fill(1e-4),
    loss: "cross-entropy" as const,
    microBatchTokens: 128,
    optimizer: { learningRate: 0, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 },
  });
  type Call = (signal?: AbortSignal) => Promise<unknown>;
  // What takes about a step, and what takes hundreds of them at least.
  const cases: Record<string, [step: Call, long: Call]> = {
    "one token for all rows": [() => engine.generate({ ...decoding, maxTokens: 1 }), (signal) => engine.generate({ ...decoding, samples: 20_000, ...(signal && { signal }) })],
    "a piece of the prompts": [() => engine.generate({ ...decoding, samples: 1, prompts: list(1, 288), maxTokens: 1 }), (signal) => engine.generate({ ...decoding, samples: 1, prompts: list(2000, 500), maxTokens: 1, ...(signal && { signal }) })],
    "a micro-batch that is scored": [() => engine.score({ sequences: list(10, 100) }), (signal) => engine.score({ sequences: list(5000, 100), ...(signal && { signal }) })],
    "a micro-batch that is trained on": [() => engine.update(training(1)), (signal) => engine.update({ ...training(5000), ...(signal && { signal }) })],
    "a token that is streamed": [() => engine.generate({ ...decoding, maxTokens: 1 }), (signal) => drain(engine, { ...decoding, samples: 20_000, ...(signal && { signal }) })],
  };
  for (const [name, [step, long]] of Object.entries(cases)) {
    await step();
    const began = performance.now();
    await step();
    const oneStep = performance.now() - began;
    const controller = new AbortController();
    const running = long(controller.signal).then(
      () => t.fail(`${name}: the call ended by itself`),
      (error: unknown) => t.match(error, { code: "AZR_ABORTED" }, name),
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    const aborted = performance.now();
    controller.abort();
    await running;
    const late = performance.now() - aborted;
    t.ok(late < 3000 + 20 * oneStep, `${name}: it returned ${late.toFixed(1)} ms after the abort, a step takes ${oneStep.toFixed(1)} ms`);
  }
});

async function drain(engine: Engine, request: GenerateRequest): Promise<void> {
  for await (const { row } of engine.stream(request)) if (row < 0) break;
}
