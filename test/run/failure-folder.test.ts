// What is kept of a failed update is read back as it was, arrays of its further terms too.
import t from "tap";
import type { UpdateRequest } from "../../src/engine/engine.ts";
import { readFailedUpdate, writeFailedUpdate } from "../../src/run/failure-folder.ts";
import { fakeEngine } from "../../src/testing/index.ts";

t.test("a request with every term comes back", async (t) => {
  const values = (...numbers: number[]) => Float32Array.from(numbers);
  const request: UpdateRequest = {
    prompts: { tokens: Int32Array.of(1, 2), lengths: Int32Array.of(2) },
    completions: { tokens: Int32Array.of(3, 4), lengths: Int32Array.of(2) },
    completionPrompt: Int32Array.of(0),
    weights: values(0.5, 0.5),
    loss: "policy",
    advantages: values(1, -1),
    oldLogProbabilities: values(-1, NaN),
    dualClip: 3,
    entropyBonus: 0.01,
    kl: { coefficient: 0.1, estimator: "k2", referenceLogProbabilities: values(-1, -Infinity) },
    importance: { cap: 2, samplerLogProbabilities: values(-2, -3) },
    optimizer: { learningRate: 1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 },
  };
  const about = { step: 12, model: "seedling", checkpoint: null, code: "AZR_NUMERICS", message: "not finite" } as const;
  const folder = await writeFailedUpdate(t.testdir({}), fakeEngine(), { ...about, request });
  const { request: read, ...rest } = await readFailedUpdate(folder);
  t.same(read, request);
  t.match(rest, about);
});
