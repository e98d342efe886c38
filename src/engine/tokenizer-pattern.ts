// Turns a regular expression of a tokenizer.json (written for Oniguruma) into a JavaScript one that matches the same texts.
// Only what tokenizers in use need is translated; anything else fails when the pattern is compiled. Used by the parsers of steps.
import { tokenizerFault } from "./tokenizer-fault.ts";

// Oniguruma's white space; JavaScript's \s lacks U+0085 and has U+FEFF.
export const whiteSpace = "\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

// Escapes that mean the same in both languages, by the letter after the backslash.
const sharedEscapes = new Set([..."nrtfvpPux0123456789"]);
const syntaxCharacters = new Set([..."^$\\.*+?()[]{}|/"]);

function caseless(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`);
}

/** Compiles a pattern. Throws AZR_TOKENIZER_FORMAT when JavaScript cannot express it. */
export function compilePattern(source: string, path: string): RegExp {
  // Older Node.js has no (?i:...) groups: letters of such a group without nested brackets are spelled in both cases.
  const pattern = source.replace(/\(\?i:([^()[\]\\]*)\)/g, (_all, body: string) => `(?:${caseless(body)})`);
  let output = "";
  let insideClass = false;
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index]!;
    if (character === "\\") {
      const next = pattern[++index] ?? "";
      if (next === "s") output += insideClass ? whiteSpace : `[${whiteSpace}]`;
      else if (next === "S" && !insideClass) output += `[^${whiteSpace}]`;
      else if (next === "d" || next === "D") output += next === "d" ? "\\p{Nd}" : "\\P{Nd}"; // Oniguruma's digits are those of all scripts.
      else if (sharedEscapes.has(next) || syntaxCharacters.has(next) || (insideClass && next === "-")) output += `\\${next}`;
      else if (/[A-Za-z]/.test(next) || next === "") throw tokenizerFault(`The pattern escape \\${next} of ${path} is not supported.`);
      else output += next;
      continue;
    }
    if (insideClass && (character === "[" || (character === "&" && pattern[index + 1] === "&"))) {
      throw tokenizerFault(`Nested character classes in a pattern of ${path} are not supported.`);
    }
    if (character === "[") insideClass = true;
    else if (character === "]") insideClass = false;
    output += character;
  }
  try {
    return new RegExp(output, "gu");
  } catch (cause) {
    throw tokenizerFault(`A pattern of ${path} is not supported: ${(cause as Error).message}`, undefined, cause);
  }
}

/** The pattern of a Split or Replace: {"Regex": ...} or {"String": ...}. Throws AZR_TOKENIZER_FORMAT. */
export function textPattern(value: unknown, path: string): RegExp {
  const { Regex: regex, String: text } = (value ?? {}) as Record<string, unknown>;
  if (typeof regex === "string") return compilePattern(regex, path);
  if (typeof text === "string" && text !== "") return new RegExp(escapePattern(text), "gu");
  throw tokenizerFault(`A step of ${path} has neither a Regex nor a String pattern.`);
}

/** Escapes a text for use inside a JavaScript regular expression with the `u` flag. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
