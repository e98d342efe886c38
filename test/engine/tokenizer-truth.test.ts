// 644 hard strings: ids and texts equal to those of transformers, for small tokenizers of this repository and those of real models.
// What is stored (test/truth/make_tokenizer_truth.py) is a hash a string; a few are there in full.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Test } from "tap";
import { tokenizerJsonFromGguf } from "../../src/engine/gguf-tokenizer.ts";
import { createTextStream } from "../../src/engine/text-stream.ts";
import { loadTokenizer, parseTokenizer } from "../../src/engine/tokenizer.ts";
import type { Tokenizer } from "../../src/engine/tokenizer.ts";
import { sentencePieceMetadata } from "./support/sentencepiece.ts";
import { smolLm2 } from "./support/smollm.ts";
import { packagedTokenizer, smallTokenizer, sources, wheelFile } from "./support/tokenizer-sources.ts";

interface Truth {
  vocabularySize: number;
  begin: number[];
  /** Whether special tokens written in a string count as such. */
  specialTokens: boolean;
  ids: string;
  texts: string;
  noise: string;
  noiseSkipped: string;
  full: { string: number; ids: number[]; text: string }[];
}

const fixture = (name: string) => readFileSync(join(import.meta.dirname, "fixtures", name), "utf8");
const { results } = JSON.parse(fixture("tokenizer-truth.json")) as { results: Record<string, Truth> };
const strings = fixture("tokenizer-strings.jsonl").trimEnd().split("\n").map((line) => {
  const row = JSON.parse(line) as string | { repeat: string; times: number };
  return typeof row === "string" ? row : row.repeat.repeat(row.times);
});

const short = (data: string | Int32Array) => createHash("sha256").update(data).digest().subarray(0, 6);

// Which rows differ from the stored hashes.
function differing(blob: string, rows: (string | Int32Array)[]): number[] {
  const stored = Buffer.from(blob, "base64");
  if (stored.length !== rows.length * 6) throw new Error(`${stored.length / 6} hashes for ${rows.length} rows`);
  return rows.flatMap((row, index) => (short(row).equals(stored.subarray(index * 6, index * 6 + 6)) ? [] : [index]));
}

function noise(size: number): Int32Array[] {
  let state = 7n;
  return Array.from({ length: 64 }, () =>
    Int32Array.from({ length: 40 }, (_, place) => {
      state = (state * 1103515245n + 12345n) % 2n ** 31n;
      const draw = Number(state >> 8n);
      return place % 3 === 0 ? draw % Math.min(300, size) : place % 7 === 0 ? size - 1 - (draw % 20) : draw % size;
    }),
  );
}

// Tokenizers with tokens as <0x0A>. Where such bytes are no text, decoding takes back good characters beside them, and a stream cannot.
const byteTokens = /^pieces|bytes|^llama2|^gemma3|\.model\b/;

function check(t: Test, tokenizer: Tokenizer, name: string): void {
  const truth = results[name]!;
  const { specialTokens, begin } = truth;
  const rows = strings.map((text) => tokenizer.encode(text, { specialTokens }));
  const shown = (indices: number[]) => indices.slice(0, 5).map((index) => strings[index]!.slice(0, 60));
  for (const { string, ids, text } of truth.full) {
    t.same([...rows[string]!], ids, `string ${string}`);
    t.equal(tokenizer.decode(ids), text, "and back");
  }
  t.same(shown(differing(truth.ids, rows)), [], "ids");
  t.same(shown(differing(truth.texts, rows.map((row) => tokenizer.decode(row)))), [], "texts");
  const drawn = noise(truth.vocabularySize);
  t.same(differing(truth.noise, drawn.map((row) => tokenizer.decode(row))), [], "texts of ids that no text has");
  t.same(differing(truth.noiseSkipped, drawn.map((row) => tokenizer.decode(row, { skipSpecialTokens: true }))), [], "the same without special tokens");
  t.same([...tokenizer.encode("a b", { begin: true })], [...begin, ...tokenizer.encode("a b")], "begin tokens");
  // A Unigram model reads <0xFF> in a text as the byte.
  const texts = rows.filter((row) => row.length < 500 && !(name.startsWith("unigram") && tokenizer.decode(row).includes("\ufffd")));
  checkStream(t, tokenizer, [...texts, ...(byteTokens.test(name) ? [] : drawn)]);
}

function checkStream(t: Test, tokenizer: Tokenizer, rows: Int32Array[]): void {
  const wrong = rows.filter((row) => {
    const stream = createTextStream(tokenizer);
    return Array.from(row, (id) => stream.push(id)).join("") + stream.end() !== tokenizer.decode(row);
  });
  t.same(wrong.map((row) => [...row]), [], "the pieces of a stream are the whole text");
}

t.ok(strings.length >= 500);
for (const name of Object.keys(sources.files)) t.test(name, async (t) => check(t, parseTokenizer(smallTokenizer(name)), name));

for (const name of Object.keys(sources.packages)) {
  const found = await packagedTokenizer(name);
  t.test(name, { skip: found.reason ?? false }, async (t) => check(t, loadTokenizer(found.path!), name));
}

for (const name of Object.keys(sources.pieces.sha256)) {
  const found = await wheelFile("pieces", name);
  t.test(`Mistral's ${name} as the vocabulary of a GGUF file`, { skip: found.reason ?? false }, async (t) => {
    check(t, parseTokenizer(tokenizerJsonFromGguf(sentencePieceMetadata(found.path!), name)), name);
  });
}

const smol = await smolLm2();
t.test("SmolLM2, out of its GGUF file", { skip: smol.reason ?? false }, async (t) => check(t, loadTokenizer(smol.path!), "smollm2"));

t.test("a stream", async (t) => {
  const tokenizer = parseTokenizer(smallTokenizer("llama3-small"));
  const stream = createTextStream(tokenizer);
  const ids = [...tokenizer.encode("a\u{1f600}b")];
  const pieces = ids.map((id) => stream.push(id));
  t.equal(pieces[0], "a");
  t.ok(pieces.includes("\u{1f600}"), "a character in one piece");
  t.equal(pieces.join("") + stream.end(), "a\u{1f600}b");
  t.equal(stream.push(ids[1]!) + stream.end(), "\ufffd", "a character that never comes");

  const broken = createTextStream(tokenizer);
  const rows = Array.from({ length: 3000 }, (_, index) => ids[1 + (index % 3)]!);
  const given = rows.map((id) => broken.push(id));
  t.ok(given.some((piece) => piece !== ""), "what is certain comes, even where nothing is a character");
  t.equal(given.join("") + broken.end(), tokenizer.decode(rows));
});
