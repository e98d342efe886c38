// Exports: the files are those that transformers read back with identical weights and logits (test/truth/check_export.py), they
// open again, and a failed export leaves nothing.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { openEngine } from "../../src/engine/open.ts";
import { seedlingFolder } from "../../src/engine/resolve-model.ts";
import { loadTokenizer } from "../../src/engine/tokenizer.ts";
import { exportModel, writeModelFolder } from "../../src/export-model.ts";
import { azr, jsonLines } from "../cli/harness.ts";
import { exportCases, makeExport } from "../truth/export-cases.ts";
import { truthParts, writeGguf } from "./support/gguf-file.ts";
import { smolLm2 } from "./support/smollm.ts";
import { model, rejects, rows } from "./support/tiny-model.ts";
import { readTruth } from "../truth/model-folder.ts";

const stored = JSON.parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), "..", "truth", "data", "export.json"), "utf8")) as Record<string, unknown>;
const sequences = rows([2, 8, 20, 21, 30, 31, 12, 1]);

for (const one of exportCases) {
  t.test(one.name, async (t) => {
    const folder = t.testdir();
    t.same(await makeExport(one, folder), stored[one.name], "the files that transformers read; after a change of the format or the model run test/truth/check_export.py");
  });
}

t.test("an exported model opens again and scores the same", async (t) => {
  const out = join(t.testdir(), "deep", "exported");
  const result = await exportModel({ model: "seedling", out, threads: 1 });
  t.equal(result.folder, out);
  t.same(result.files.map(({ name }) => name), readdirSync(out).sort());
  t.ok(["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"].every((name) => result.files.some((file) => file.name === name)));
  t.ok(readFileSync(join(out, "tokenizer.json")).equals(readFileSync(join(seedlingFolder(), "tokenizer.json"))));
  await using first = await openEngine({ model: "seedling", threads: 1 });
  await using second = await openEngine({ model: out, threads: 1 });
  t.same(await second.score({ sequences }), await first.score({ sequences }));
});

t.test("a run: the weights of its checkpoint, the rest of the model it began with", async (t) => {
  const folder = t.testdir({ run: { "config.json": JSON.stringify({ config: { model: "seedling" } }), "events.jsonl": "", checkpoints: { "step-000007": {} } } });
  await using engine = await openEngine({ model: "seedling", threads: 1, initialize: { seed: 3 } });
  await engine.saveModel(join(folder, "run", "checkpoints", "step-000007"));
  await exportModel({ model: join(folder, "run"), out: join(folder, "out"), threads: 1 });
  const weights = (...path: string[]) => readFileSync(join(folder, ...path, "model.safetensors"));
  t.ok(weights("out").equals(weights("run", "checkpoints", "step-000007")));
  t.ok(readFileSync(join(folder, "out", "tokenizer.json")).equals(readFileSync(join(seedlingFolder(), "tokenizer.json"))));
  await using exported = await openEngine({ model: join(folder, "out"), threads: 1 });
  t.same(await exported.score({ sequences }), await engine.score({ sequences }));
});

const smol = await smolLm2();
t.test("SmolLM2-135M as GGUF, exported, scores the same to the bit", { skip: smol.reason ?? false }, async (t) => {
  const out = join(t.testdir(), "exported");
  const { files } = await exportModel({ model: smol.path!, out, maxShardBytes: 200_000_000, threads: 2 });
  t.same(files.map(({ name }) => name), ["config.json", ...[1, 2, 3].map((part) => `model-0000${part}-of-00003.safetensors`), "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json"]);
  const text = "def f(a):\n    return a[::-1]\n";
  const tokens = loadTokenizer(out).encode(text);
  t.same(tokens, loadTokenizer(smol.path!).encode(text), "and so does its tokenizer");
  const request = { sequences: { tokens, lengths: Int32Array.of(tokens.length) } };
  await using first = await openEngine({ model: smol.path!, threads: 2 });
  const expected = await first.score(request);
  await using second = await openEngine({ model: out, threads: 2 });
  t.same(await second.score(request), expected);
  t.same(second.shape, first.shape);
});

