// The vocabulary of a GGUF file as the tokenizer.json and tokenizer_config.json of a Hugging Face folder, which tokenizer.ts then reads
// as any other and an export writes. Four sorts: "gpt2" (byte-level BPE with merges), "gemma4" (BPE with merges and bytes to fall back on), "llama"
// (SentencePiece's BPE: scores, bytes to fall back on) and "t5" (its Unigram: scores and a map of characters).
import { preTokenizers } from "./gguf-pre-tokenizers.ts";
import type { NamedPreTokenizer } from "./gguf-pre-tokenizers.ts";
import type { GgufMetadata } from "./gguf-types.ts";
import { tokenizerFault } from "./tokenizer-fault.ts";

// Values of tokenizer.ggml.token_type.
const unknownType = 2;
const controlType = 3;
const userDefinedType = 4;
const unusedType = 5;
const byteType = 6;

const mark = "\u2581";

interface GgufVocabulary {
  tokens: string[];
  types: number[];
  metadata: GgufMetadata;
  path: string;
}

function fault(path: string, what: string): Error {
  return tokenizerFault(`The tokenizer in ${path} ${what}.`, "Use a GGUF file of a Llama, Mistral, Qwen, SmolLM2 or Gemma model, or the Hugging Face folder of the same model.");
}

function list<Value>(metadata: GgufMetadata, key: string, type: "string" | "number", path: string): Value[] | undefined {
  const value = metadata.get(`tokenizer.ggml.${key}`);
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.some((entry) => typeof entry !== type)) throw fault(path, `has a ${key} that is not a list of ${type}s`);
  return value as Value[];
}

function tokenText({ tokens, metadata }: GgufVocabulary, name: string): { id: number; text: string } | undefined {
  const id = metadata.get(`tokenizer.ggml.${name}_token_id`);
  const text = typeof id === "number" ? tokens[id] : undefined;
  return text === undefined ? undefined : { id: id as number, text };
}

function readVocabulary(metadata: GgufMetadata, path: string): GgufVocabulary {
  const tokens = list<string>(metadata, "tokens", "string", path);
  if (tokens === undefined || tokens.length === 0) throw fault(path, "has no tokens");
  const types = list<number>(metadata, "token_type", "number", path) ?? new Array<number>(tokens.length).fill(1);
  if (types.length !== tokens.length) throw fault(path, `has ${tokens.length} tokens and ${types.length} types`);
  if (new Set(tokens).size !== tokens.length) throw fault(path, "has a token twice");
  return { tokens, types, metadata, path };
}

function addedTokens({ tokens, types }: GgufVocabulary): object[] {
  return tokens.flatMap((content, id) => {
    const type = types[id];
    if (content === "" || (type !== unknownType && type !== controlType && type !== userDefinedType)) return [];
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: type !== userDefinedType }];
  });
}

function bytePairParts(vocabulary: GgufVocabulary): Record<string, unknown> {
  const { tokens, types, metadata, path } = vocabulary;
  const pre = metadata.get("tokenizer.ggml.pre") ?? "default";
  const named: NamedPreTokenizer | undefined = preTokenizers.get(String(pre));
  if (named === undefined) throw fault(path, `splits texts by ${JSON.stringify(String(pre))}, which is not known (known: ${[...preTokenizers.keys()].join(", ")})`);
  return {
    normalizer: named.normalizer,
    pre_tokenizer: { type: "Sequence", pretokenizers: named.steps },
    post_processor: beginStep(vocabulary, named.begin === true),
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      ...bytePairModel,
      ignore_merges: named.ignoreMerges === true,
      // Rows that only fill the table up are no tokens.
      vocab: Object.fromEntries(tokens.flatMap((token, id) => (types[id] === unusedType ? [] : [[token, id]]))),
      merges: mergesOf(vocabulary),
    },
  };
}

const bytePairModel = { type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false };

// Where spaces are marks, what no piece has falls back to its bytes.
function markedPairModel(vocabulary: GgufVocabulary, merges: string[][]): Record<string, unknown> {
  return {
    ...bytePairModel,
    unk_token: tokenText(vocabulary, "unknown")?.text ?? null,
    fuse_unk: true,
    byte_fallback: true,
    ignore_merges: false,
    vocab: Object.fromEntries(vocabulary.tokens.map((token, id) => [token, id])),
    merges,
  };
}

