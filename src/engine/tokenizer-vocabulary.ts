// What the sorts of token model have in common: their interface and their table from text to id.
// Used by tokenizer-model.ts (WordLevel), tokenizer-bpe.ts, tokenizer-unigram.ts and tokenizer-added.ts.
import { tokenizerFault } from "./tokenizer-fault.ts";

/** Appends the ids of one piece. */
export type Encode = (piece: string, ids: number[]) => void;

export interface TokenModel {
  largestId: number;
  tokenOf(id: number): string | undefined;
  encode: Encode;
  /** An encoder that does without these tokens, for text that must not become one of them. The token for the unknown is kept. */
  encoderWithout(unwanted: ReadonlySet<number>): Encode;
}

export interface Vocabulary {
  ids: ReadonlyMap<string, number>;
  tokens: ReadonlyMap<number, string>;
  largestId: number;
}

// Beyond any table of embeddings; what is larger comes from a damaged file.
const mostIds = 2 ** 25;

/** Checks a `vocab` object: text -> distinct whole-number ids. */
export function parseVocabulary(value: unknown, path: string): Vocabulary {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw tokenizerFault(`model.vocab of ${path} is not an object from text to id.`);
  const ids = new Map<string, number>();
  const tokens = new Map<number, string>();
  let largestId = -1;
  for (const [token, id] of Object.entries(value)) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= mostIds) throw tokenizerFault(`${path} gives token ${JSON.stringify(token)} the id ${JSON.stringify(id)}.`);
    const clash = tokens.get(id);
    if (clash !== undefined) throw tokenizerFault(`${path} gives id ${id} to both ${JSON.stringify(clash)} and ${JSON.stringify(token)}.`);
    ids.set(token, id);
    tokens.set(id, token);
    largestId = Math.max(largestId, id);
  }
  if (largestId < 0) throw tokenizerFault(`model.vocab of ${path} is empty.`);
  return { ids, tokens, largestId };
}

/** Ids of the tokens that stand for single bytes, as <0x0A>; undefined for bytes without one. */
export function byteTokenIds(ids: ReadonlyMap<string, number>): Array<number | undefined> {
  return Array.from({ length: 256 }, (_, byte) => ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`));
}
