// A tokenizer with one token a character and one for each marker of the compact format. Works without any file.
import type { RunTokenizer } from "../run/open-parts.ts";

const markers = [
  "<|pad|>", "<|end|>", "<|deduce|>", "<|abduce|>", "<|induce|>", "<|propose-deduction|>", "<|propose-abduction|>",
  "<|propose-induction|>", "<|program|>", "<|input|>", "<|output|>", "<|message|>", "<|new|>",
];

/** Tokens: the markers from 0, then the UTF-16 code units. */
export function fakeTokenizer(): RunTokenizer {
  return {
    encode: (text) =>
      Int32Array.from(
        text.split(/(<\|[a-z-]+\|>)/).flatMap((part) => {
          const marker = markers.indexOf(part);
          return marker >= 0 ? [marker] : Array.from({ length: part.length }, (_, at) => markers.length + part.charCodeAt(at));
        }),
      ),
    decode: (tokens) =>
      Array.from(tokens, (token) => markers[token] ?? String.fromCharCode(token - markers.length)).join(""),
    specialTokenId: (text) => {
      const id = markers.indexOf(text);
      if (id < 0) throw new RangeError(`no token ${text}`);
      return id;
    },
  };
}
