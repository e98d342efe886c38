// The normalizer of a tokenizer.json: from text to text, before it is split. Used by tokenizer.ts.
import { tokenizerFault } from "./tokenizer-fault.ts";
import { textPattern } from "./tokenizer-pattern.ts";
import { listOf, stepOf, unsupported } from "./tokenizer-step.ts";

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
    default:
      return unsupported("normalizer", step, "NFC, NFD, NFKC, NFKD, Replace, Prepend, Sequence", path);
  }
}
