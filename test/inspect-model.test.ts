// What is said of a model: of one that lies here, of a run, of one on the hub.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { inspectModel } from "../src/inspect-model.ts";
import { createSafetensorsHeader } from "../src/engine/safetensors.ts";
import { azr } from "./cli/harness.ts";
import { startFakeHub } from "./engine/support/fake-hub.ts";

const config = {
  architectures: ["LlamaForCausalLM"], model_type: "llama", hidden_size: 8, intermediate_size: 16, num_hidden_layers: 2, num_attention_heads: 2,
  num_key_value_heads: 1, vocab_size: 10, max_position_embeddings: 100, tie_word_embeddings: true,
};
const tokenizer = { model: { type: "BPE", vocab: { a: 0, b: 1, c: 2 } }, added_tokens: [{ id: 2, content: "c" }, { id: 3, content: "<end>" }] };
const small = { "config.json": JSON.stringify(config), "tokenizer.json": JSON.stringify(tokenizer) };
const weights = (): Buffer => {
  const header = createSafetensorsHeader([{ name: "a", dtype: "BF16", shape: [10] }, { name: "b", dtype: "F32", shape: [3] }]);
  return Buffer.concat([header, Buffer.alloc(32)]);
};
const parameters = 10 * 8 + 8 + 2 * (8 * (2 * 8 + 2 * 4 + 3 * 16) + 2 * 8);

t.test("a folder, a run", async (t) => {
  const root = t.testdir({ base: small, run: { checkpoints: { "step-000001": {} } } });
  writeFileSync(join(root, "base", "model.safetensors"), weights());
  const report = await inspectModel({ model: "base", from: root });
  t.match(report, { model: "base", pinned: null, architecture: "LlamaForCausalLM", parameters, context: 100, tokenizerSize: 4 });
  t.same(report.files, [{ name: "model.safetensors", bytes: weights().byteLength, types: { BF16: 20, F32: 12 } }]);
  t.match(report.memory.rollout, { length: 100, batch: 64 });
  for (const wrong of [{ length: 0 }, { length: 1.5 }, { batch: -1 }, { microBatchTokens: Number.NaN }, { batch: "3" }, { model: 3 }]) {
    await t.rejects(inspectModel({ model: "base", from: root, ...wrong } as never), { code: "AZR_INPUT_INVALID", message: new RegExp(Object.keys(wrong)[0]!) });
  }
  await t.rejects(inspectModel(undefined as never), { code: "AZR_INPUT_INVALID" });
  t.match((await inspectModel({ model: "base", from: root, length: 7, batch: 3, microBatchTokens: 5 })).memory, { rollout: { length: 7, batch: 3 }, training: { microBatchTokens: 5 } });

  const again = await inspectModel({ model: "base", from: root, checkpointActivations: true, lora: { rank: 3, targets: ["q_proj"] } });
  t.ok(again.memory.training.f32.activations < report.memory.training.f32.activations);
  t.match(again.memory.lora, { rank: 3, parameters: 2 * 3 * (8 + 8) });

  writeFileSync(join(root, "run", "config.json"), JSON.stringify({ config: { model: join(root, "base") } }));
  writeFileSync(join(root, "run", "checkpoints", "step-000001", "model.safetensors"), weights());
  t.match(await inspectModel({ model: "run", from: root }), { parameters, tokenizerSize: 4, files: [{ types: { BF16: 20 } }] });

  rmSync(join(root, "base", "model.safetensors"));
  t.same((await inspectModel({ model: "base", from: root })).files, [], "the weights need not be there");
  writeFileSync(join(root, "base", "model.safetensors.index.json"), JSON.stringify({ weight_map: { a: "one.safetensors", b: "two.safetensors" } }));
  for (const name of ["one", "two"]) writeFileSync(join(root, "base", `${name}.safetensors`), weights());
  t.same((await inspectModel({ model: "base", from: root })).files.map(({ name }) => name), ["one.safetensors", "two.safetensors"]);
  writeFileSync(join(root, "base", "tokenizer.json"), "{}");
  t.equal((await inspectModel({ model: "base", from: root })).tokenizerSize, null);
  writeFileSync(join(root, "base", "one.safetensors"), "x");
  await t.rejects(inspectModel({ model: "base", from: root }), { code: "AZR_MODEL_FORMAT" });
});

t.test("a model of the hub, of which the weights stay there", async (t) => {
  const hub = await startFakeHub({ "tiny/model": { files: { ...small, "model.safetensors": weights() } } }, { t });
  const home = mkdtempSync(join(tmpdir(), "azr-hub-"));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  const env = { HF_HOME: home, HF_ENDPOINT: hub.url };
  const report = await inspectModel({ model: "tiny/model", from: home, env });
  t.match(report, { parameters, pinned: /^tiny\/model@[0-9a-f]{40}$/, files: [{ name: "model.safetensors", bytes: weights().byteLength, types: null }] });
  t.equal(hub.sent, small["config.json"].length + small["tokenizer.json"].length);
  hub.faults = [{ at: /tree/, status: 500 }];
  t.same((await inspectModel({ model: "tiny/model", from: home, env, retryDelayMs: 1 })).files, [], "the rest is told without the hub");
  t.same((await inspectModel({ model: "tiny/model", from: home, env: { ...env, HF_HUB_OFFLINE: "1" } })).parameters, parameters);
});

t.test("the command", async (t) => {
  const text = await azr(["inspect", "model"]);
  t.equal(text.code, 0);
  for (const line of [/^model: +seedling$/m, /^parameters: +0\.8 million$/m, /^file: +model\.safetensors, 3\.\d MB of F32$/m, /^weights: .*\d MB in f32, .*\d MB in bf16, \d+ kB in q8/m, /^training: +\d+\.\d MB in f32, \d+\.\d MB in bf16; in f32: weights/m]) t.match(text.stdout, line);
  const json = await azr(["inspect", "model", "--json", "--length", "64", "--batch", "2"]);
  t.match(JSON.parse(json.stdout), { model: "seedling", architecture: "LlamaForCausalLM", memory: { rollout: { length: 64, batch: 2 } } });
  t.equal(json.stderr, "");
  t.match(await azr(["inspect", "model", "--model", "./nothing"]), { code: 5, stderr: /AZR_MODEL_NOT_FOUND/ });
  t.match(await azr(["inspect", "model", "--length", "0"]), { code: 2, stderr: /inspect model --help/ });
});
