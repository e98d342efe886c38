// Models and optimizers in files: training goes on bit for bit, and a checkpoint that is not whole changes nothing.
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { readSafetensorsHeader } from "../../src/engine/safetensors.ts";
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

t.test("shards, two-byte types, and what an earlier call left", async (t) => {
  const folder = t.testdir();
  const bytes = (name: string) => readFileSync(join(folder, name));
  const weights = () => readdirSync(folder).filter((name) => name.startsWith("model") || name.startsWith("."));
  await using engine = await openEngineOn(model);
  copyFileSync(join(model, "config.json"), join(folder, "config.json"));
  copyFileSync(join(model, "tokenizer.json"), join(folder, "tokenizer.json"));
  const expected = await engine.generate(request);
  await engine.saveModel(folder);
  t.same(weights(), ["model.safetensors"]);
  const whole = readSafetensorsHeader(join(folder, "model.safetensors"));

  await engine.saveModel(folder, { maxShardBytes: 4000 });
  const index = JSON.parse(readFileSync(join(folder, "model.safetensors.index.json"), "utf8")) as { metadata: { total_size: number }; weight_map: Record<string, string> };
  const shards = [...new Set(Object.values(index.weight_map))];
  t.ok(shards.length > 2 && shards.every((name, at) => name === `model-${String(at + 1).padStart(5, "0")}-of-${String(shards.length).padStart(5, "0")}.safetensors`), shards.join(" "));
  t.same(weights(), [...shards, "model.safetensors.index.json"], "the one file is gone, and no temporary one is left");
  t.equal(index.metadata.total_size, whole.tensors.reduce((sum, { begin, end }) => sum + end - begin, 0));
  t.same(Object.keys(index.weight_map), whole.tensors.map(({ name }) => name));
  const tables = shards.map((name) => readSafetensorsHeader(join(folder, name)).tensors);
  t.ok(tables.every((tensors) => tensors.length === 1 || tensors.at(-1)!.end - tensors[0]!.begin <= 4000), "only a tensor that is larger by itself exceeds the bound");
  t.equal(tables.flat().length, whole.tensors.length);
  {
    await using sharded = await openEngineOn(folder);
    t.same(await sharded.generate(request), expected);
  }
  await engine.saveModel(folder, { maxShardBytes: 6000 });
  t.ok(weights().length < shards.length + 1, "fewer shards replace more");
  await engine.saveModel(folder, { dtype: "bf16" });
  t.same(weights(), ["model.safetensors"]);
  t.same([...new Set(readSafetensorsHeader(join(folder, "model.safetensors")).tensors.map(({ dtype }) => dtype))], ["BF16"]);
  const narrow = bytes("model.safetensors");
  {
    await using rounded = await openEngineOn(folder);
    t.notSame(await rounded.generate(request), expected);
    await rounded.saveModel(folder, { dtype: "bf16" });
    t.ok(narrow.equals(bytes("model.safetensors")), "what was rounded stays as it is");
  }
  await engine.saveModel(folder, { dtype: "f16" });
  await (await openEngineOn(folder)).dispose();
  await rejects(t, () => engine.saveModel(folder, { dtype: "f8" as "f16" }), "AZR_INPUT_INVALID", /f32, bf16, f16 for dtype but received f8/);
  await rejects(t, () => engine.saveModel(folder, { maxShardBytes: 0 }), "AZR_INPUT_INVALID", /maxShardBytes/);
});

t.test("a save that fails leaves what was there", async (t) => {
  const folder = t.testdir();
  await using engine = await openEngineOn(model);
  await engine.saveModel(folder);
  const before = readFileSync(join(folder, "model.safetensors"));
  mkdirSync(join(folder, `.model.safetensors.index.json.${process.pid}.partial`)); // in the way of the last file
  await rejects(t, () => engine.saveModel(folder, { maxShardBytes: 4000 }), "AZR_RUN_FOLDER", /EISDIR/);
  t.same(readdirSync(folder), ["model.safetensors"]);
  t.ok(before.equals(readFileSync(join(folder, "model.safetensors"))));
});

t.test("an index that misleads", async (t) => {
  const folder = t.testdir();
  await using engine = await openEngineOn(model);
  await engine.saveModel(folder, { maxShardBytes: 4000 });
  copyFileSync(join(model, "config.json"), join(folder, "config.json"));
  copyFileSync(join(model, "tokenizer.json"), join(folder, "tokenizer.json"));
  const path = join(folder, "model.safetensors.index.json");
  const index = JSON.parse(readFileSync(path, "utf8")) as { weight_map: Record<string, unknown> };
  const [first, last] = [Object.keys(index.weight_map)[0]!, Object.keys(index.weight_map).at(-1)!];
  const map = (change: Record<string, unknown>) => JSON.stringify({ ...index, weight_map: { ...index.weight_map, ...change } });
  const cases: [string, RegExp, code?: "AZR_MODEL_NOT_FOUND"][] = [
    ["{broken", /cannot be read/],
    ["null", /no weight_map/],
    ["[]", /no weight_map/],
    [JSON.stringify({ weight_map: [] }), /no weight_map/],
    [map({ [first]: 3 }), /gives 3 as the file/],
    [map({ [first]: "../model.safetensors" }), /as the file of model.embed/],
    [map({ [first]: "/etc/passwd" }), /as the file of/],
    [map({ [first]: "" }), /as the file of/],
    [map({ [first]: "absent.safetensors" }), /absent/, "AZR_MODEL_NOT_FOUND"],
    [map({ [first]: index.weight_map[last] }), /lacks the tensor model.embed/],
    [JSON.stringify({ weight_map: {} }), /lacks the tensor/],
  ];
  for (const [text, message, code = "AZR_MODEL_FORMAT" as const] of cases) {
    writeFileSync(path, text);
    await rejects(t, () => openEngineOn(folder), code, message);
  }
});
