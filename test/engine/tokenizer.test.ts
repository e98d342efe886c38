// Tokenizers: options, special tokens, and files that must be refused. Ids and texts: tokenizer-truth.test.ts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { AzrError } from "../../src/errors.ts";
import { seedlingFolder } from "../../src/engine/resolve-model.ts";
import { loadTokenizer, parseTokenizer } from "../../src/engine/tokenizer.ts";

const fixture = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, "fixtures", name), "utf8"));
const seedlingFile = () => JSON.parse(readFileSync(join(seedlingFolder(), "tokenizer.json"), "utf8"));

t.test("options and special tokens", async (t) => {
  const seedling = loadTokenizer(seedlingFolder(), 331);
  t.equal(seedling.vocabularySize, 331);
  t.equal(seedling.specialTokens.size, 14);
  const end = seedling.specialTokenId("<|end|>");
  t.same([...seedling.encode("5<|end|>")].at(-1), end);
  t.notOk(seedling.encode("5<|end|>", { specialTokens: false }).includes(end), "the marker can be read as plain characters");
  t.equal(seedling.decode(seedling.encode("5<|end|>", { specialTokens: false })), "5<|end|>");
  t.equal(seedling.decode(seedling.encode("5<|end|>"), { skipSpecialTokens: true }), "5");
  t.equal(seedling.decode([100_000, seedling.encode("7")[0]!]), "7", "padding rows of an embedding table carry no text");
  const framed = parseTokenizer(fixture("tokenizer-llama3.json"));
  t.same([...framed.encode("a", { begin: true })], [framed.specialTokenId("<|begin|>"), ...framed.encode("a")]);
  t.throws(() => seedling.specialTokenId("<|none|>"), { code: "AZR_TOKENIZER_FORMAT" });
});

t.test("files that cannot be read alike are refused", async (t) => {
  const change = (edit: (file: any) => void) => {
    const file = seedlingFile();
    edit(file);
    return file;
  };
  const broken: [string, unknown, RegExp][] = [
    ["not an object", [], /JSON object/],
    ["no model", {}, /no model/],
    ["other model", change((f) => (f.model.type = "WordPiece")), /"WordPiece".*WordLevel, BPE, Unigram/],
    ["unigram without scores", change((f) => (f.model = { type: "Unigram", vocab: ["a"] })), /vocab\[0\]/],
    ["unigram with a table", change((f) => (f.model = { type: "Unigram", vocab: { a: 0 } })), /not a list/],
    ["unigram without its unknown", change((f) => (f.model = { type: "Unigram", vocab: [["a", 0]], unk_id: 1 })), /unk_id/],
    ["merges left out at random", { ...fixture("tokenizer-smol.json"), model: { ...fixture("tokenizer-smol.json").model, dropout: 0.1 } }, /dropout/],
    ["cut map of characters", change((f) => (f.normalizer = { type: "Precompiled", precompiled_charsmap: "/////w==" })), /map of characters/],
    ["no vocabulary", change((f) => delete f.model.vocab), /model\.vocab/],
    ["empty vocabulary", change((f) => (f.model.vocab = {})), /empty/],
    ["fractional id", change((f) => (f.model.vocab.x = 1.5)), /id 1\.5/],
    ["id given twice", change((f) => (f.model.vocab.twin = 20)), /id 20 to both/],
    ["no unknown token", change((f) => (f.model.unk_token = "<gone>")), /<gone>/],
    ["added token over another", change((f) => (f.added_tokens[0].id = 20)), /id 20 to both/],
    ["added token without text", change((f) => (f.added_tokens[0].content = "")), /added_tokens/],
    ["other normalizer", change((f) => (f.normalizer = { type: "Lowercase" })), /"Lowercase".*NFC/],
    ["other pre-tokenizer", change((f) => (f.pre_tokenizer = { type: "Whitespace" })), /"Whitespace".*Split/],
    ["other behavior", change((f) => (f.pre_tokenizer.behavior = "constructor")), /constructor/],
    ["other scheme", change((f) => (f.pre_tokenizer = { type: "Metaspace", prepend_scheme: "last" })), /"last"/],
    ["escape of words", change((f) => (f.pre_tokenizer.pattern.Regex = "\\w+")), /\\w/],
    ["replacement by nothing", change((f) => (f.normalizer = { type: "Replace", pattern: { String: "a" } })), /Replace/],
    ["strip of two", change((f) => (f.decoder = { type: "Strip", content: "ab", start: 1, stop: 0 })), /Strip/],
    ["begin token without id", change((f) => (f.post_processor = { type: "TemplateProcessing", single: [{ SpecialToken: { id: "<s>" } }] })), /"<s>"/],
    ["begin token outside", change((f) => (f.post_processor = { type: "TemplateProcessing", single: [{ SpecialToken: { id: "a" } }], special_tokens: { a: { ids: [9999] } } })), /9999/],
    ["bad pattern", change((f) => (f.pre_tokenizer.pattern.Regex = "(a")), /pattern/],
    ["possessive pattern", change((f) => (f.pre_tokenizer.pattern.Regex = "a++")), /pattern/],
    ["unknown escape", change((f) => (f.pre_tokenizer.pattern.Regex = "\\h+")), /\\h/],
    ["other decoder", change((f) => (f.decoder = { type: "WordPiece" })), /"WordPiece".*Fuse/],
    ["other post-processor", change((f) => (f.post_processor = { type: "BertProcessing" })), /"BertProcessing"/],
    ["bad merge", { ...fixture("tokenizer-smol.json"), model: { ...fixture("tokenizer-smol.json").model, merges: ["abc"] } }, /merges\[0\]/],
    ["merge of no tokens", { ...fixture("tokenizer-smol.json"), model: { ...fixture("tokenizer-smol.json").model, merges: ["a zzz"] } }, /not in the vocabulary/],
  ];
  for (const [name, file, expected] of broken) t.throws(() => parseTokenizer(file, "x/tokenizer.json"), { code: "AZR_TOKENIZER_FORMAT", message: expected, hint: /./ }, name);

  const folder = t.testdir({ none: {}, cut: { "tokenizer.json": '{"model":' } });
  t.throws(() => loadTokenizer(join(folder, "none")), { code: "AZR_MODEL_NOT_FOUND" });
  t.throws(() => loadTokenizer(join(folder, "cut")), { code: "AZR_TOKENIZER_FORMAT", message: /not valid JSON/ });
  t.throws(() => loadTokenizer(seedlingFolder(), 330), { code: "AZR_TOKENIZER_FORMAT", message: /up to 330.*only 330/ });
  t.ok(AzrError.isInstance(t.throws(() => parseTokenizer(null))));
});
