// Models and optimizers in files: training goes on bit for bit, and a checkpoint that is not whole changes nothing.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { model, openEngineOn, policyRequest, rejects, request } from "./support/tiny-model.ts";

t.test("saved and loaded, training goes on bit for bit", async (t) => {
  const folder = t.testdir();
  await using engine = await openEngineOn(model);
  await using other = await openEngineOn(model);
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
