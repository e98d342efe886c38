// Opening an engine: random weights from a seed, and models that cannot be opened.
import { copyFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openEngine } from "../../src/engine/open.ts";
import { seedlingFolder } from "../../src/engine/resolve-model.ts";
import { loadTokenizer } from "../../src/engine/tokenizer.ts";
import { resumeSft } from "../../src/sft.ts";
import { resume } from "../../src/train.ts";
import { model, openEngineOn, rejects, request } from "./support/tiny-model.ts";

t.test("random weights from a seed", async (t) => {
  await using first = await openEngine({ model, threads: 1, initialize: { seed: 4 } });
  await using second = await openEngine({ model, threads: 1, initialize: { seed: 4 } });
  await using third = await openEngine({ model, threads: 1, initialize: { seed: 5 } });
  t.same(await first.generate(request), await second.generate(request));
  t.notSame((await third.generate(request)).logProbabilities, (await first.generate(request)).logProbabilities);
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
    await rejects(t, () => openEngineOn(path), "AZR_MODEL_FORMAT", message);
  }
  copyFileSync(join(seedlingFolder(), "tokenizer.json"), join(folder, "truncated", "tokenizer.json"));
  t.throws(() => loadTokenizer(join(folder, "truncated"), 35), { code: "AZR_TOKENIZER_FORMAT" }, "a tokenizer of another model");
  await rejects(t, () => openEngineOn(join(folder, "absent")), "AZR_MODEL_NOT_FOUND", /absent/);
  await rejects(t, () => openEngine({ model, signal: AbortSignal.abort() }), "AZR_ABORTED", /abort/i);
});

t.test("options of another type", async (t) => {
  const open = (change: object) => () => openEngine({ model, threads: 1, ...change } as never);
  for (const wrong of [null, 3, "x", [], 3n, () => ({})]) {
    await rejects(t, open({ lora: wrong }), "AZR_INPUT_INVALID", /an object for lora/);
    await rejects(t, open({ lora: { targets: wrong } }), "AZR_INPUT_INVALID", /lora\.targets/);
    await rejects(t, open({ weights: wrong }), "AZR_INPUT_INVALID", /weights must be one of/);
    await rejects(t, open({ trainable: wrong }), "AZR_INPUT_INVALID", /trainable must be/);
  }
  await rejects(t, open({ lora: { targets: ["q_proj", 3n] } }), "AZR_INPUT_INVALID", /q_proj, bigint 3/);
  for (const dir of [undefined, null, 3, ""]) for (const again of [resume, resumeSft]) await rejects(t, () => again(dir as never).result, "AZR_INPUT_INVALID", /folder of a run/);
});
