// The character map of SentencePiece, as its models carry it: a tree of UTF-8 texts (a double array, as Darts lays it out) and what each becomes.
// Used by tokenizer-normalizer.ts and, out of GGUF files, by gguf-tokenizer.ts.
import { tokenizerFault } from "./tokenizer-fault.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

// In bytes; real maps have no more than some dozen.
const longest = 1024;

// What a unit of the double array holds.
const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 512) >>> 6);
const labelOf = (unit: number): number => (unit & 0x800000ff) >>> 0;
const hasValue = (unit: number): boolean => (unit & 256) !== 0;

/** Reads the map from its bytes. Throws AZR_TOKENIZER_FORMAT. */
export function parseCharacterMap(bytes: Uint8Array, path: string): (text: string) => string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < 4 ? NaN : view.getUint32(0, true);
  if (!(size > 0 && size % 4 === 0 && size + 4 <= bytes.length)) throw tokenizerFault(`The map of characters in ${path} is damaged.`);
  const units = Uint32Array.from({ length: size / 4 }, (_, index) => view.getUint32(4 + 4 * index, true));
  const replacements = bytes.subarray(4 + size);

  // What the shortest text of the tree becomes that the part begins with.
  function transform(part: string): string | undefined {
    let place = offsetOf(units[0]!);
    for (const byte of encoder.encode(part)) {
      if (byte === 0) break;
      place ^= byte;
      const unit = units[place];
      if (unit === undefined || labelOf(unit) !== byte) return undefined;
      place ^= offsetOf(unit);
      if (!hasValue(unit)) continue;
      const start = (units[place] ?? 0) & 0x7fffffff;
      const end = replacements.indexOf(0, start);
      if (end - start > longest || (end < 0 && replacements.length - start > longest)) throw tokenizerFault(`The map of characters in ${path} is damaged.`);
      return decoder.decode(replacements.subarray(start, end < 0 ? undefined : end));
    }
    return undefined;
  }

  const known = new Map<string, string>();
  // Of what stands together only short clusters are looked up whole: that is how the original does it.
  function replaced(cluster: string): string {
    let result = known.get(cluster);
    if (result === undefined) {
      const whole = Buffer.byteLength(cluster) < 6 ? transform(cluster) : undefined;
      result = whole ?? Array.from(cluster, (character) => transform(character) ?? character).join("");
      if (known.size >= 50_000) known.clear();
      if (cluster.length <= 64) known.set(cluster, result);
    }
    return result;
  }

  const clusters = new Intl.Segmenter("en", { granularity: "grapheme" });
  // Most of a text is ASCII, where clusters are single characters and ends of lines; its last character may belong to what follows.
  const stretches = /([\0-\x7f]+(?=[\0-\x7f]|$)(?<!\r(?=\n)))|(?:(?:\r\n|[\0-\x7f])?[^\0-\x7f]+)+[\0-\x0c\x0e-\x7f]?|[^]/g;
  return (text) => {
    let output = "";
    for (const [part, ascii] of text.matchAll(stretches)) {
      const parts = ascii === undefined ? Array.from(clusters.segment(part), ({ segment }) => segment) : (ascii.match(/\r\n|[^]/g) ?? []);
      for (const cluster of parts) output += replaced(cluster);
    }
    return output;
  };
}
