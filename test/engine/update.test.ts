// Training sees what the sampler saw.
import t from "tap";
import { model, openEngineOn, optimizer, policyRequest } from "./support/tiny-model.ts";

t.test("training sees the sampler's log-probabilities exactly", async (t) => {
  await using engine = await openEngineOn(model);
  await using twin = await openEngineOn(model);
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
