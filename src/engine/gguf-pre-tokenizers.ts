// What the names in `tokenizer.ggml.pre` of a GGUF file mean: how a byte-level vocabulary splits a text, written as the steps of a
// tokenizer.json. Used by gguf-tokenizer.ts.

export interface NamedPreTokenizer {
  normalizer: unknown;
  steps: unknown[];
  /** Whether a piece that is a token as a whole is not merged from parts. */
  ignoreMerges?: boolean;
  /** Whether files that do not say want a begin token. */
  begin?: boolean;
}

const split = (pattern: string) => ({ type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false });
const byteLevel = (pattern: boolean) => ({ type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: pattern });

const gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const ends = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const cased = (before: string, after: string) => `[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]${before}[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]${after}`;
const casedEnds = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const han = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+";

const plain: NamedPreTokenizer = { normalizer: null, steps: [byteLevel(true)] };
const digits: NamedPreTokenizer = { normalizer: null, steps: [{ type: "Digits", individual_digits: true }, byteLevel(true)] };
const llama3: NamedPreTokenizer = {
  normalizer: null,
  steps: [split(`${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|${ends}`), byteLevel(false)],
  ignoreMerges: true,
  begin: true,
};
const qwen2: NamedPreTokenizer = { normalizer: { type: "NFC" }, steps: [split(`${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|${ends}`), byteLevel(false)] };
const tekken: NamedPreTokenizer = {
  normalizer: null,
  steps: [split(`${cased("*", "+")}|${cased("+", "*")}|\\p{N}|${casedEnds}`), byteLevel(false)],
  ignoreMerges: true,
  begin: true,
};
const gpt4o: NamedPreTokenizer = {
  normalizer: null,
  steps: [split(`${cased("*", "+")}${contractions}?|${cased("+", "*")}${contractions}?|\\p{N}{1,3}|${casedEnds}`), byteLevel(false)],
};
const deepseekCoder: NamedPreTokenizer = {
  normalizer: null,
  steps: [split("[\\r\\n]"), split("\\s?\\p{L}+"), split("\\s?\\p{P}+"), split(han), { type: "Digits", individual_digits: true }, byteLevel(false)],
};
const deepseekV3: NamedPreTokenizer = {
  normalizer: null,
  steps: [
    split("\\p{N}{1,3}"),
    split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
    split("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"),
    byteLevel(false),
  ],
};
const seedCoder: NamedPreTokenizer = {
  normalizer: null,
  steps: [split(`${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`), byteLevel(false)],
};
// Files whose converter did not know the tokenizer: what llama.cpp does with them.
const unnamed: NamedPreTokenizer = {
  normalizer: null,
  steps: [split("[\\p{P}$+<=>^~|]+"), split(gpt2), split("\\p{N}+"), split("[0-9][0-9][0-9]"), byteLevel(false)],
};

/** By the name in the file. */
export const preTokenizers: ReadonlyMap<string, NamedPreTokenizer> = new Map([
  ["default", unnamed],
  ["gpt-2", plain],
  ["smollm", digits],
  ["starcoder", digits],
  ["refact", digits],
  ["llama-bpe", llama3],
  ["llama3", llama3],
  ["llama-v3", llama3],
  ["qwen2", qwen2],
  ["deepseek-r1-qwen", qwen2],
  ["tekken", tekken],
  ["falcon3", llama3],
  ["pixtral", llama3],
  ["midm-2.0", llama3],
  ["smaug-bpe", { ...llama3, ignoreMerges: false, begin: false }],
  ["megrez", qwen2],
  ["kormo", { ...qwen2, normalizer: null }],
  ["f2llmv2", { ...qwen2, normalizer: null }],
  ["a.x-4.0", plain],
  ["mellum", plain],
  ["trillion", plain],
  ["minerva-7b", digits],
  ["gpt-4o", gpt4o],
  ["llama4", gpt4o],
  ["kanana2", gpt4o],
  ["deepseek-coder", deepseekCoder],
  ["deepseek-v3", deepseekV3],
  ["seed-coder", seedCoder],
]);
