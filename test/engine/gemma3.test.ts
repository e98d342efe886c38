// The language model within a Gemma 3 that sees as well: found under both of its names, run as the one that stands alone, and exported as such.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { readModelConfig } from "../../src/engine/model-config.ts";
import { openEngine } from "../../src/engine/open.ts";
import { createSafetensorsHeader } from "../../src/engine/safetensors.ts";
import { exportModel } from "../../src/export-model.ts";
import { readTruth, truthTensors, writeModelFolder } from "../truth/model-folder.ts";
import { rejects, rows } from "./support/tiny-model.ts";

const truth = readTruth("gemma3");
const text = JSON.parse(truth.config) as Record<string, unknown>;
const sequences = rows([1, 2, 3, 30, 29, 5, 6, 7, 8, 9, 10, 3], [34, 0, 11, 12, 13]);

/** The model with names and a config.json as those have it that come with a vision tower; a tensor of that lies beside. */
function writeLarger(folder: string, rename: (name: string) => string, more: Record<string, unknown> = {}): string {
  const { architectures: _architectures, tie_word_embeddings: _tied, eos_token_id: _end, ...own } = text;
  const config = { architectures: ["Gemma3ForConditionalGeneration"], model_type: "gemma3", text_config: own, vision_config: { hidden_size: 8 }, eos_token_id: [1, 6], ...more };
  const tensors = truthTensors(truth, "weight").map(([name, shape, values]): [string, number[], Float32Array] => [rename(name), shape, values]);
  tensors.push(["vision_tower.vision_model.post_layernorm.weight", [8], new Float32Array(8)]);
  const header = createSafetensorsHeader(tensors.map(([name, shape]) => ({ name, dtype: "F32" as const, shape })));
  mkdirSync(folder);
  writeFileSync(join(folder, "model.safetensors"), Buffer.concat([header, ...tensors.map(([, , values]) => Buffer.from(values.buffer, values.byteOffset, values.byteLength))]));
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "tokenizer.json"), "{}");
  return folder;
}

for (const [kind, rename] of Object.entries({
  published: (name: string) => `language_model.${name}`,
  "of later files": (name: string) => name.replace(/^model\./, "model.language_model."),
})) {
  t.test(`names ${kind}`, async (t) => {
    const folder = t.testdir({ alone: {} });
    await using alone = await openEngine({ model: writeModelFolder(join(folder, "alone"), truth), threads: 1 });
    const larger = writeLarger(join(folder, "larger"), rename);
    await using engine = await openEngine({ model: larger, threads: 1 });
    t.same(engine.shape, alone.shape);
    t.same(readModelConfig(larger).endTokens, [1, 6]);
    const scores = await alone.score({ sequences });
    t.same(await engine.score({ sequences }), scores);
    const out = join(folder, "out");
    await exportModel({ model: larger, out, threads: 1 });
    const config = JSON.parse(readFileSync(join(out, "config.json"), "utf8")) as Record<string, unknown>;
    t.match(config, { architectures: ["Gemma3ForCausalLM"], model_type: "gemma3_text", hidden_size: 20, eos_token_id: [1, 6] });
    t.notOk("vision_config" in config || "text_config" in config);
    await using exported = await openEngine({ model: out, threads: 1 });
    t.same(await exported.score({ sequences }), scores);
  });
}

t.test("a head that is not tied, and no language model at all", async (t) => {
  const folder = t.testdir();
  const untied = writeLarger(join(folder, "untied"), (name) => `language_model.${name}`, { tie_word_embeddings: false });
  await rejects(t, () => openEngine({ model: untied, threads: 1 }), "AZR_MODEL_FORMAT", /lacks the tensor lm_head\.weight/);
  const none = writeLarger(join(folder, "none"), (name) => name, { text_config: undefined });
  await rejects(t, () => openEngine({ model: none, threads: 1 }), "AZR_MODEL_FORMAT", /num_hidden_layers/);
});
