// Unigram models (SentencePiece): of all ways to cut a piece into tokens the one with the best sum of scores, found from left to right
// (Viterbi). A character that no token covers is unknown. Used by tokenizer-model.ts.
import { createTextTrie } from "./text-trie.ts";
import { tokenizerFault } from "./tokenizer-fault.ts";
import { byteTokenIds, parseVocabulary } from "./tokenizer-vocabulary.ts";
import type { Encode, TokenModel } from "./tokenizer-vocabulary.ts";

const encoder = new TextEncoder();

/** How much worse than the worst token an unknown character is. */
const unknownPenalty = 10;

interface Settings {
  texts: string[];
  scores: Float64Array;
  ids: ReadonlyMap<string, number>;
  unknownId: number | undefined;
  byteFallback: boolean;
  path: string;
}

function encoderOf({ texts, scores, ids, unknownId, byteFallback, path }: Settings, without: ReadonlySet<number>): Encode {
  const trie = createTextTrie(texts.map((text, id) => (without.has(id) ? "" : text)));
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), Infinity) - unknownPenalty;
  const byteIds = byteTokenIds(ids);

  // For each end of a token, in UTF-16 units: where the best token that ends there begins, and which it is.
  function bestCuts(piece: string): { begins: Int32Array; tokens: Int32Array } {
    const begins = new Int32Array(piece.length + 1).fill(-1);
    const tokens = new Int32Array(piece.length + 1);
    const totals = new Float64Array(piece.length + 1);
    const offer = (start: number, end: number, token: number, score: number) => {
      if (begins[end]! >= 0 && score <= totals[end]!) return;
      totals[end] = score;
      begins[end] = start;
      tokens[end] = token;
    };
    for (let start = 0; start < piece.length; ) {
      const width = piece.codePointAt(start)! > 0xffff ? 2 : 1;
      let single = false;
      for (let node = 0, end = start; end < piece.length; ) {
        node = trie.step(node, piece.charCodeAt(end++));
        if (node < 0) break;
        const token = trie.textAt(node);
        if (token < 0) continue;
        offer(start, end, token, scores[token]! + totals[start]!);
        single ||= end - start === width;
      }
      if (!single) {
        if (unknownId === undefined) throw tokenizerFault(`${path} has no token for unknown text, and the text needs one.`);
        offer(start, start + width, unknownId, unknownScore + totals[start]!);
      }
      start += width;
    }
    return { begins, tokens };
  }

  function unknown(text: string): number[] {
    const id = ids.get(text);
    if (id !== undefined && !without.has(id)) return [id];
    const bytes = byteFallback ? Array.from(encoder.encode(text), (byte) => byteIds[byte]) : [];
    return bytes.length > 0 && !bytes.includes(undefined) ? (bytes as number[]) : [unknownId!];
  }

  return (piece, into) => {
    const { begins, tokens } = bestCuts(piece);
    const reversed: number[] = [];
    for (let end = piece.length; end > 0; ) {
      let start = begins[end]!;
      if (tokens[end] !== unknownId) reversed.push(tokens[end]!);
      else {
        // Unknown neighbours are one.
        while (start > 0 && tokens[start] === unknownId) start = begins[start]!;
        for (const id of unknown(piece.slice(start, end)).reverse()) reversed.push(id);
      }
      end = start;
    }
    for (let index = reversed.length - 1; index >= 0; index--) into.push(reversed[index]!);
  };
}

/** Reads a Unigram `model` object: its vocabulary is a list of [text, score], the place is the id. Throws AZR_TOKENIZER_FORMAT. */
export function parseUnigramModel(model: Record<string, unknown>, path: string): TokenModel {
  const list = model["vocab"];
  if (!Array.isArray(list)) throw tokenizerFault(`model.vocab of ${path} is not a list of tokens with scores.`);
  const scores = new Float64Array(list.length);
  const texts = (list as unknown[]).map((entry, id) => {
    const [text, score] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof text !== "string" || typeof score !== "number") throw tokenizerFault(`model.vocab[${id}] of ${path} is not a token with a score: ${JSON.stringify(entry)}.`);
    scores[id] = score;
    return text;
  });
  const given = model["unk_id"] ?? undefined;
  const unknownId = typeof given === "number" && Number.isInteger(given) && given >= 0 && given < texts.length ? given : undefined;
  if (given !== undefined && unknownId === undefined) throw tokenizerFault(`model.unk_id of ${path} (${JSON.stringify(given)}) is no token.`);
  const { ids, tokens, largestId } = parseVocabulary(Object.fromEntries(texts.map((text, id) => [text, id])), path);
  const settings = { texts, scores, ids, unknownId, byteFallback: model["byte_fallback"] === true, path };
  return {
    largestId,
    tokenOf: (id) => tokens.get(id),
    encode: encoderOf(settings, new Set()),
    // Tokens for bytes are no text either: <0x0A> in a text is six characters.
    encoderWithout: (unwanted) => encoderOf(settings, new Set([...unwanted, ...byteTokenIds(ids).filter((id) => id !== undefined)])),
  };
}
