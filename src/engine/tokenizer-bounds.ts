// What no tokenizer.json has, refused before its steps are read: steps nested beyond any stack, patterns too long to compile, replacements
// that together make a text grow without end. Used by tokenizer.ts.
import { tokenizerFault } from "./tokenizer-fault.ts";

const deepestStep = 32; // of lists and objects
const mostValues = 100_000;
const longestText = 4096; // of a pattern, a replacement, an added token
const mostGrowth = 4096; // times as long

const parts = ["normalizer", "pre_tokenizer", "post_processor", "decoder"];

function checkPart(part: string, value: unknown, path: string): void {
  const open = [{ value, depth: 0 }];
  let values = 0;
  let growth = 1;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value !== "object" || next.value === null) continue;
    if (next.depth > deepestStep) throw tokenizerFault(`The ${part} of ${path} is nested deeper than ${deepestStep}.`);
    const fields = Object.entries(next.value);
    values += fields.length;
    if (values > mostValues) throw tokenizerFault(`The ${part} of ${path} holds more than ${mostValues} values.`);
    for (const [key, field] of fields) {
      if (typeof field !== "string") open.push({ value: field, depth: next.depth + 1 });
      else if (["Regex", "String", "content", "prepend"].includes(key) && field.length > longestText) throw tokenizerFault(`The ${part} of ${path} has a text of ${field.length} characters as ${key}; more than ${longestText} are refused.`);
      else if (key === "content") growth *= Math.max(1, field.length);
    }
    if (growth > mostGrowth) throw tokenizerFault(`The ${part} of ${path} could make a text more than ${mostGrowth} times as long.`);
  }
}

/** Checks the parts of a parsed tokenizer.json that work on texts. Throws AZR_TOKENIZER_FORMAT. */
export function checkBounds(file: Record<string, unknown>, path: string): void {
  for (const part of parts) checkPart(part, file[part], path);
  const added = file["added_tokens"];
  for (const token of Array.isArray(added) ? (added as ({ content?: unknown } | null)[]) : []) {
    const length = typeof token?.content === "string" ? token.content.length : 0;
    if (length > longestText) throw tokenizerFault(`added_tokens of ${path} has a token of ${length} characters; more than ${longestText} are refused.`);
  }
}
