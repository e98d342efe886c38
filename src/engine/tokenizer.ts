// Reads a Hugging Face tokenizer.json and turns text into token ids and back, with the results of their library.
// Added tokens (tokenizer-added.ts) are cut out first; what lies between is normalized, cut into pieces (tokenizer-split.ts)
// and encoded by the model (tokenizer-model.ts). Anything this package would read differently from the original is refused.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AzrError } from "../errors.ts";
import { isGguf, readGguf } from "./gguf.ts";
import { tokenizerJsonFromGguf } from "./gguf-tokenizer.ts";
import { readModelText } from "./model-file.ts";
import { parseAddedTokens } from "./tokenizer-added.ts";
import { checkBounds } from "./tokenizer-bounds.ts";
import { parseDecoder } from "./tokenizer-decoder.ts";
import { tokenizerFault } from "./tokenizer-fault.ts";
import { parseFrame } from "./tokenizer-frame.ts";
import type { Span } from "./tokenizer-literal.ts";
import { parseTokenModel } from "./tokenizer-model.ts";
import { parseNormalizer } from "./tokenizer-normalizer.ts";
import { parsePreTokenizer } from "./tokenizer-split.ts";
import type { Encode } from "./tokenizer-vocabulary.ts";

export interface EncodeOptions {
  /** Whether added special tokens written in the text become their single ids. Default true. */
  specialTokens?: boolean;
  /**
   * Stretches of the text that are content, such as a program that a model wrote: what they say never becomes a mark, not even together with what
   * stands beside them; the ids are those of ordinary text. All else is as without it.
   */
  literal?: readonly Span[];
  /** Whether the tokens that the file wants before a text (a begin token) are added where the text does not begin with them. Default false. */
  begin?: boolean;
}

export interface DecodeOptions {
  /** Whether special tokens are left out of the text. Default false: they appear as written in the file. */
  skipSpecialTokens?: boolean;
}

export interface Tokenizer {
  /** Largest token id + 1. */
  readonly vocabularySize: number;
  /** The special tokens, by their text. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** The marks, by their text: special tokens, and added tokens like them that their file does not call special (tokenizer-marks.ts). */
  readonly marks: ReadonlyMap<string, number>;
  encode(text: string, options?: EncodeOptions): Int32Array;
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** Id of an added token (special or not). AZR_TOKENIZER_FORMAT when the file has none with this text. */
  specialTokenId(text: string): number;
}

function readTokenizerJson(place: string): { json: unknown; path: string } {
  if (isGguf(place)) return { json: tokenizerJsonFromGguf(readGguf(place).metadata, place), path: place };
  const path = join(place, "tokenizer.json");
  if (!existsSync(path)) {
    throw new AzrError("AZR_MODEL_NOT_FOUND", `There is no tokenizer.json in ${place}.`, {
      hint: "Give --model a folder that holds config.json, tokenizer.json and model.safetensors.",
    });
  }
  try {
    return { json: JSON.parse(readModelText(path)), path };
  } catch (cause) {
    throw tokenizerFault(`${path} ${cause instanceof SyntaxError ? "is not valid JSON" : "cannot be read"}: ${(cause as Error).message}`, undefined, cause);
  }
}

function parseBounded(json: unknown, path: string): Tokenizer {
  try {
    return parseTokenizer(json, path);
  } catch (cause) {
    // The stack's end, reached in quoting a value.
    throw cause instanceof RangeError ? tokenizerFault(`${path} holds values that are nested too deep.`, undefined, cause) : cause;
  }
}

/**
 * Loads the tokenizer of a model.
 * @param place the model's folder with tokenizer.json, or a GGUF file, whose own vocabulary is taken.
 * @param expectedVocabulary rows of the model's embedding table, when known: a tokenizer with larger ids does not fit.
 * @throws AzrError AZR_MODEL_NOT_FOUND (no such file), AZR_MODEL_FORMAT (damaged GGUF file), AZR_TOKENIZER_FORMAT (broken, unsupported or
 * not fitting the model)
 */
export function loadTokenizer(place: string, expectedVocabulary?: number): Tokenizer {
  const { json, path } = readTokenizerJson(place);
  const tokenizer = parseBounded(json, path);
  if (expectedVocabulary !== undefined && tokenizer.vocabularySize > expectedVocabulary) {
    throw tokenizerFault(
      `${path} has token ids up to ${tokenizer.vocabularySize - 1}, but the model has only ${expectedVocabulary}.`,
      "Tokenizer and weights come from different models: use the tokenizer.json that belongs to these weights.",
    );
  }
  return tokenizer;
}

/** Builds a tokenizer from the parsed JSON; `path` is for messages only. Throws AZR_TOKENIZER_FORMAT. */
export function parseTokenizer(json: unknown, path = "tokenizer.json"): Tokenizer {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw tokenizerFault(`${path} does not hold a JSON object.`);
  const file = json as Record<string, unknown>;
  checkBounds(file, path);
  const model = parseTokenModel(file["model"], path);
  const normalize = parseNormalizer(file["normalizer"], path);
  const added = parseAddedTokens(file["added_tokens"], model, normalize, path);
  const preTokenize = parsePreTokenizer(file["pre_tokenizer"], path);
  const decodeTokens = parseDecoder(file["decoder"], path);
  const begin = parseFrame(file["post_processor"], path);
  const vocabularySize = Math.max(model.largestId, added.largestId) + 1;
  const outside = begin.find((id) => id >= vocabularySize);
  if (outside !== undefined) throw tokenizerFault(`The post_processor of ${path} uses id ${outside}, which is no token.`);

  const marks = new Set(added.marks.values());
  let encodeLiteral: Encode | undefined;

  function encode(text: string, { specialTokens = true, literal, ...options }: EncodeOptions = {}): Int32Array {
    const ids: number[] = [];
    // Where marks are cut out, what is left of the text must not spell one.
    const encodePiece = literal === undefined && specialTokens ? model.encode : (encodeLiteral ??= model.encoderWithout(marks));
    for (const part of added.split(text, specialTokens, literal)) {
      if (typeof part === "number") ids.push(part);
      else for (const piece of preTokenize(part.text, part.first)) encodePiece(piece, ids);
    }
    const framed = options.begin === true && begin.some((id, index) => ids[index] !== id) ? [...begin, ...ids] : ids;
    return Int32Array.from(framed);
  }

  function decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const tokens: string[] = [];
    for (let index = 0; index < ids.length; index++) {
      const id = ids[index]!;
      const known = added.byId.get(id);
      // By what it gives, as the original does it: the normalizer may have made it another text.
      if (options.skipSpecialTokens === true && known?.special === true && added.specials.has(known.content)) continue;
      const token = known?.content ?? model.tokenOf(id);
      // Models often pad their embedding table past the tokenizer's last token: such an id carries no text.
      if (token !== undefined) tokens.push(token);
    }
    return decodeTokens(tokens);
  }

  function specialTokenId(text: string): number {
    const id = added.byContent.get(text);
    if (id === undefined) throw tokenizerFault(`${path} has no added token ${JSON.stringify(text)}.`, "Choose the prompt format that was made for this model.");
    return id;
  }

  return { vocabularySize, specialTokens: added.specials, marks: added.marks, encode, decode, specialTokenId };
}
