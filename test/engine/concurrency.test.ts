// Two engines at once, calls in order, and disposal behind them. (lifetime.test.ts: how processes and workers with engines end.)
import t from "tap";
import { model, openEngineOn, rejects, request } from "./support/tiny-model.ts";

t.test("two engines at once and calls in order", async (t) => {
  const [first, second] = await Promise.all([openEngineOn(model), openEngineOn(model)]);
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
