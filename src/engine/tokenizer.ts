// Reads a Hugging Face tokenizer.json and turns text into token ids and back, with the results of their library.
// Added tokens (tokenizer-added.ts) are cut out first; what lies between passes the pre-tokenizers (tokenizer-split.ts)
// and then the model (tokenizer-model.ts). Anything this package would read differently from the original is refused.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AzrError } from "../errors.ts";
import { parseAddedTokens } from "./tokenizer-added.ts";
import { tokenizerFault } from "./tokenizer-fault.ts";
import { parseTokenModel } from "./tokenizer-model.ts";
import { parseDecoder, parseNormalizer, parsePostProcessor, parsePreTokenizer } from "./tokenizer-split.ts";

export interface EncodeOptions {
  /** Whether added special tokens written in the text become their single ids. Default true. */
  specialTokens?: boolean;
  /** Whether the tokens that the file's post-processor puts around a text (such as a begin token) are added. Default false. */
  frame?: boolean;
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
  encode(text: string, options?: EncodeOptions): Int32Array;
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** Id of an added token (special or not). AZR_TOKENIZER_FORMAT when the file has none with this text. */
  specialTokenId(text: string): number;
}

/**
 * Loads `tokenizer.json` of a model folder.
 * @param expectedVocabulary rows of the model's embedding table, when known: a tokenizer with larger ids does not fit.
 * @throws AzrError AZR_MODEL_NOT_FOUND (no such file), AZR_TOKENIZER_FORMAT (broken, unsupported or not fitting the model)
 */
export function loadTokenizer(folder: string, expectedVocabulary?: number): Tokenizer {
  const path = join(folder, "tokenizer.json");
  if (!existsSync(path)) {
    throw new AzrError("AZR_MODEL_NOT_FOUND", `There is no tokenizer.json in ${folder}.`, {
      hint: "Give --model a folder that holds config.json, tokenizer.json and model.safetensors.",
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw tokenizerFault(`${path} is not valid JSON: ${(cause as Error).message}`, undefined, cause);
  }
  const tokenizer = parseTokenizer(json, path);
  if (expectedVocabulary !== undefined && tokenizer.vocabularySize > expectedVocabulary) {
    throw tokenizerFault(
      `${path} has token ids up to ${tokenizer.vocabularySize - 1}, but the model has only ${expectedVocabulary}.`,
      "Tokenizer and weights come from different models: use the tokenizer.json that belongs to these weights.",
    );
  }
  return tokenizer;
}

/** Builds a tokenizer from the parsed JSON; `path` is for messages only. */
export function parseTokenizer(json: unknown, path = "tokenizer.json"): Tokenizer {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw tokenizerFault(`${path} does not hold a JSON object.`);
  const file = json as Record<string, unknown>;
  const model = parseTokenModel(file["model"], path);
  const added = parseAddedTokens(file["added_tokens"], model, path);
  const normalize = parseNormalizer(file["normalizer"], path);
  const preTokenize = parsePreTokenizer(file["pre_tokenizer"], path);
  const decoder = parseDecoder(file["decoder"], path);
  const frame = parsePostProcessor(file["post_processor"], path);
  const vocabularySize = Math.max(model.largestId, added.largestId) + 1;

  function encode(text: string, options: EncodeOptions = {}): Int32Array {
    const ids: number[] = [];
    if (options.frame) for (const id of frame.before) ids.push(id);
    for (const part of added.split(text, options.specialTokens ?? true)) {
      if (typeof part === "number") ids.push(part);
      else for (const piece of preTokenize(normalize(part))) model.encode(piece, ids);
    }
    if (options.frame) for (const id of frame.after) ids.push(id);
    return Int32Array.from(ids);
  }

  function decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    // Added tokens are plain text; only the model's own tokens pass the decoder (byte-level tokens form text together).
    let text = "";
    let run: string[] = [];
    for (let index = 0; index < ids.length; index++) {
      const id = ids[index]!;
      const special = added.byId.get(id);
      if (special === undefined) {
        const token = model.tokenOf(id);
        if (token === undefined) {
          // Models often pad their embedding table past the tokenizer's last token: such an id carries no text.
          continue;
        }
        run.push(token);
        continue;
      }
      text += decoder(run);
      run = [];
      if (!(special.special && options.skipSpecialTokens)) text += special.content;
    }
    return text + decoder(run);
  }

  function specialTokenId(text: string): number {
    const id = added.byContent.get(text);
    if (id === undefined) throw tokenizerFault(`${path} has no added token ${JSON.stringify(text)}.`, "Choose the prompt format that was made for this model.");
    return id;
  }

  return { vocabularySize, specialTokens: added.specials, encode, decode, specialTokenId };
}
