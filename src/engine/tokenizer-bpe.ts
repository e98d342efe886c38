// Byte-level byte-pair encoding as GPT-2, Llama 3, SmolLM2 and Qwen use it: bytes are written in a printable alphabet, a
// piece starts as single characters, and the pair with the lowest rank in `merges` is joined until none is left.
// Used by tokenizer-model.ts (the model) and tokenizer-split.ts (the alphabet).
import { tokenizerFault } from "./tokenizer-fault.ts";
import { parseVocabulary } from "./tokenizer-vocabulary.ts";
import type { TokenModel } from "./tokenizer-vocabulary.ts";

// The alphabet: printable Latin-1 bytes stand for themselves, the other 68 for U+0100 onwards, in byte order.
const characterOfByte: string[] = [];
const byteOfCharacter = new Map<string, number>();
for (let byte = 0, next = 256; byte < 256; byte++) {
  const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  const character = String.fromCharCode(printable ? byte : next++);
  characterOfByte.push(character);
  byteOfCharacter.set(character, byte);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The text's UTF-8 bytes, each as its character of the alphabet. */
export function bytesToCharacters(text: string): string {
  let characters = "";
  for (const byte of encoder.encode(text)) characters += characterOfByte[byte]!;
  return characters;
}

/** Undoes bytesToCharacters; bytes that are not UTF-8 (a cut-off character) become U+FFFD. */
export function charactersToText(characters: string): string {
  const bytes: number[] = [];
  for (const character of characters) {
    const byte = byteOfCharacter.get(character);
    if (byte !== undefined) bytes.push(byte);
    else bytes.push(...encoder.encode(character));
  }
  return decoder.decode(Uint8Array.from(bytes));
}

function parseMerges(value: unknown, path: string): Map<string, number> {
  if (!Array.isArray(value)) throw tokenizerFault(`model.merges of ${path} is not a list.`);
  const ranks = new Map<string, number>();
  value.forEach((merge: unknown, rank) => {
    // Two spellings are in use: "left right" and ["left", "right"].
    const pair = typeof merge === "string" ? merge.split(" ") : merge;
    if (!Array.isArray(pair) || pair.length !== 2 || pair.some((side) => typeof side !== "string" || side === "")) {
      throw tokenizerFault(`model.merges[${rank}] of ${path} is not a pair of tokens: ${JSON.stringify(merge)}.`);
    }
    const key = `${pair[0]} ${pair[1]}`;
    if (!ranks.has(key)) ranks.set(key, rank);
  });
  return ranks;
}

/** Reads a BPE `model` object. Throws AZR_TOKENIZER_FORMAT. */
export function parseBytePairModel(model: Record<string, unknown>, path: string): TokenModel {
  const { ids, tokens, largestId } = parseVocabulary(model["vocab"], path);
  const ranks = parseMerges(model["merges"], path);
  const ignoreMerges = model["ignore_merges"] === true;
  if (model["byte_fallback"] === true) throw tokenizerFault(`${path} falls back to byte tokens (SentencePiece style), which is not supported.`);
  for (const setting of ["continuing_subword_prefix", "end_of_word_suffix"]) {
    if (typeof model[setting] === "string" && model[setting] !== "") throw tokenizerFault(`${path} uses ${setting}, which is not supported.`);
  }
  const cache = new Map<string, number[]>();

  function merge(piece: string): number[] {
    const whole = ids.get(piece);
    if (ignoreMerges && whole !== undefined) return [whole];
    const parts = [...piece];
    for (;;) {
      let best = -1;
      let bestRank = Infinity;
      for (let index = 0; index + 1 < parts.length; index++) {
        const rank = ranks.get(`${parts[index]} ${parts[index + 1]}`);
        if (rank !== undefined && rank < bestRank) [best, bestRank] = [index, rank];
      }
      if (best < 0) break;
      parts.splice(best, 2, parts[best]! + parts[best + 1]!);
    }
    return parts.map((part) => {
      const id = ids.get(part);
      if (id === undefined) throw tokenizerFault(`${path} has no token for ${JSON.stringify(part)}: its vocabulary lacks single bytes.`);
      return id;
    });
  }

  function encode(piece: string, into: number[]): void {
    let known = cache.get(piece);
    if (known === undefined) {
      known = merge(piece);
      // Bounded, so that long-lived processes do not grow with every new word.
      if (cache.size >= 50_000) cache.clear();
      cache.set(piece, known);
    }
    for (const id of known) into.push(id);
  }

  return { largestId, tokenOf: (id) => tokens.get(id), encode };
}