t.test("failures leave nothing", async (t) => {
  const folder = t.testdir({ full: { file: "" }, empty: {} });
  await rejects(t, () => exportModel({ model, out: join(folder, "full") }), "AZR_INPUT_INVALID", /there already/);
  await rejects(t, () => exportModel({ model, out: join(folder, "full", "file") }), "AZR_INPUT_INVALID", /there already/);
  await rejects(t, () => exportModel({ model, out: join(folder, "full", "file", "below") }), "AZR_RUN_FOLDER", /ENOTDIR|EEXIST/);
  await rejects(t, () => exportModel({ model: join(folder, "absent"), out: join(folder, "out") }), "AZR_MODEL_NOT_FOUND", /absent/);
  await rejects(t, () => exportModel({ model, out: join(folder, "out"), signal: AbortSignal.abort() }), "AZR_ABORTED", /abort/);
  t.same(readdirSync(folder).sort(), ["empty", "full"]);
  await exportModel({ model, out: join(folder, "empty"), threads: 1 });
  t.ok(existsSync(join(folder, "empty", "model.safetensors")), "an empty folder is taken");
});

t.test("rotary factors that only a GGUF file can express", async (t) => {
  const folder = t.testdir();
  const parts = truthParts(readTruth("llama3"));
  parts.tensors.push({ name: "rope_freqs.weight", shape: [8], data: new Uint8Array(Float32Array.of(1, 1, 2, 3, 5, 5, 5, 5).buffer) });
  const path = writeGguf(join(folder, "model.gguf"), parts);
  await rejects(t, () => exportModel({ model: path, out: join(folder, "out"), threads: 1 }), "AZR_MODEL_FORMAT", /no config.json can express/);
  t.same(readdirSync(folder), ["model.gguf"]);
});

t.test("values beyond float16", async (t) => {
  const folder = t.testdir({ large: {} });
  const bytes = readFileSync(join(model, "model.safetensors"));
  bytes.writeFloatLE(70_000, bytes.length - 4);
  writeFileSync(join(folder, "large", "model.safetensors"), bytes);
  for (const name of ["config.json", "tokenizer.json"]) writeFileSync(join(folder, "large", name), readFileSync(join(model, name)));
  await rejects(t, () => exportModel({ model: join(folder, "large"), out: join(folder, "out"), dtype: "f16", threads: 1 }), "AZR_INPUT_INVALID", /beyond the range of float16/);
  t.same(readdirSync(folder), ["large"]);
  await exportModel({ model: join(folder, "large"), out: join(folder, "out"), dtype: "bf16", threads: 1 });
});

t.test("from the command line", async (t) => {
  const folder = t.testdir();
  const first = await azr(["export", "seedling", "--out", join(folder, "a"), "--dtype", "bf16", "--max-shard-size", "500KB", "--threads", "1", "--json"]);
  t.equal(first.code, 0, first.stderr);
  const [answer] = jsonLines(first.stdout) as [{ folder: string; files: { name: string; bytes: number }[]; parameters: number }];
  t.equal(answer.folder, join(folder, "a"));
  t.equal(answer.parameters, 780_800);
  t.ok(answer.files.some(({ name }) => name === "model-00002-of-00004.safetensors"), first.stdout);
  const second = await azr(["export", join(folder, "a"), "--out", join(folder, "b"), "--threads", "1"]);
  t.match(second.stdout, /b\/model\.safetensors {2}\d+ bytes\n/);
  for (const size of ["0", "2", "5XB", "GB", "-1", "1e400"]) {
    const refused = await azr(["export", "seedling", "--out", join(folder, "c"), "--max-shard-size", size]);
    t.equal(refused.code, 2, size);
  }
  t.equal((await azr(["export", "seedling", "--out", join(folder, "a")])).code, 2);
});

t.test("what somebody else writes into the folder meanwhile stays", async (t) => {
  const out = join(t.testdir({ out: {} }), "out");
  await using engine = await openEngine({ model: "seedling", threads: 1 });
  const files = { config: seedlingFolder(), tokenizer: seedlingFolder() };
  const slow = {
    stats: () => engine.stats(),
    async saveModel(folder: string) {
      await engine.saveModel(folder);
      writeFileSync(join(out, "notes.txt"), "mine");
    },
  };
  await rejects(t, () => writeModelFolder(slow, files, out, {}), "AZR_INPUT_INVALID", /is there already/);
  t.same(readdirSync(out), ["notes.txt"]);
  t.same(readdirSync(dirname(out)), ["out"], "and nothing half done is left");
  await writeModelFolder(engine, files, out, { replace: true });
  t.ok(readdirSync(out).includes("model.safetensors"), "a run replaces what it made itself");
  for (const wrong of [undefined, {}, { model: "seedling" }, { model: "seedling", out: 3 }, { model: "seedling", out: "a\0b" }, { out: join(dirname(out), "new") }]) {
    await rejects(t, () => exportModel(wrong as never), "AZR_INPUT_INVALID", /request|out|model/);
  }
});
