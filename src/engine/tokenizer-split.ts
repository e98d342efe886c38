// The pre-tokenizer of a tokenizer.json: cuts a text into the pieces that the model encodes one by one. Settings that would be
// treated differently from the original are refused. Used by tokenizer.ts.
import { bytesToCharacters } from "./tokenizer-bytes.ts";
import { tokenizerFault } from "./tokenizer-fault.ts";
import { compilePattern, escapePattern, textPattern, whiteSpace } from "./tokenizer-pattern.ts";
import { listOf, stepOf, unsupported } from "./tokenizer-step.ts";
import type { Step } from "./tokenizer-step.ts";

/** Cuts a piece, which is not empty; `first` tells whether it stands at the beginning of the whole text. What is left out comes as an empty piece. */
export type PreTokenizer = (piece: string, first: boolean) => string[];

// Matches and the stretches between them, in order; nothing is lost.
function stretches(text: string, pattern: RegExp): Array<{ text: string; match: boolean }> {
  const parts: Array<{ text: string; match: boolean }> = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match[0] === "") continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index), match: false });
    parts.push({ text: match[0], match: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), match: false });
  return parts;
}

const isolate = (text: string, pattern: RegExp) => stretches(text, pattern).map((part) => part.text);

// By behavior: whether a stretch is joined to the one before it.
const joining: Record<string, (before: boolean, match: boolean) => boolean> = {
  Isolated: () => false,
  Contiguous: (before, match) => before === match,
  MergedWithPrevious: (before, match) => match && !before,
  MergedWithNext: (before, match) => before && !match,
};

function parseSplit(step: Step, path: string): PreTokenizer {
  const behavior = String(step["behavior"]);
  const invert = step["invert"] === true;
  const pattern = textPattern(step["pattern"], path);
  if (behavior === "Removed") return (text) => stretches(text, pattern).map((part) => (part.match !== invert ? "" : part.text));
  const joins = Object.hasOwn(joining, behavior) ? joining[behavior] : undefined;
  if (joins === undefined) throw tokenizerFault(`Split in ${path} has the behavior ${JSON.stringify(step["behavior"])}, which is not supported.`);
  if (behavior === "Isolated") return (text) => isolate(text, pattern);
  return (text) => {
    const pieces: string[] = [];
    let before: boolean | undefined;
    for (const part of stretches(text, pattern)) {
      const match = part.match !== invert;
      if (before !== undefined && joins(before, match)) pieces.push(pieces.pop()! + part.text);
      else pieces.push(part.text);
      before = match;
    }
    return pieces;
  };
}

function parseMetaspace(step: Step, path: string): PreTokenizer {
  const mark = step["replacement"] ?? "\u2581";
  if (typeof mark !== "string" || mark.length !== 1) throw tokenizerFault(`Metaspace in ${path} has a replacement that is not one character.`);
  // Older files say only whether there is a space in front.
  const scheme = step["prepend_scheme"] ?? (step["add_prefix_space"] === false ? "never" : "always");
  if (scheme !== "first" && scheme !== "always" && scheme !== "never") throw tokenizerFault(`Metaspace in ${path} has the unknown prepend_scheme ${JSON.stringify(scheme)}.`);
  const words = new RegExp(`${escapePattern(mark)}[^${escapePattern(mark)}]*`, "gu");
  return (text, first) => {
    const marked = text.replaceAll(" ", mark);
    const full = (scheme === "always" || (scheme === "first" && first)) && !marked.startsWith(mark) ? mark + marked : marked;
    return step["split"] === false ? [full] : isolate(full, words);
  };
}

// The splitting pattern of GPT-2, which byte-level pre-tokenization uses unless the file says otherwise.
const byteLevelPattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

function parseByteLevel(step: Step, path: string): PreTokenizer {
  const pattern = step["use_regex"] === false ? undefined : compilePattern(byteLevelPattern, path);
  const prefix = step["add_prefix_space"] === true;
  return (text) => {
    const full = prefix && !text.startsWith(" ") ? ` ${text}` : text;
    return (pattern === undefined ? [full] : isolate(full, pattern)).map(bytesToCharacters);
  };
}

const separator = new RegExp(`[${whiteSpace}]+`, "gu");

/** Reads a pre-tokenizer. Throws AZR_TOKENIZER_FORMAT. */
export function parsePreTokenizer(value: unknown, path: string): PreTokenizer {
  if (value === undefined || value === null) return (text) => [text];
  const step = stepOf(value, "pre_tokenizer", path);
  switch (step["type"]) {
    case "Sequence": {
      const steps = listOf(step["pretokenizers"], "pre_tokenizer", path).map((inner) => parsePreTokenizer(inner, path));
      return (text, first) => steps.reduce((pieces, apply) => pieces.flatMap((piece, index) => (piece === "" ? "" : apply(piece, first && index === 0))), [text]);
    }
    case "Split":
      return parseSplit(step, path);
    case "Metaspace":
      return parseMetaspace(step, path);
    case "Digits": {
      const pattern = step["individual_digits"] === true ? /\p{N}/gu : /\p{N}+/gu;
      return (text) => isolate(text, pattern);
    }
    case "WhitespaceSplit":
      return (text) => stretches(text, separator).map((part) => (part.match ? "" : part.text));
    case "ByteLevel":
      return parseByteLevel(step, path);
    default:
      return unsupported("pre_tokenizer", step, "Split, WhitespaceSplit, Digits, ByteLevel, Metaspace, Sequence", path);
  }
}
