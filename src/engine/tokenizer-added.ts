// Added tokens of a tokenizer.json: texts that are cut out of the input before anything else and become one id each.
// Used by tokenizer.ts only.
import { tokenizerFault } from "./tokenizer-fault.ts";
import { escapePattern } from "./tokenizer-pattern.ts";
import type { TokenModel } from "./tokenizer-vocabulary.ts";

export interface AddedToken {
  id: number;
  /** As decoding gives it back: normalized, where the token is looked for in the normalized text. */
  content: string;
  special: boolean;
}

/** A stretch of text between added tokens; `first` where the whole text begins with it. */
export interface PlainText {
  text: string;
  first: boolean;
}

export interface AddedTokens {
  byId: ReadonlyMap<number, AddedToken>;
  byContent: ReadonlyMap<string, number>;
  specials: ReadonlyMap<string, number>;
  /** -1 without added tokens. */
  largestId: number;
  /** The text in order: ids where an added token stands, normalized stretches in between. */
  split(text: string, withSpecials: boolean): Array<number | PlainText>;
}

type Cut = (text: string, withSpecials: boolean) => Array<AddedToken | string>;

// Leftmost, then longest, as the original's matcher does; a JavaScript alternation tries its branches in order.
function cutter(tokens: ReadonlyMap<string, AddedToken>): Cut {
  const longestFirst = [...tokens.keys()].filter((content) => content !== "").sort((left, right) => right.length - left.length);
  if (longestFirst.length === 0) return (text) => [text];
  const pattern = new RegExp(longestFirst.map(escapePattern).join("|"), "gu");
  return (text, withSpecials) => {
    const parts: Array<AddedToken | string> = [];
    let end = 0;
    for (const match of text.matchAll(pattern)) {
      const token = tokens.get(match[0])!;
      if (token.special && !withSpecials) continue;
      if (match.index > end) parts.push(text.slice(end, match.index));
      parts.push(token);
      end = match.index + match[0].length;
    }
    if (end < text.length) parts.push(text.slice(end));
    return parts;
  };
}

/** Reads and checks the `added_tokens` list. Throws AZR_TOKENIZER_FORMAT. */
export function parseAddedTokens(list: unknown, model: TokenModel, normalize: (text: string) => string, path: string): AddedTokens {
  if (list !== undefined && list !== null && !Array.isArray(list)) throw tokenizerFault(`added_tokens of ${path} is not a list.`);
  const byId = new Map<number, AddedToken>();
  const contentOf = new Map<number, string>();
  const byContent = new Map<string, number>();
  const specials = new Map<string, number>();
  // Most are looked for in the text as it came, the others after it was normalized.
  const raw = new Map<string, AddedToken>();
  const normalized = new Map<string, AddedToken>();
  let largestId = -1;
  for (const entry of (list ?? []) as Array<Record<string, unknown> | null>) {
    const id = entry?.["id"];
    const content = entry?.["content"];
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= 2 ** 25 || typeof content !== "string" || content === "") {
      throw tokenizerFault(`added_tokens of ${path} has an entry without a whole-number id and a text: ${JSON.stringify(entry)}.`);
    }
    for (const flag of ["single_word", "lstrip", "rstrip"]) {
      if (entry?.[flag] === true) throw tokenizerFault(`Added token ${JSON.stringify(content)} of ${path} uses ${flag}, which is not supported.`);
    }
    const clash = contentOf.get(id) ?? model.tokenOf(id);
    if (clash !== undefined && clash !== content) {
      throw tokenizerFault(`${path} gives id ${id} to both ${JSON.stringify(clash)} and ${JSON.stringify(content)}.`);
    }
    const late = entry?.["normalized"] === true;
    const token = { id, content: late ? normalize(content) : content, special: entry?.["special"] === true };
    byId.set(id, token);
    contentOf.set(id, content);
    byContent.set(content, id);
    (late ? normalized : raw).set(token.content, token);
    if (token.special) specials.set(content, id);
    largestId = Math.max(largestId, id);
  }
  const cutRaw = cutter(raw);
  const cutNormalized = cutter(normalized);

  function split(text: string, withSpecials: boolean): Array<number | PlainText> {
    const parts: Array<number | PlainText> = [];
    let first = true;
    for (const part of cutRaw(text, withSpecials)) {
      const inner = typeof part === "string" ? cutNormalized(normalize(part), withSpecials) : [part];
      for (const piece of inner) {
        if (typeof piece !== "string") parts.push(piece.id);
        else if (piece !== "") parts.push({ text: piece, first });
        first = false;
      }
    }
    return parts;
  }

  return { byId, byContent, specials, largestId, split };
}
