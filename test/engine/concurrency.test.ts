// Two engines at once, calls in order, and disposal behind them. (lifetime.test.ts: how processes and workers with engines end.)
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { model, openEngineOn, policyRequest, rejects, request } from "./support/tiny-model.ts";

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

t.test("calls that read or write several files are one call among the others", async (t) => {
  const folder = (name: string): string => {
    const path = t.testdir({ [name]: {} });
    for (const file of ["config.json", "tokenizer.json"]) copyFileSync(join(model, file), join(path, name, file));
    return join(path, name);
  };
  await using engine = await openEngineOn(model);
  await using other = await openEngineOn(model);
  const training = await policyRequest(engine);
  const first = await engine.generate(request);

  // Each shard is a piece of work of its own for the engine's thread.
  const shards = folder("shards");
  const saving = engine.saveModel(shards, { maxShardBytes: 1 });
  const trained = engine.update(training);
  const asked = new AbortController();
  const given = engine.generate({ ...request, signal: asked.signal });
  asked.abort();
  await Promise.all([saving, trained, t.rejects(given, { code: "AZR_ABORTED" }, "aborted while it waits")]);
  await other.load(shards, { optimizer: false });
  t.same(await other.generate(request), first, "the files hold the weights from before the update");

  // Weights and moments are two.
  await Promise.all([engine.saveModel(shards), engine.saveOptimizer(shards), engine.saveModel(shards), engine.saveOptimizer(shards)]);
  const before = engine.load(shards);
  const result = await engine.update(training);
  await before;
  await other.load(shards);
  t.same(await other.update(training), result);
  t.same(await other.update(training), await engine.update(training), "the update did not lose its moments to the load before it");

  const last = folder("last");
  const { stats } = other;
  const late = other.saveModel(last, { maxShardBytes: 1 });
  const disposal = other.dispose();
  await rejects(t, () => other.generate(request), "AZR_DISPOSED", /disposed/);
  await late;
  await disposal;
  t.ok(stats().threads, "and disposal waits for all of its files");
});
