// Vocabularies of GGUF files: the ids that llama.cpp gives for the hard strings (test/truth/make_gguf_tokenizer_truth.py), and what is refused. Files
// of real models against transformers and SentencePiece: tokenizer-truth.test.ts.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { preTokenizers } from "../../src/engine/gguf-pre-tokenizers.ts";
import { readGguf } from "../../src/engine/gguf.ts";
import { tokenizerJsonFromGguf } from "../../src/engine/gguf-tokenizer.ts";
import type { GgufMetadata } from "../../src/engine/gguf-types.ts";
import { parseTokenizer } from "../../src/engine/tokenizer.ts";
import { smolLm2 } from "./support/smollm.ts";
import { packagedTokenizer, smallTokenizer } from "./support/tokenizer-sources.ts";

type Value = GgufMetadata extends ReadonlyMap<string, infer V> ? V : never;
interface TokenizerJson {
  added_tokens: { id: number; content: string; special: boolean }[];
  normalizer: { normalizers: { precompiled_charsmap: string }[] };
  model: { vocab: Record<string, number> | [string, number][]; merges: (string | string[])[] };
}

const fixture = (name: string) => readFileSync(join(import.meta.dirname, "fixtures", name), "utf8");
const truth = JSON.parse(fixture("gguf-tokenizer-truth.json")) as Record<string, string>;
const strings = fixture("tokenizer-strings.jsonl").trimEnd().split("\n").map((line) => {
  const row = JSON.parse(line) as string | { repeat: string; times: number };
  return typeof row === "string" && [...row].length < 2000 ? row : "";
});

const metadataOf = (model: string, entries: Record<string, Value>): GgufMetadata =>
  new Map(Object.entries({ model, ...entries }).map(([key, value]) => [`tokenizer.ggml.${key}`, value]));

function differing(name: string, metadata: GgufMetadata): string[] {
  const tokenizer = parseTokenizer(tokenizerJsonFromGguf(metadata, "x.gguf"), "x.gguf");
  const stored = Buffer.from(truth[name]!, "base64");
  if (stored.length !== 4 * strings.length) throw new Error(`${stored.length / 4} hashes for ${strings.length} strings`);
  return strings.filter((text, index) => !createHash("sha256").update(tokenizer.encode(text)).digest().subarray(0, 4).equals(stored.subarray(4 * index, 4 * index + 4)));
}

function typesOf(tokens: string[], added: TokenizerJson["added_tokens"]): number[] {
  const types: number[] = tokens.map((token) => (/^<0x..>$/.test(token) ? 6 : 1));
  for (const { id, content, special } of added) if (id < types.length) types[id] = content === "<unk>" ? 2 : special ? 3 : 4;
  return types;
}

const smol = await smolLm2();
t.test("rules to split texts, with SmolLM2's tokens", { skip: smol.reason ?? false }, async (t) => {
  const metadata = readGguf(smol.path!).metadata;
  for (const name of Object.keys(truth)) {
    if (!preTokenizers.has(name)) continue;
    const wrong = differing(name, new Map([...metadata, ["tokenizer.ggml.pre", name]]));
    // Qwen's own tokenizer puts accents together first (NFC), which llama.cpp leaves out.
    if (name === "qwen2") t.same(wrong.filter((text) => text.normalize() === text), [], name);
    // Two strings of exotic white space, which llama.cpp cuts otherwise than the pattern says.
    else if (name === "deepseek-coder") t.ok(wrong.length <= 2 && wrong.every((text) => /[\v\u001f]/.test(text)), name);
    else t.same(wrong, [], name);
  }
});

t.test("Unigram (t5)", async (t) => {
  const { added_tokens: added, normalizer, model } = smallTokenizer("unigram") as TokenizerJson;
  const [tokens, scores] = [0, 1].map((side) => (model.vocab as [string, number][]).map((entry) => entry[side]!)) as [string[], number[]];
  const charsmap = [...Buffer.from(normalizer.normalizers[0]!.precompiled_charsmap, "base64")];
  const metadata = metadataOf("t5", { tokens, scores, token_type: typesOf(tokens, added), precompiled_charsmap: charsmap, remove_extra_whitespaces: true, unknown_token_id: 0 });
  // A letter with several accents: the map is asked as the tokenizers library asks it, for what stands together or each character.
  t.same(differing("t5", metadata), ["q\u0307\u0323 q\u0323\u0307 e\u0301\u0301\u0301\u0301 a\u0300\u0316\u0327 \u0301alone"]);
  const tokenizer = parseTokenizer(tokenizerJsonFromGguf(metadata, "x.gguf"));
  t.equal(tokenizer.decode(tokenizer.encode(" def  f ")), "def f");
  const spaces = " ".repeat(200_000);
  t.ok(tokenizer.encode(`${spaces}a${spaces}`).length < 4, "long white space takes no time");
});

const gemma = await packagedTokenizer("gemma3");
t.test("BPE with marks for spaces (gemma4)", { skip: gemma.reason ?? false }, async (t) => {
  const { added_tokens: added, model } = JSON.parse(readFileSync(join(gemma.path!, "tokenizer.json"), "utf8")) as TokenizerJson;
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(model.vocab as Record<string, number>)) tokens[id] = token;
  const merges = model.merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" ")));
  const all = Array.from(tokens, (token, id) => token ?? `[gap${id}]`);
  t.same(differing("gemma4", metadataOf("gemma4", { tokens: all, merges, token_type: typesOf(all, added), unknown_token_id: tokens.indexOf("<unk>") })), []);
});

t.test("what is refused", async (t) => {
  const refuse = (metadata: GgufMetadata, message: RegExp) => t.throws(() => tokenizerJsonFromGguf(metadata, "x.gguf"), { code: "AZR_TOKENIZER_FORMAT", message, hint: /./ });
  refuse(new Map(), /"undefined".*gpt2, llama, t5, gemma4/);
  refuse(metadataOf("rwkv", { tokens: ["a"] }), /"rwkv".*supported: gpt2, llama, t5, gemma4/);
  refuse(metadataOf("constructor", { tokens: ["a"] }), /"constructor"/);
  refuse(metadataOf("gpt2", { tokens: ["a"], pre: "none-such" }), /"none-such".*known: default, gpt-2.*tekken.*deepseek-v3/);
  refuse(metadataOf("gpt2", { tokens: ["a"], pre: "gpt-2" }), /no merges/);
  refuse(metadataOf("gemma4", { tokens: ["a"] }), /no merges/);
  refuse(metadataOf("t5", { tokens: ["a"] }), /1 tokens and no scores/);
  refuse(metadataOf("t5", { tokens: ["a"], scores: [0, 1] }), /1 tokens and 2 scores/);
  refuse(metadataOf("t5", { tokens: ["a"], scores: ["x"] }), /scores/);
  refuse(metadataOf("t5", { tokens: ["a", "a"], scores: [0, 1] }), /twice/);
});

t.test("the merges of a long token are found at once", async (t) => {
  const long = "\u{1f600}a".repeat(50_000);
  const tokens = ["\u{1f600}", "a", "\u{1f600}a", long, `${long}a`];
  const began = process.cpuUsage();
  const { model } = tokenizerJsonFromGguf(metadataOf("llama", { tokens, scores: tokens.map((_, id) => -id) }), "x.gguf") as unknown as TokenizerJson;
  const { user, system } = process.cpuUsage(began);
  t.ok(user + system < 5_000_000, `${(user + system) / 1e6} s`);
  t.same(model.merges, [["\u{1f600}", "a"], [long, "a"]]);
});
