// A tokenizer with one token a character and one for each marker of the compact format. Works without any file.
import type { RunTokenizer } from "../run/open-parts.ts";

const compactMarkers = [
  "<|pad|>", "<|end|>", "<|deduce|>", "<|abduce|>", "<|induce|>", "<|propose-deduction|>", "<|propose-abduction|>",
  "<|propose-induction|>", "<|program|>", "<|input|>", "<|output|>", "<|message|>", "<|new|>",
];

export interface FakeTokenizerOptions {
  /** Further markers of the compact format that are one token each, such as those of a kind of your own. */
  markers?: readonly string[];
}

/** Tokens: the markers from 0, then the UTF-16 code units, then further markers. */
export function fakeTokenizer({ markers = [] }: FakeTokenizerOptions = {}): RunTokenizer {
  const first = compactMarkers.length;
  const afterUnits = first + 0x1_0000;
  const further = markers.filter((marker) => !compactMarkers.includes(marker));
  const idOf = (text: string): number => {
    const own = compactMarkers.indexOf(text);
    const other = further.indexOf(text);
    return own >= 0 || other < 0 ? own : afterUnits + other;
  };
  return {
    encode: (text) =>
      Int32Array.from(
        text.split(/(<\|[a-z-]+\|>)/).flatMap((part) => {
          const marker = idOf(part);
          return marker >= 0 ? [marker] : Array.from({ length: part.length }, (_, at) => first + part.charCodeAt(at));
        }),
      ),
    decode: (tokens) => Array.from(tokens, (token) => compactMarkers[token] ?? further[token - afterUnits] ?? String.fromCharCode(token - first)).join(""),
    specialTokenId: (text) => {
      const id = idOf(text);
      if (id < 0) throw new RangeError(`no token ${text}`);
      return id;
    },
  };
}
