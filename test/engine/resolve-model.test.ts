// What the values of --model stand for.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { resolveModel, seedlingFolder } from "../../src/engine/resolve-model.ts";

const model = () => ({ "config.json": "{}", "tokenizer.json": "{}", "model.safetensors": "x" });
const weights = () => ({ "model.safetensors": "x" });
const runConfig = (value: unknown) => JSON.stringify({ schema: 1, config: { model: value } });

t.test("what is found", async (t) => {
  const root = t.testdirName;
  const base = join(root, "base");
  t.testdir({
    base: model(),
    sharded: { "config.json": "{}", "tokenizer.json": "{}", "model.safetensors.index.json": "{}" },
    fresh: { "config.json": "{}", "tokenizer.json": "{}" },
    pointed: { "config.json": runConfig(base), latest: "step-000002\n", checkpoints: { "step-000002": weights(), "step-000010": weights() } },
    unpointed: {
      "config.json": runConfig(base),
      checkpoints: { "step-000009": weights(), "step-000010": weights(), "step-000011": {}, ".step-000012.1.tmp": weights() },
    },
    chained: { "config.json": runConfig(join(root, "unpointed")), checkpoints: { "step-000003": weights() } },
    "small.Q8_0.gguf": "x",
    complete: { "config.json": runConfig("gone"), checkpoints: { "step-000001": model() } },
  });
  t.same(await resolveModel("base", { from: root }), { name: "base", weights: base, config: base, tokenizer: base });
  t.equal((await resolveModel(base)).weights, base, "absolute path");
  t.equal((await resolveModel("sharded", { from: root })).weights, join(root, "sharded"));
  t.equal((await resolveModel("fresh", { from: root, weights: false })).config, join(root, "fresh"));
  t.equal((await resolveModel("seedling", { weights: false })).config, seedlingFolder());
  const gguf = join(root, "small.Q8_0.gguf");
  t.same(await resolveModel("small.Q8_0.gguf", { from: root }), { name: "small.Q8_0.gguf", weights: gguf, config: gguf, tokenizer: gguf, gguf });
  for (const [run, step] of [["pointed", 2], ["unpointed", 10], ["chained", 3]] as const) {
    const path = join(root, run);
    const folder = join(path, "checkpoints", `step-${String(step).padStart(6, "0")}`);
    t.same(await resolveModel(run, { from: root }), { name: run, weights: folder, config: base, tokenizer: base, checkpoint: { run: path, step } }, run);
  }
  const own = join(root, "complete", "checkpoints", "step-000001");
  t.match(await resolveModel(join(root, "complete")), { weights: own, config: own, tokenizer: own });
});

t.test("what is not", async (t) => {
  const root = t.testdir({
    file: "x",
    bare: {},
    noTokenizer: { "config.json": "{}", "model.safetensors": "x" },
    noWeights: { "config.json": "{}", "tokenizer.json": "{}" },
    young: { "config.json": runConfig("seedling"), "events.jsonl": "", checkpoints: {} },
    orphan: { "config.json": "{}", checkpoints: { "step-000001": weights() } },
    endless: { checkpoints: { "step-000001": weights() } },
    stray: { "config.json": runConfig("seedling"), latest: "step-000003\n", checkpoints: { "step-000002": weights(), "step-000003": { "state.json": "{}" } } },
    outside: { "config.json": runConfig("seedling"), latest: "../../gone", checkpoints: { "step-000002": weights() } },
  });
  writeFileSync(join(root, "endless", "config.json"), runConfig(join(root, "endless")));
  const cases: [string, string, RegExp][] = [
    ["gone", "AZR_MODEL_NOT_FOUND", /no model folder/],
    ["./gone/away", "AZR_MODEL_NOT_FOUND", /no model folder/],
    ["Qwen/Qwen2.5-0.5B", "AZR_MODEL_NOT_FOUND", /not whole in the cache.*HF_HUB_OFFLINE/],
    ["model.gguf", "AZR_MODEL_NOT_FOUND", /no model file/],
    ["file", "AZR_MODEL_NOT_FOUND", /is a file/],
    ["bare", "AZR_MODEL_NOT_FOUND", /config\.json is missing/],
    ["noTokenizer", "AZR_MODEL_NOT_FOUND", /tokenizer\.json is missing/],
    ["noWeights", "AZR_MODEL_NOT_FOUND", /model\.safetensors is missing/],
    ["young", "AZR_RUN_FOLDER", /no finished checkpoint/],
    ["orphan", "AZR_RUN_FOLDER", /which model it started from/],
    ["endless", "AZR_RUN_FOLDER", /which model it started from/],
    ["stray", "AZR_CHECKPOINT_CORRUPT", /names "step-000003", which is no checkpoint/],
    ["outside", "AZR_CHECKPOINT_CORRUPT", /names "\.\.\/\.\.\/gone"/],
  ];
  for (const [name, code, message] of cases) await t.rejects(resolveModel(name, { from: root, env: { HF_HUB_OFFLINE: "1", HF_HOME: root } }), { code, message, hint: /./ }, name);
});

t.test("a folder of models is none, and what lies in it is named", async (t) => {
  const root = t.testdir({ files: { "b.gguf": "", "a.GGUF": "" }, folders: { model: { "config.json": "{}" }, other: {} }, "notes.txt": "", beside: { "config.json": "{}", "model.safetensors": "" } });
  const hintOf = async (name: string) => (await resolveModel(name, { from: root }).catch((error: unknown) => error as { hint: string })) as { hint: string };
  t.match((await hintOf("files")).hint, /Is one of these meant: .*files\/a\.GGUF, .*files\/b\.gguf\?$/);
  t.match((await hintOf("folders")).hint, /Is this meant: .*folders\/model\?$/);
  t.match((await hintOf("notes.txt")).hint, /^Give the path of a Hugging Face folder/);
  t.match((await hintOf("beside/model.safetensors")).hint, /^Give the folder it is in: .*beside$/);
});
