// Added tokens of a tokenizer.json: texts that are cut out of the input before anything else and become one id each.
// Used by tokenizer.ts only.
import { tokenizerFault } from "./tokenizer-fault.ts";
import type { TokenModel } from "./tokenizer-vocabulary.ts";

export interface AddedToken {
  id: number;
  content: string;
  special: boolean;
}

export interface AddedTokens {
  byId: ReadonlyMap<number, AddedToken>;
  byContent: ReadonlyMap<string, number>;
  specials: ReadonlyMap<string, number>;
  /** -1 without added tokens. */
  largestId: number;
  /** The text in order: ids where an added token stands, strings in between. */
  split(text: string, withSpecials: boolean): Array<number | string>;
}

/** Escapes a text for use inside a JavaScript regular expression with the `u` flag. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

// Leftmost, then longest, as the original's matcher does; a JavaScript alternation tries its branches in order.
function matcher(contents: string[]): RegExp | undefined {
  if (contents.length === 0) return undefined;
  const longestFirst = [...contents].sort((left, right) => right.length - left.length);
  return new RegExp(longestFirst.map(escapePattern).join("|"), "gu");
}

/** Reads and checks the `added_tokens` list. Throws AZR_TOKENIZER_FORMAT. */
export function parseAddedTokens(list: unknown, model: TokenModel, path: string): AddedTokens {
  if (list !== undefined && list !== null && !Array.isArray(list)) throw tokenizerFault(`added_tokens of ${path} is not a list.`);
  const byId = new Map<number, AddedToken>();
  const byContent = new Map<string, number>();
  const specials = new Map<string, number>();
  let largestId = -1;
  for (const entry of (list ?? []) as Array<Record<string, unknown> | null>) {
    const id = entry?.["id"];
    const content = entry?.["content"];
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || typeof content !== "string" || content === "") {
      throw tokenizerFault(`added_tokens of ${path} has an entry without a whole-number id and a text: ${JSON.stringify(entry)}.`);
    }
    for (const flag of ["single_word", "lstrip", "rstrip"]) {
      if (entry?.[flag] === true) throw tokenizerFault(`Added token ${JSON.stringify(content)} of ${path} uses ${flag}, which is not supported.`);
    }
    const clash = byId.get(id)?.content ?? model.tokenOf(id);
    if (clash !== undefined && clash !== content) {
      throw tokenizerFault(`${path} gives id ${id} to both ${JSON.stringify(clash)} and ${JSON.stringify(content)}.`);
    }
    const special = entry?.["special"] === true;
    byId.set(id, { id, content, special });
    byContent.set(content, id);
    if (special) specials.set(content, id);
    largestId = Math.max(largestId, id);
  }
  const all = matcher([...byContent.keys()]);
  const ordinary = matcher([...byContent.keys()].filter((content) => !specials.has(content)));

  function split(text: string, withSpecials: boolean): Array<number | string> {
    const pattern = withSpecials ? all : ordinary;
    if (pattern === undefined) return text === "" ? [] : [text];
    const parts: Array<number | string> = [];
    let end = 0;
    for (const match of text.matchAll(pattern)) {
      if (match.index > end) parts.push(text.slice(end, match.index));
      parts.push(byContent.get(match[0])!);
      end = match.index + match[0].length;
    }
    if (end < text.length) parts.push(text.slice(end));
    return parts;
  }

  return { byId, byContent, specials, largestId, split };
}