function mergesOf({ metadata, path }: GgufVocabulary): string[] {
  const merges = list<string>(metadata, "merges", "string", path);
  if (merges === undefined) throw fault(path, "has no merges");
  return merges;
}

// SentencePiece joins the neighbours that form the piece with the best score: each way to cut a piece in two is a merge.
function scoredMerges({ tokens, types, path }: GgufVocabulary, scores: number[]): string[][] {
  if (scores.length !== tokens.length) throw fault(path, `has ${tokens.length} tokens and ${scores.length} scores`);
  const scoreOf = new Map(tokens.map((token, id) => [token, scores[id]!]));
  // Most ways to cut a token in two give sides of lengths that no token has: a token of 50,000 characters would take half a
  // minute. (None ends within a character: tokens come from UTF-8.)
  const lengths = new Set(tokens.map((token) => token.length));
  const merges: Array<{ pair: string[]; score: number }> = [];
  for (const [id, token] of tokens.entries()) {
    if (types[id] === unknownType || types[id] === controlType || types[id] === byteType) continue;
    const cuts: string[][] = [];
    for (let cut = 1; cut < token.length; cut++) {
      if (!lengths.has(cut) || !lengths.has(token.length - cut)) continue;
      const pair = [token.slice(0, cut), token.slice(cut)];
      if (scoreOf.has(pair[0]!) && scoreOf.has(pair[1]!)) cuts.push(pair);
    }
    const score = (pair: string[], side: number): number => scoreOf.get(pair[side]!)!;
    cuts.sort((a, b) => score(b, 0) - score(a, 0) || score(b, 1) - score(a, 1));
    for (const pair of cuts) merges.push({ pair, score: scores[id]! });
  }
  return merges.sort((a, b) => b.score - a.score).map(({ pair }) => pair);
}

function sentencePieceParts(vocabulary: GgufVocabulary): Record<string, unknown> {
  const { metadata, path } = vocabulary;
  const scores = list<number>(metadata, "scores", "number", path);
  if (scores === undefined) throw fault(path, "has no scores");
  const prefix = metadata.get("tokenizer.ggml.add_space_prefix") !== false;
  const replace = { type: "Replace", pattern: { String: " " }, content: mark };
  const restore = [{ type: "Replace", pattern: { String: mark }, content: " " }, { type: "ByteFallback" }, { type: "Fuse" }];
  return {
    normalizer: prefix ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: mark }, replace] } : replace,
    pre_tokenizer: null,
    post_processor: beginStep(vocabulary, true),
    decoder: { type: "Sequence", decoders: prefix ? [...restore, { type: "Strip", content: " ", start: 1, stop: 0 }] : restore },
    model: markedPairModel(vocabulary, scoredMerges(vocabulary, scores)),
  };
}

// Files that do not say whether a text begins with a begin token leave it to the sort of tokenizer.
function beginStep(vocabulary: GgufVocabulary, otherwise: boolean): unknown {
  const begin = tokenText(vocabulary, "bos");
  const wanted = vocabulary.metadata.get("tokenizer.ggml.add_bos_token") ?? otherwise;
  if (wanted !== true || begin === undefined) return null;
  const { id, text } = begin;
  const item = { SpecialToken: { id: text, type_id: 0 } };
  return {
    type: "TemplateProcessing",
    single: [item, { Sequence: { id: "A", type_id: 0 } }],
    pair: [item, { Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: text, type_id: 1 } }, { Sequence: { id: "B", type_id: 1 } }],
    special_tokens: { [text]: { id: text, ids: [id], tokens: [text] } },
  };
}

// Spaces are marks and lines are pieces; the merges are there as for byte-level files.
function markedPairParts(vocabulary: GgufVocabulary): Record<string, unknown> {
  return {
    normalizer: { type: "Replace", pattern: { String: " " }, content: mark },
    pre_tokenizer: { type: "Split", pattern: { Regex: "[^\\n]+|[\\n]+" }, behavior: "Isolated", invert: false },
    post_processor: beginStep(vocabulary, true),
    decoder: { type: "Sequence", decoders: [{ type: "Replace", pattern: { String: mark }, content: " " }, { type: "ByteFallback" }, { type: "Fuse" }] },
    model: markedPairModel(vocabulary, mergesOf(vocabulary).map(cutInTwo)),
  };
}

