// The `model` part of a tokenizer.json: from one pre-tokenized piece to token ids. WordLevel looks the piece up whole;
// BPE (tokenizer-bpe.ts) merges it from bytes. Used by tokenizer.ts.
import { parseBytePairModel } from "./tokenizer-bpe.ts";
import { tokenizerFault } from "./tokenizer.ts";

export interface TokenModel {
  largestId: number;
  tokenOf(id: number): string | undefined;
  /** Appends the ids of one piece. */
  encode(piece: string, ids: number[]): void;
}

/** Checks a `vocab` object: text -> distinct whole-number ids. */
export function parseVocabulary(value: unknown, path: string): { ids: Map<string, number>; tokens: Map<number, string>; largestId: number } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw tokenizerFault(`model.vocab of ${path} is not an object from text to id.`);
  const ids = new Map<string, number>();
  const tokens = new Map<number, string>();
  let largestId = -1;
  for (const [token, id] of Object.entries(value)) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0) throw tokenizerFault(`${path} gives token ${JSON.stringify(token)} the id ${JSON.stringify(id)}.`);
    const clash = tokens.get(id);
    if (clash !== undefined) throw tokenizerFault(`${path} gives id ${id} to both ${JSON.stringify(clash)} and ${JSON.stringify(token)}.`);
    ids.set(token, id);
    tokens.set(id, token);
    largestId = Math.max(largestId, id);
  }
  if (largestId < 0) throw tokenizerFault(`model.vocab of ${path} is empty.`);
  return { ids, tokens, largestId };
}

/** Reads the `model` object. Throws AZR_TOKENIZER_FORMAT, naming what is supported. */
export function parseTokenModel(value: unknown, path: string): TokenModel {
  if (typeof value !== "object" || value === null) throw tokenizerFault(`${path} has no model.`);
  const model = value as Record<string, unknown>;
  // Old BPE files leave the type out; what tells them apart is their list of merges.
  const type = model["type"] ?? (Array.isArray(model["merges"]) ? "BPE" : undefined);
  if (type === "BPE") return parseBytePairModel(model, path);
  if (type !== "WordLevel") throw tokenizerFault(`The tokenizer model ${JSON.stringify(type)} of ${path} is not supported (supported: WordLevel, BPE).`);
  const { ids, tokens, largestId } = parseVocabulary(model["vocab"], path);
  const unknownToken = model["unk_token"];
  const unknownId = typeof unknownToken === "string" ? ids.get(unknownToken) : undefined;
  if (unknownId === undefined) throw tokenizerFault(`model.unk_token of ${path} (${JSON.stringify(unknownToken)}) is not in the vocabulary.`);
  return {
    largestId,
    tokenOf: (id) => tokens.get(id),
    encode: (piece, into) => void into.push(ids.get(piece) ?? unknownId),
  };
}
