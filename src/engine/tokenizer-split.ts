// The steps around the model in a tokenizer.json: normalizer, pre-tokenizers, post-processor and decoder. Each parser
// returns a function and refuses settings that it would treat differently from the original. Used by tokenizer.ts.
import { bytesToCharacters, charactersToText } from "./tokenizer-bpe.ts";
import { escapePattern } from "./tokenizer-added.ts";
import { tokenizerFault } from "./tokenizer-fault.ts";
import { compilePattern } from "./tokenizer-pattern.ts";

type Json = Record<string, unknown>;

function stepOf(value: unknown, part: string, path: string): Json {
  if (typeof value !== "object" || value === null || typeof (value as Json)["type"] !== "string") throw tokenizerFault(`${part} of ${path} has no type.`);
  return value as Json;
}

function listOf(value: unknown, part: string, path: string): unknown[] {
  if (!Array.isArray(value)) throw tokenizerFault(`The Sequence in ${part} of ${path} has no list of steps.`);
  return value;
}

function unsupported(part: string, step: Json, supported: string, path: string): never {
  throw tokenizerFault(`The ${part} ${JSON.stringify(step["type"])} of ${path} is not supported (supported: ${supported}).`);
}

/** Text -> text. */
export function parseNormalizer(value: unknown, path: string): (text: string) => string {
  if (value === undefined || value === null) return (text) => text;
  const step = stepOf(value, "normalizer", path);
  if (step["type"] === "Sequence") {
    const steps = listOf(step["normalizers"], "normalizer", path).map((inner) => parseNormalizer(inner, path));
    return (text) => steps.reduce((current, apply) => apply(current), text);
  }
  const form = step["type"];
  if (form === "NFC" || form === "NFD" || form === "NFKC" || form === "NFKD") return (text) => text.normalize(form);
  return unsupported("normalizer", step, "NFC, NFD, NFKC, NFKD, Sequence", path);
}

// Matches and the stretches between them, in order; nothing is lost.
function isolate(text: string, pattern: RegExp): string[] {
  const pieces: string[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match[0] === "") continue;
    if (match.index > end) pieces.push(text.slice(end, match.index));
    pieces.push(match[0]);
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push(text.slice(end));
  return pieces;
}

// The splitting pattern of GPT-2, which byte-level pre-tokenization uses unless the file says otherwise.
const byteLevelPattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** Text -> pieces; the pieces of byte-level files are in that encoding's own alphabet. */
export function parsePreTokenizer(value: unknown, path: string): (text: string) => string[] {
  if (value === undefined || value === null) return (text) => (text === "" ? [] : [text]);
  const step = stepOf(value, "pre_tokenizer", path);
  switch (step["type"]) {
    case "Sequence": {
      const steps = listOf(step["pretokenizers"], "pre_tokenizer", path).map((inner) => parsePreTokenizer(inner, path));
      return (text) => steps.reduce((pieces, apply) => pieces.flatMap(apply), [text]);
    }
    case "Split": {
      const source = step["pattern"] as Json | undefined;
      if (step["behavior"] !== "Isolated") throw tokenizerFault(`Split in ${path} has behavior ${JSON.stringify(step["behavior"])}; only Isolated is supported.`);
      const text = source?.["Regex"] ?? (typeof source?.["String"] === "string" ? escapePattern(source["String"]) : undefined);
      if (typeof text !== "string") throw tokenizerFault(`Split in ${path} has neither a Regex nor a String pattern.`);
      // `invert` swaps matches and gaps, which are all kept when they are isolated.
      const pattern = compilePattern(text, path);
      return (piece) => isolate(piece, pattern);
    }
    case "Digits": {
      const pattern = step["individual_digits"] === true ? /\p{N}/gu : /\p{N}+/gu;
      return (text) => isolate(text, pattern);
    }
    case "ByteLevel": {
      const pattern = step["use_regex"] === false ? undefined : compilePattern(byteLevelPattern, path);
      const prefix = step["add_prefix_space"] === true;
      return (text) => {
        const full = prefix && !text.startsWith(" ") ? ` ${text}` : text;
        return (pattern === undefined ? [full] : isolate(full, pattern)).map(bytesToCharacters);
      };
    }
    default:
      return unsupported("pre_tokenizer", step, "Split, Digits, ByteLevel, Sequence", path);
  }
}

/** Model tokens -> text. Without a decoder the original puts spaces between tokens. */
export function parseDecoder(value: unknown, path: string): (tokens: string[]) => string {
  if (value === undefined || value === null) return (tokens) => tokens.join(" ");
  const step = stepOf(value, "decoder", path);
  if (step["type"] === "Fuse") return (tokens) => tokens.join("");
  if (step["type"] === "ByteLevel") return (tokens) => charactersToText(tokens.join(""));
  return unsupported("decoder", step, "Fuse, ByteLevel", path);
}

/** Ids that the file wants before and after a single text. */
export function parsePostProcessor(value: unknown, path: string): { before: number[]; after: number[] } {
  const none = { before: [], after: [] };
  if (value === undefined || value === null) return none;
  const step = stepOf(value, "post_processor", path);
  if (step["type"] === "ByteLevel") return none; // Changes offsets only.
  if (step["type"] === "Sequence") {
    const frames = listOf(step["processors"], "post_processor", path).map((inner) => parsePostProcessor(inner, path));
    return { before: frames.flatMap((frame) => frame.before), after: frames.flatMap((frame) => frame.after) };
  }
  if (step["type"] !== "TemplateProcessing") return unsupported("post_processor", step, "TemplateProcessing, ByteLevel, Sequence", path);
  const before: number[] = [];
  const after: number[] = [];
  let seenText = false;
  const known = (step["special_tokens"] ?? {}) as Record<string, { ids?: number[] }>;
  for (const item of listOf(step["single"], "post_processor", path) as Array<{ SpecialToken?: { id: string }; Sequence?: unknown }>) {
    if (item.Sequence !== undefined) seenText = true;
    else (seenText ? after : before).push(...(known[item.SpecialToken?.id ?? ""]?.ids ?? []));
  }
  return { before, after };
}