// A space may be the first character of a token, but no other.
function cutInTwo(merge: string): string[] {
  const cut = merge.indexOf(" ", 1);
  return cut < 0 ? [merge] : [merge.slice(0, cut), merge.slice(cut + 1)];
}

function unigramParts(vocabulary: GgufVocabulary): Record<string, unknown> {
  const { tokens, types, metadata, path } = vocabulary;
  const scores = list<number>(metadata, "scores", "number", path);
  if (scores?.length !== tokens.length) throw fault(path, `has ${tokens.length} tokens and ${scores?.length ?? "no"} scores`);
  const map = list<number>(metadata, "precompiled_charsmap", "number", path);
  const unknown = tokenText(vocabulary, "unknown")?.id ?? types.indexOf(unknownType);
  const least = scores.reduce((lowest, score) => Math.min(lowest, score), 0);
  const prefix = metadata.get("tokenizer.ggml.add_space_prefix") !== false;
  const replace = (pattern: object, content: string) => ({ type: "Replace", pattern, content });
  const space = { type: "Metaspace", replacement: mark, split: true };
  // Spaces around the text go, and no other white space.
  const tidy = [replace({ Regex: " {2,}" }, " "), replace({ Regex: "(?<![^x]|x) | (?![^x]|x)" }, "")];
  return {
    normalizer: {
      type: "Sequence",
      normalizers: [
        ...(map === undefined ? [] : [{ type: "Precompiled", precompiled_charsmap: Buffer.from(map).toString("base64") }]),
        ...(metadata.get("tokenizer.ggml.remove_extra_whitespaces") === true ? tidy : []),
        ...(prefix ? [{ type: "Prepend", prepend: mark }] : []),
        replace({ String: " " }, mark),
      ],
    },
    pre_tokenizer: { ...space, prepend_scheme: "never" },
    post_processor: beginStep(vocabulary, false),
    decoder: { ...space, prepend_scheme: prefix ? "always" : "never" },
    // What stands for a byte loses against all other ways to write it: a text does not become a byte.
    model: { type: "Unigram", unk_id: unknown < 0 ? null : unknown, byte_fallback: false, vocab: tokens.map((token, id) => [token, types[id] === byteType ? least - 1000 : scores[id]]) },
  };
}

const sorts: Record<string, (vocabulary: GgufVocabulary) => Record<string, unknown>> = { gpt2: bytePairParts, llama: sentencePieceParts, t5: unigramParts, gemma4: markedPairParts };

/** The tokenizer.json for a GGUF file's metadata. Throws AZR_TOKENIZER_FORMAT. */
export function tokenizerJsonFromGguf(metadata: GgufMetadata, path: string): Record<string, unknown> {
  const sort = String(metadata.get("tokenizer.ggml.model"));
  const partsOf = Object.hasOwn(sorts, sort) ? sorts[sort] : undefined;
  if (partsOf === undefined) throw fault(path, `is of the sort ${JSON.stringify(sort)}, which is not supported (supported: ${Object.keys(sorts).join(", ")})`);
  const vocabulary = readVocabulary(metadata, path);
  const parts = partsOf(vocabulary);
  return { version: "1.0", truncation: null, padding: null, added_tokens: addedTokens(vocabulary), ...parts };
}

/** The tokenizer_config.json for a GGUF file's metadata: special tokens by their roles, and the chat template. Throws AZR_TOKENIZER_FORMAT. */
export function tokenizerConfigFromGguf(metadata: GgufMetadata, path: string): Record<string, unknown> {
  const vocabulary = readVocabulary(metadata, path);
  const named = { bos_token: "bos", eos_token: "eos", unk_token: "unknown", pad_token: "padding" };
  const roles = Object.entries(named).flatMap(([key, name]) => {
    const token = tokenText(vocabulary, name);
    return token === undefined ? [] : [[key, token.text]];
  });
  const template = metadata.get("tokenizer.chat_template");
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    clean_up_tokenization_spaces: false,
    ...Object.fromEntries(roles),
    ...(typeof template === "string" ? { chat_template: template } : {}),
  };
}
