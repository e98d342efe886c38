// Files of a model that are none, or hold what no model has: refused at once, in a sentence of bearable length.
import { execFileSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { isGguf, readGguf } from "../../src/engine/gguf.ts";
import { readModelConfig } from "../../src/engine/model-config.ts";
import { parseSafetensorsHeader, readSafetensorsHeader } from "../../src/engine/safetensors.ts";
import { loadTokenizer, parseTokenizer } from "../../src/engine/tokenizer.ts";
import { findWeights } from "../../src/engine/weights.ts";
import { AzrError } from "../../src/errors.ts";

const pipe = (path: string): string => (execFileSync("mkfifo", [path]), path);

t.test("a pipe is not waited for", async (t) => {
  const folder = t.testdir({});
  for (const name of ["config.json", "tokenizer.json", "model.safetensors", "model.gguf"]) pipe(join(folder, name));
  t.throws(() => readModelConfig(folder), { code: "AZR_MODEL_FORMAT", message: /it is no regular file/ });
  t.throws(() => loadTokenizer(folder), { code: "AZR_TOKENIZER_FORMAT", message: /it is no regular file/ });
  t.throws(() => readSafetensorsHeader(join(folder, "model.safetensors")), { code: "AZR_MODEL_FORMAT", message: /is no regular file/ });
  t.throws(() => readGguf(join(folder, "model.gguf")), { code: "AZR_MODEL_FORMAT", message: /is no regular file/ });
  t.equal(isGguf(pipe(join(folder, "other"))), false);
});

t.test("what the system cannot read, and a text beyond any bound", async (t) => {
  t.throws(() => readSafetensorsHeader("/proc/self/mem"), { code: "AZR_MODEL_FORMAT", message: /^Cannot read \/proc\/self\/mem/ });
  const folder = t.testdir({ "config.json": "{" });
  truncateSync(join(folder, "config.json"), 2 ** 40);
  t.throws(() => readModelConfig(folder), { code: "AZR_MODEL_FORMAT", message: /1099511627776 bytes long/ });
});

t.test("tokenizers without measure", async (t) => {
  const sound = { model: { type: "WordLevel", vocab: { a: 0 }, unk_token: "a" } };
  const nested = (depth: number): string => `${'{"type":"Sequence","normalizers":['.repeat(depth)}${"]}".repeat(depth)}`;
  const replace = { type: "Replace", pattern: { String: "a" }, content: "aaaa" };
  const refused: [object, RegExp][] = [
    [{ normalizer: JSON.parse(nested(100)) as object }, /normalizer .* is nested deeper than 32/],
    [{ normalizer: { type: "Sequence", normalizers: new Array(12).fill(replace) } }, /could make a text more than 4096 times as long/],
    [{ decoder: { type: "Replace", pattern: { Regex: "(?:".repeat(5000) }, content: "" } }, /a text of 15000 characters as Regex/],
    [{ added_tokens: [{ id: 1, content: "a".repeat(5000) }] }, /a token of 5000 characters/],
  ];
  for (const [change, message] of refused) t.throws(() => parseTokenizer({ ...sound, ...change }), { code: "AZR_TOKENIZER_FORMAT", message });
  t.doesNotThrow(() => parseTokenizer({ ...sound, normalizer: { type: "Sequence", normalizers: [replace, replace] } }));
  const folder = t.testdir({ "tokenizer.json": `{"model":{"type":${"[".repeat(50_000)}${"]".repeat(50_000)}}}` });
  t.throws(() => loadTokenizer(folder), { code: "AZR_TOKENIZER_FORMAT", message: /nested too deep/ });
  for (const key of ["num_hidden_layers", "model_type"]) {
    writeFileSync(join(folder, "config.json"), `{"model_type":"llama","${key}":${"[".repeat(50_000)}${"]".repeat(50_000)}}`);
    t.throws(() => readModelConfig(folder), { code: "AZR_MODEL_FORMAT", message: /nested deeper than 64/ });
  }
});

t.test("weights with values nested beyond the stack", async (t) => {
  const nested = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
  const file = (header: string): Buffer => Buffer.concat([Buffer.from(BigUint64Array.of(BigInt(header.length)).buffer), Buffer.from(header)]);
  for (const header of [`{"a":{"dtype":${nested}}}`, `{"a":${nested}}`, `{"a":{"dtype":"F32","shape":${nested},"data_offsets":[0,4]}}`, `{"a":{"dtype":"F32","shape":[1],"data_offsets":${nested}}}`]) {
    t.throws(() => parseSafetensorsHeader(file(header).subarray(8), 8 + header.length, "x"), { code: "AZR_MODEL_FORMAT", message: /gives tensor a/ });
  }
  const folder = t.testdir({ "model.safetensors.index.json": `{"weight_map":{"a":${nested}}}` });
  t.throws(() => findWeights(folder, []), { code: "AZR_MODEL_FORMAT", message: /as the file of a/ });
});

t.test("a message quotes no megabytes", async (t) => {
  const folder = t.testdir({});
  writeFileSync(join(folder, "config.json"), JSON.stringify({ architectures: ["x".repeat(1_000_000)] }));
  try {
    readModelConfig(folder);
    t.fail("it was read");
  } catch (error) {
    t.ok(AzrError.isInstance(error) && error.message.length < 1500);
    t.match((error as AzrError).message, /config\.json describes "xxx.* \[\.\.\.\] x+", which the engine does not run\.$/);
  }
});
