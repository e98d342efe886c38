// Finds added tokens in a text: leftmost, then longest, as the original's matcher does. Used by tokenizer-added.ts.
import { createTextTrie } from "./text-trie.ts";
import type { Overlap } from "./tokenizer-literal.ts";
import { whiteSpace } from "./tokenizer-pattern.ts";

export interface AddedToken {
  id: number;
  /** As decoding gives it back: normalized, where the token is looked for in the normalized text. */
  content: string;
  special: boolean;
  /** See tokenizer-marks.ts. */
  mark: boolean;
  /** Counts only where no letter or digit stands beside it. */
  singleWord: boolean;
  /** Take the white space before and after them along. */
  stripLeft: boolean;
  stripRight: boolean;
}

export interface CutOptions {
  /** Without them, special tokens in the text are text. */
  withSpecials: boolean;
  /** Tells which stretches are content, where no mark may be. */
  overlaps: Overlap | undefined;
}

export type Cut = (text: string, options: CutOptions) => Array<{ token: AddedToken; text?: undefined; start?: undefined } | { token?: undefined; text: string; start: number }>;

const wordBefore = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d]$/u;
const wordAfter = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d]/u;
const space = new RegExp(`[${whiteSpace}]`, "u");

function stripped(token: AddedToken, text: string, from: number, at: number, stop: number): [start: number, end: number] {
  let [start, end] = [at, stop];
  if (token.stripLeft) while (start > from && space.test(text[start - 1]!)) start--;
  if (token.stripRight) while (end < text.length && space.test(text[end]!)) end++;
  // White space that the token before took is gone.
  return [Math.max(start, token.stripLeft ? from : 0), end];
}

const isWord = (text: string, at: number, stop: number) => !wordBefore.test(text.slice(Math.max(0, at - 2), at)) && !wordAfter.test(text.slice(stop, stop + 2));

export function createCutter(tokens: ReadonlyMap<string, AddedToken>): Cut {
  const contents = [...tokens.keys()].filter((content) => content !== "");
  if (contents.length === 0) return (text) => (text === "" ? [] : [{ text, start: 0 }]);
  const list = contents.map((content) => tokens.get(content)!);
  const trie = createTextTrie(contents);
  const begins = new Uint8Array(65536);
  for (const content of contents) begins[content.charCodeAt(0)] = 1;

  function longestAt(text: string, at: number, overlaps: Overlap | undefined): AddedToken | undefined {
    let found: AddedToken | undefined;
    for (let node = 0, place = at; place < text.length; ) {
      node = trie.step(node, text.charCodeAt(place++));
      if (node < 0) break;
      const token = list[trie.textAt(node)];
      if (token !== undefined && !(token.mark && overlaps?.(at, place))) found = token;
    }
    return found;
  }

  return (text, { withSpecials, overlaps }) => {
    const parts: ReturnType<Cut> = [];
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      if (begins[text.charCodeAt(at)] === 0) continue;
      const token = longestAt(text, at, overlaps);
      if (token === undefined) continue;
      const stop = at + token.content.length;
      if (!(token.special && !withSpecials) && !(token.singleWord && !isWord(text, at, stop))) {
        const [start, end] = stripped(token, text, from, at, stop);
        if (start > from) parts.push({ text: text.slice(from, start), start: from });
        parts.push({ token });
        from = end;
      }
      at = stop - 1;
    }
    if (from < text.length) parts.push({ text: text.slice(from), start: from });
    return parts;
  };
}
