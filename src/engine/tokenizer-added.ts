// Added tokens of a tokenizer.json: texts that are cut out of the input before anything else and become one id each. How they are found
// lies in tokenizer-cutter.ts. Used by tokenizer.ts only.
import { createCutter } from "./tokenizer-cutter.ts";
import type { AddedToken, CutOptions } from "./tokenizer-cutter.ts";
import { tokenizerFault } from "./tokenizer-fault.ts";
import { overlapOf, spansWithin, standIns, withStandIns, withoutStandIns } from "./tokenizer-literal.ts";
import type { Span } from "./tokenizer-literal.ts";
import { isMark } from "./tokenizer-marks.ts";
import type { TokenModel } from "./tokenizer-vocabulary.ts";

/** A stretch of text between added tokens; `first` where the whole text begins with it. */
export interface PlainText {
  text: string;
  first: boolean;
}

export interface AddedTokens {
  byId: ReadonlyMap<number, AddedToken>;
  byContent: ReadonlyMap<string, number>;
  specials: ReadonlyMap<string, number>;
  marks: ReadonlyMap<string, number>;
  /** -1 without added tokens. */
  largestId: number;
  /** The text in order: ids where an added token stands, normalized stretches in between. No mark shares a character with a stretch of `literal`. */
  split(text: string, withSpecials: boolean, literal?: readonly Span[]): Array<number | PlainText>;
}

type Entry = Record<string, unknown> | null;

function readEntry(entry: Entry, normalize: (text: string) => string, path: string): AddedToken & { written: string; normalized: boolean } {
  const id = entry?.["id"];
  const content = entry?.["content"];
  if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= 2 ** 25 || typeof content !== "string" || content === "") {
    throw tokenizerFault(`added_tokens of ${path} has an entry without a whole-number id and a text: ${JSON.stringify(entry)}.`);
  }
  const [special, normalized, singleWord, stripLeft, stripRight] = ["special", "normalized", "single_word", "lstrip", "rstrip"].map((flag) => entry?.[flag] === true);
  const shared = { id, special: special!, mark: isMark(content, special!), singleWord: singleWord!, stripLeft: stripLeft!, stripRight: stripRight! };
  return { ...shared, content: normalized ? normalize(content) : content, written: content, normalized: normalized! };
}

/** Reads and checks the `added_tokens` list. Throws AZR_TOKENIZER_FORMAT. */
export function parseAddedTokens(list: unknown, model: TokenModel, normalize: (text: string) => string, path: string): AddedTokens {
  if (list !== undefined && list !== null && !Array.isArray(list)) throw tokenizerFault(`added_tokens of ${path} is not a list.`);
  const byId = new Map<number, AddedToken>();
  const contentOf = new Map<number, string>();
  const byContent = new Map<string, number>();
  const specials = new Map<string, number>();
  const marks = new Map<string, number>();
  // Most are looked for in the text as it came, the others after it was normalized.
  const raw = new Map<string, AddedToken>();
  const normalized = new Map<string, AddedToken>();
  let largestId = -1;
  for (const entry of (list ?? []) as Entry[]) {
    const token = readEntry(entry, normalize, path);
    const { id, written } = token;
    const clash = contentOf.get(id) ?? model.tokenOf(id);
    if (clash !== undefined && clash !== written) throw tokenizerFault(`${path} gives id ${id} to both ${JSON.stringify(clash)} and ${JSON.stringify(written)}.`);
    byId.set(id, token);
    contentOf.set(id, written);
    byContent.set(written, id);
    (token.normalized ? normalized : raw).set(token.content, token);
    if (token.special) specials.set(written, id);
    if (token.mark) marks.set(written, id);
    largestId = Math.max(largestId, id);
  }
  const cutRaw = createCutter(raw);
  const cutNormalized = createCutter(normalized);
  const lateMarks = [...normalized.values()].filter(({ mark }) => mark).map(({ content }) => content);

  // Where the literal stretches of a part lie once it is normalized. All of it, where that cannot be told.
  function literalAfter(part: string, after: string, literal: readonly Span[]): readonly Span[] {
    if (lateMarks.length === 0 || part === after) return literal;
    const all: Span[] = [[0, after.length]];
    // Wide and narrow forms of a character may become the same: such texts are not followed.
    if (normalize("\uff1c").includes("<") && literal.some(([start, end]) => /[^\0-\x7f]/.test(part.slice(start, end)))) return all;
    const chosen = standIns(lateMarks.join("").replace(/[\s\u2581]/g, ""), [part, after]);
    const followed = withoutStandIns(normalize(withStandIns(part, chosen, literal)), chosen);
    return followed.text === after ? followed.spans : all;
  }

  function split(text: string, withSpecials: boolean, literal?: readonly Span[]): Array<number | PlainText> {
    const parts: Array<number | PlainText> = [];
    const options = (spans: readonly Span[] | undefined): CutOptions => ({ withSpecials, overlaps: spans === undefined ? undefined : overlapOf(spans) });
    let first = true;
    const put = (piece: AddedToken | string) => {
      if (typeof piece !== "string") parts.push(piece.id);
      else if (piece !== "") parts.push({ text: piece, first });
      first = false;
    };
    for (const part of cutRaw(text, options(literal))) {
      if (part.token !== undefined) {
        put(part.token);
        continue;
      }
      const plain = normalize(part.text);
      // Without what it began with, the text does not begin here.
      if (first && plain !== part.text && normalize(String.fromCodePoint(part.text.codePointAt(0)!)) === "") first = false;
      const inside = literal && lateMarks.length > 0 ? spansWithin(literal, part.start, part.start + part.text.length) : undefined;
      for (const piece of cutNormalized(plain, options(inside && literalAfter(part.text, plain, inside)))) put(piece.token ?? piece.text);
    }
    return parts;
  }

  return { byId, byContent, specials, marks, largestId, split };
}
