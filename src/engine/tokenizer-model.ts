// The `model` part of a tokenizer.json: from one pre-tokenized piece to token ids. WordLevel looks the piece up whole; BPE (tokenizer-bpe.ts)
// merges it from characters; Unigram (tokenizer-unigram.ts) takes the likeliest way to cut it. Used by tokenizer.ts.
import { parseBytePairModel } from "./tokenizer-bpe.ts";
import { tokenizerFault } from "./tokenizer-fault.ts";
import { parseUnigramModel } from "./tokenizer-unigram.ts";
import { parseVocabulary } from "./tokenizer-vocabulary.ts";
import type { Encode, TokenModel } from "./tokenizer-vocabulary.ts";

/** Reads the `model` object. Throws AZR_TOKENIZER_FORMAT, naming what is supported. */
export function parseTokenModel(value: unknown, path: string): TokenModel {
  if (typeof value !== "object" || value === null) throw tokenizerFault(`${path} has no model.`);
  const model = value as Record<string, unknown>;
  // Old BPE files leave the type out; what tells them apart is their list of merges.
  const type = model["type"] ?? (Array.isArray(model["merges"]) ? "BPE" : undefined);
  if (type === "BPE") return parseBytePairModel(model, path);
  if (type === "Unigram") return parseUnigramModel(model, path);
  if (type !== "WordLevel") throw tokenizerFault(`The tokenizer model ${JSON.stringify(type)} of ${path} is not supported (supported: WordLevel, BPE, Unigram).`);
  const { ids, tokens, largestId } = parseVocabulary(model["vocab"], path);
  const unknownToken = model["unk_token"];
  const unknownId = typeof unknownToken === "string" ? ids.get(unknownToken) : undefined;
  if (unknownId === undefined) throw tokenizerFault(`model.unk_token of ${path} (${JSON.stringify(unknownToken)}) is not in the vocabulary.`);
  const encoder = (without: ReadonlySet<number>): Encode => (piece, into) => {
    const id = ids.get(piece) ?? unknownId;
    into.push(without.has(id) ? unknownId : id);
  };
  return { largestId, tokenOf: (id) => tokens.get(id), encode: encoder(new Set()), encoderWithout: encoder };
}
