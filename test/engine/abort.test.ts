// Calls that are aborted, while queued or at work: they stop soon and leave the weights and their neighbours alone.
import t from "tap";
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
