// The decoder of a tokenizer.json: from tokens back to text. Used by tokenizer.ts.
import { tokensToText } from "./tokenizer-bytes.ts";
import { tokenizerFault } from "./tokenizer-fault.ts";
import { textPattern } from "./tokenizer-pattern.ts";
import { listOf, stepOf, unsupported } from "./tokenizer-step.ts";
import type { Step } from "./tokenizer-step.ts";

/** One step of decoding; the tokens that the last step leaves are the text, put together. */
type Decoder = (tokens: string[]) => string[];

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function bytesToText(bytes: number[]): string {
  try {
    return decoder.decode(Uint8Array.from(bytes));
  } catch {
    // The original gives up on the whole stretch.
    return "\ufffd".repeat(bytes.length);
  }
}

// Tokens for single bytes, as <0x0A>, become text together with those beside them.
function byteFallback(tokens: string[]): string[] {
  const output: string[] = [];
  let bytes: number[] = [];
  for (const token of tokens) {
    if (/^<0x[0-9A-Fa-f]{2}>$/.test(token)) {
      bytes.push(Number.parseInt(token.slice(3, 5), 16));
      continue;
    }
    if (bytes.length > 0) output.push(bytesToText(bytes));
    bytes = [];
    output.push(token);
  }
  if (bytes.length > 0) output.push(bytesToText(bytes));
  return output;
}

function parseStrip(step: Step, path: string): Decoder {
  const { content, start = 0, stop = 0 } = step;
  if (typeof content !== "string" || [...content].length !== 1 || !Number.isSafeInteger(start) || !Number.isSafeInteger(stop)) {
    throw tokenizerFault(`A Strip in ${path} lacks its character or its counts.`);
  }
  const leading = (characters: string[], most: number) => {
    let count = 0;
    while (count < most && characters[count] === content) count++;
    return count;
  };
  return (tokens) =>
    tokens.map((token) => {
      const characters = [...token];
      const kept = characters.slice(leading(characters, start as number));
      return kept.slice(0, kept.length - leading([...kept].reverse(), stop as number)).join("");
    });
}

function parseStep(value: unknown, path: string): Decoder {
  const step = stepOf(value, "decoder", path);
  switch (step["type"]) {
    case "Sequence": {
      const steps = listOf(step["decoders"], "decoder", path).map((inner) => parseStep(inner, path));
      return (tokens) => steps.reduce((current, apply) => apply(current), tokens);
    }
    case "Fuse":
      return (tokens) => [tokens.join("")];
    case "ByteLevel":
      return (tokens) => [tokensToText(tokens)];
    case "ByteFallback":
      return byteFallback;
    case "Replace": {
      const pattern = textPattern(step["pattern"], path);
      const content = String(step["content"] ?? "");
      return (tokens) => tokens.map((token) => token.replace(pattern, () => content));
    }
    case "Strip":
      return parseStrip(step, path);
    case "Metaspace": {
      const mark = String(step["replacement"] ?? "\u2581");
      const prepended = (step["prepend_scheme"] ?? (step["add_prefix_space"] === false ? "never" : "always")) !== "never";
      return (tokens) => tokens.map((token, index) => token.replaceAll(mark, index === 0 && prepended ? "" : " "));
    }
    default:
      return unsupported("decoder", step, "Fuse, ByteLevel, ByteFallback, Replace, Strip, Metaspace, Sequence", path);
  }
}

/** Reads a decoder: tokens -> text. Without one the original puts spaces between tokens. Throws AZR_TOKENIZER_FORMAT. */
export function parseDecoder(value: unknown, path: string): (tokens: string[]) => string {
  if (value === undefined || value === null) return (tokens) => tokens.join(" ");
  const decode = parseStep(value, path);
  return (tokens) => decode(tokens).join("");
}
