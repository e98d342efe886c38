// The normalizer of a tokenizer.json: from text to text, before it is split. Used by tokenizer.ts.
import { tokenizerFault } from "./tokenizer-fault.ts";
import { textPattern, whiteSpace } from "./tokenizer-pattern.ts";
import { parseCharacterMap } from "./tokenizer-precompiled.ts";
import { listOf, stepOf, unsupported } from "./tokenizer-step.ts";

const spaceBefore = new RegExp(`^[${whiteSpace}]+`, "u");
const spaceAfter = new RegExp(`(?<![${whiteSpace}])[${whiteSpace}]+$`, "u");

// Google's for translation: control characters go, whatever separates becomes a space.
const controls = /[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g;
const separators = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

/** Reads a normalizer. Throws AZR_TOKENIZER_FORMAT for those that are not known. */
export function parseNormalizer(value: unknown, path: string): (text: string) => string {
  if (value === undefined || value === null) return (text) => text;
  const step = stepOf(value, "normalizer", path);
  const type = step["type"];
  switch (type) {
    case "Sequence": {
      const steps = listOf(step["normalizers"], "normalizer", path).map((inner) => parseNormalizer(inner, path));
      return (text) => steps.reduce((current, apply) => apply(current), text);
    }
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
      return (text) => text.normalize(type);
    case "Replace": {
      const pattern = textPattern(step["pattern"], path);
      const content = step["content"];
      if (typeof content !== "string") throw tokenizerFault(`A Replace in ${path} does not say by which text.`);
      return (text) => text.replace(pattern, () => content);
    }
    case "Prepend": {
      const before = step["prepend"];
      if (typeof before !== "string") throw tokenizerFault(`A Prepend in ${path} does not say which text.`);
      return (text) => (text === "" ? "" : before + text);
    }
    case "Strip": {
      const [left, right] = [step["strip_left"] === true, step["strip_right"] === true];
      return (text) => {
        const rest = left ? text.replace(spaceBefore, "") : text;
        return right ? rest.replace(spaceAfter, "") : rest;
      };
    }
    case "Nmt":
      return (text) => text.replace(controls, "").replace(separators, " ");
    case "Precompiled": {
      const map = step["precompiled_charsmap"];
      if (map === null || map === undefined || map === "") return (text) => text;
      if (typeof map !== "string") throw tokenizerFault(`A Precompiled in ${path} has no map of characters.`);
      return parseCharacterMap(Buffer.from(map, "base64"), path);
    }
    default:
      return unsupported("normalizer", step, "NFC, NFD, NFKC, NFKD, Replace, Prepend, Strip, Nmt, Precompiled, Sequence", path);
  }
}
