// Byte-pair encoding: a piece starts as single characters, and the neighbours whose pair stands first in `merges` are joined
// until none is left. Byte-level files (Llama 3, SmolLM2, Qwen) and those made from SentencePiece (Llama 2, Mistral, Gemma; with
// tokens for single bytes to fall back on) differ only in what their pieces are made of. Used by tokenizer-model.ts.
import { createPairTable } from "./pair-table.ts";
import type { PairTable } from "./pair-table.ts";
import { createRankQueue } from "./rank-queue.ts";
import { tokenizerFault } from "./tokenizer-fault.ts";
import { byteTokenIds, parseVocabulary } from "./tokenizer-vocabulary.ts";
import type { Encode, TokenModel, Vocabulary } from "./tokenizer-vocabulary.ts";

const encoder = new TextEncoder();

// Longer pieces (whole texts, where nothing splits them) do not come again.
const longestCached = 256;
const mostCached = 50_000;

interface Merges {
  /** Rank of the pair, by left and right id. */
  ranks: PairTable;
  /** What the pair of a rank becomes. */
  joined: Int32Array;
}

function parseMerges(value: unknown, { ids }: Vocabulary, path: string): Merges {
  if (!Array.isArray(value)) throw tokenizerFault(`model.merges of ${path} is not a list.`);
  const ranks = createPairTable(value.length);
  const joined = new Int32Array(value.length);
  for (const [rank, merge] of (value as unknown[]).entries()) {
    // Two spellings are in use: "left right" and ["left", "right"].
    const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    if (!Array.isArray(pair) || pair.length !== 2 || pair.some((side) => typeof side !== "string" || side === "")) {
      throw tokenizerFault(`model.merges[${rank}] of ${path} is not a pair of tokens: ${JSON.stringify(merge)}.`);
    }
    const [left, right, whole] = [ids.get(pair[0]), ids.get(pair[1]), ids.get(pair[0] + pair[1])];
    if (left === undefined || right === undefined || whole === undefined) {
      throw tokenizerFault(`model.merges[${rank}] of ${path} names a token that is not in the vocabulary: ${JSON.stringify(merge)}.`);
    }
    ranks.set(left, right, rank);
    joined[rank] = whole;
  }
  return { ranks, joined };
}

interface Settings extends Merges {
  ids: ReadonlyMap<string, number>;
  ignoreMerges: boolean;
  byteFallback: boolean;
  fuseUnknown: boolean;
  unknownId: number | undefined;
}

// Ids in `without` do not come out of any text.
function encoderOf({ ids, ranks, joined, ignoreMerges, byteFallback, fuseUnknown, unknownId }: Settings, without: ReadonlySet<number>): Encode {
  const byteIds = byteTokenIds(ids);
  const cache = new Map<string, number[]>();
  const idOf = (text: string): number | undefined => {
    const id = ids.get(text);
    return id === undefined || without.has(id) ? undefined : id;
  };

  function characterIds(piece: string): number[] {
    const symbols: number[] = [];
    let unknownBefore = false;
    for (const character of piece) {
      const id = idOf(character);
      const bytes = id === undefined && byteFallback ? Array.from(encoder.encode(character), (byte) => byteIds[byte]) : [];
      const spelled = id !== undefined ? [id] : bytes.includes(undefined) ? [] : (bytes as number[]);
      const unknown = spelled.length === 0;
      // Without a token for the unknown the original leaves such characters out: SmolLM2 has none for some control characters.
      if (!unknown) for (const symbol of spelled) symbols.push(symbol);
      else if (unknownId !== undefined && !(unknownBefore && fuseUnknown)) symbols.push(unknownId);
      unknownBefore = unknown;
    }
    return symbols;
  }

  function merge(piece: string): number[] {
    const whole = ignoreMerges ? idOf(piece) : undefined;
    if (whole !== undefined) return [whole];
    const symbols = characterIds(piece);
    const count = symbols.length;
    // A chain through the symbols that are left: -1 marks a symbol that went into its left neighbour.
    const next = Array.from(symbols, (_, index) => index + 1);
    const before = Array.from(symbols, (_, index) => index - 1);
    const queue = createRankQueue();
    const rankAt = (index: number) => {
      const rank = next[index]! < count ? ranks.get(symbols[index]!, symbols[next[index]!]!) : -1;
      return rank >= 0 && without.has(joined[rank]!) ? -1 : rank;
    };
    const offer = (index: number) => {
      const rank = index < 0 ? -1 : rankAt(index);
      if (rank >= 0) queue.push(rank, index);
    };
    for (let index = 0; index + 1 < count; index++) offer(index);
    while (queue.pop()) {
      const index = queue.position;
      if (symbols[index]! < 0) continue;
      const rank = rankAt(index);
      // The neighbours may have changed since the pair was put in the queue.
      if (rank < 0 || joined[rank] !== joined[queue.rank]) continue;
      const right = next[index]!;
      symbols[index] = joined[rank]!;
      symbols[right] = -1;
      next[index] = next[right]!;
      if (next[index]! < count) before[next[index]!] = index;
      offer(before[index]!);
      offer(index);
    }
    return symbols.filter((symbol) => symbol >= 0);
  }

  return (piece, into) => {
    let known = cache.get(piece);
    if (known === undefined) {
      known = merge(piece);
      if (piece.length <= longestCached) {
        // Bounded, so that long-lived processes do not grow with every new word.
        if (cache.size >= mostCached) cache.clear();
        cache.set(piece, known);
      }
    }
    for (const id of known) into.push(id);
  };
}

/** Reads a BPE `model` object. Throws AZR_TOKENIZER_FORMAT. */
export function parseBytePairModel(model: Record<string, unknown>, path: string): TokenModel {
  const vocabulary = parseVocabulary(model["vocab"], path);
  const { ids, tokens, largestId } = vocabulary;
  const merges = parseMerges(model["merges"], vocabulary, path);
  for (const setting of ["continuing_subword_prefix", "end_of_word_suffix"]) {
    if (typeof model[setting] === "string" && model[setting] !== "") throw tokenizerFault(`${path} uses ${setting}, which is not supported.`);
  }
  if (typeof model["dropout"] === "number" && model["dropout"] > 0) throw tokenizerFault(`${path} drops merges at random (dropout), which is not supported.`);
  const unknownToken = model["unk_token"];
  const unknownId = typeof unknownToken === "string" ? ids.get(unknownToken) : undefined;
  if (typeof unknownToken === "string" && unknownId === undefined) throw tokenizerFault(`model.unk_token of ${path} (${JSON.stringify(unknownToken)}) is not in the vocabulary.`);
  const ignoreMerges = model["ignore_merges"] === true;
  const settings = { ...merges, ids, ignoreMerges, byteFallback: model["byte_fallback"] === true, fuseUnknown: model["fuse_unk"] === true, unknownId };
  const encode = encoderOf(settings, new Set());

  // Almost all files have no way to their special tokens through merges: then there is one encoder.
  function encoderWithout(unwanted: ReadonlySet<number>): Encode {
    const made = new Set(merges.joined);
    const reachable = [...unwanted].filter((id) => made.has(id) || ignoreMerges || [...(tokens.get(id) ?? "")].length === 1);
    return reachable.some((id) => tokens.has(id)) ? encoderOf(settings, unwanted) : encode;
  }

  return { largestId, tokenOf: (id) => tokens.get(id), encode, encoderWithout };
}
