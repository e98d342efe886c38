// What can go wrong in a file, whatever it holds: damage to bytes and to JSON, drawn from a generator. Used by damaged-folders.ts,
// damaged-gguf.ts and damaged-tokenizers.ts, which know the formats.
import type { Random } from "../../../src/random.ts";

/** What lies in a folder under a name: a file's content, or something that only looks like a file. */
export type Content = Uint8Array | string | { link: string } | { pipe: true } | { folder: true } | { bytes: number; head: Uint8Array };

export interface DamagedModel {
  what: string;
  /** By path from the model's folder; one that begins with ../ lies beside it. */
  files: Record<string, Content>;
  /** The file that is opened; otherwise the folder. */
  file?: string;
  /** False where the damage may have met nothing that matters. */
  mustFail: boolean;
}

/** One sort of damage. */
export type Damage = (random: Random) => Omit<DamagedModel, "what">;

/** Files with nothing wrong, of which damaged ones are made: all must open. */
export type Sound = (random: Random) => Omit<DamagedModel, "what" | "mustFail">;

/** Case number `number` of a table of damages: each row in turn. */
export function damagedCase(damages: Record<string, Damage>, number: number, random: Random): DamagedModel {
  const names = Object.keys(damages);
  const what = names[number % names.length]!;
  return { what, ...damages[what]!(random) };
}

// --- bytes; `end` is where the part that is damaged ends ---

export function flip(bytes: Uint8Array, random: Random, end = bytes.length): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let flips = 1 + random.integer(4); flips > 0; flips--) copy[random.integer(end)]! ^= random.integer(2) === 0 ? 1 << random.integer(8) : 1 + random.integer(255);
  return copy;
}

export const cut = (bytes: Uint8Array, random: Random, end = bytes.length): Uint8Array => bytes.subarray(0, random.integer(end));

/** A stretch of zeros, of ones, or of noise. */
export function scramble(bytes: Uint8Array, random: Random, end = bytes.length): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const begin = random.integer(end);
  const stop = Math.min(end, begin + 1 + random.integer(64));
  const mode = random.integer(3);
  for (let at = begin; at < stop; at++) copy[at] = mode === 0 ? 0 : mode === 1 ? 255 : random.integer(256);
  return copy;
}

/** A stretch taken out, put in a second time, or written over another. */
export function splice(bytes: Uint8Array, random: Random, end = bytes.length): Uint8Array {
  const [from, to] = [random.integer(end), random.integer(end)];
  const piece = bytes.subarray(from, Math.min(end, from + 1 + random.integer(100)));
  const mode = random.integer(3);
  if (mode === 0) return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + piece.length)]);
  return Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(mode === 1 ? to : to + piece.length)]);
}

export const hugeCounts = [2n ** 63n, 2n ** 64n - 1n, 2n ** 62n, 2n ** 53n + 1n, 2n ** 40n, 2n ** 32n, 2n ** 32n - 1n, 2n ** 31n, 2n ** 31n - 1n, 2n ** 24n, 0n];

/** A number of 4 or 8 bytes put to an extreme. Half of the places are multiples of 4, where most lengths lie. */
export function extreme(bytes: Uint8Array, random: Random, end = bytes.length): Uint8Array {
  const copy = Buffer.from(bytes);
  const width = random.integer(2) === 0 ? 4 : 8;
  const place = random.integer(Math.max(1, end - 8));
  const at = random.integer(2) === 0 ? place : place - (place % 4);
  const value = random.choice(hugeCounts);
  if (width === 4) copy.writeUInt32LE(Number(BigInt.asUintN(32, value)), at);
  else copy.writeBigUInt64LE(value, at);
  return copy;
}

/** Any of the above. */
export const damagedBytes = (bytes: Uint8Array, random: Random, end = bytes.length): Uint8Array => random.choice([flip, scramble, splice, extreme])(bytes, random, end);

export const noise = (random: Random, most: number): Uint8Array => Uint8Array.from({ length: random.integer(most) }, () => random.integer(256));

// --- JSON ---

export const strangeNumbers: unknown[] = [0, -1, -(2 ** 31), 1.5, 2 ** 31, 2 ** 53, 2 ** 63, 1e300, 3, 7, 1 << 20];
export const strange: unknown[] = [...strangeNumbers, "16", "", null, true, [], [16], {}, "__proto__"];
const odd: unknown[] = [null, true, -1, 0.5, 1e9, 2 ** 53, "", "a", "(", "\\", "\ud800", "\u202e\u0000", "__proto__", [], [[]], {}, { type: "Sequence" }, { type: "constructor" }, ["a"], { a: 0 }];

/** Names that look like another, or hide something. */
export const mischief = (text: string, random: Random): string =>
  random.choice([`${text}\u200b`, `\ufeff${text}`, text.replace(/[aeo]/, "\u0430"), `${text}\u0000`, `\u202e${text}`, text.toUpperCase(), `${text}\ud800`, `${text}\u0301`, ` ${text}`, "\u{1f600}".repeat(500), "__proto__", "constructor", "toString", ""]);

type Tree = any;
const keysOf = (value: Tree): string[] => (value !== null && typeof value === "object" ? Object.keys(value) : []);

// Goes down to a random place and puts there what `change` gives. Large lists and tables would take almost all damage.
function atSomePlace(value: Tree, random: Random, change: () => unknown): unknown {
  const keys = keysOf(value);
  if (keys.length === 0 || (random.float() < 0.15 && keys.length < 100)) return change();
  const key = random.choice(keys);
  const draw = random.float();
  if (draw < 0.08) Array.isArray(value) ? value.splice(Number(key), 1) : delete value[key];
  else if (draw < 0.12 && Array.isArray(value)) value.push(value[Number(key)]);
  else if (draw < 0.16 && !Array.isArray(value)) value[mischief(key, random)] = value[key];
  else value[key] = atSomePlace(value[key], random, change);
  return value;
}

/** Another value, or a key gone or twice, at a random place of a JSON tree, which is changed. */
export const damagedTree = (value: unknown, random: Random): unknown => atSomePlace(value, random, () => random.choice(odd));

const nested = (open: string, inner: string, close: string, random: Random): string => {
  const depth = random.choice([10, 300, 5_000, 100_000]);
  return open.repeat(depth) + inner + close.repeat(depth);
};

/** Texts of JSON values that no tree gives: nested beyond any stack, numbers beyond any range, and some that are none. */
export const rawValue = (random: Random): string =>
  random.choice<() => string>([
    () => nested("[", "", "]", random),
    () => nested('{"a":', "1", "}", random),
    () => nested(`{"type":"Sequence","${random.choice(["normalizers", "pretokenizers", "decoders", "processors"])}":[`, "", "]}", random),
    () => random.choice(["1e999", "-1e999", "NaN", "-Infinity", "9".repeat(400), "-0", "0x10", "01", "'a'", "tru"]),
    () => random.choice(['"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\u202e\u0000"', '{"a":1,"a":2}', '{"__proto__":{"type":"BPE"}}']),
    () => JSON.stringify("a\u{10ffff}".repeat(random.choice([1, 1000, 200_000]))),
    () => `[${"0,".repeat(random.choice([1, 1000, 200_000]))}0]`,
  ])();

const marker = "here comes another value";

/** The text of a JSON tree with a raw value at a random place; the tree is changed. */
export const withRawValue = (value: unknown, random: Random): string =>
  (JSON.stringify(atSomePlace(value, random, () => marker)) ?? "").replace(JSON.stringify(marker), () => rawValue(random));

/** A text with one character gone, changed, or everything after it cut off; or with bytes in it that are no UTF-8. */
export function damagedText(text: string, random: Random): Uint8Array | string {
  const at = random.integer(text.length);
  const draw = random.float();
  if (draw < 0.2) return text.slice(0, at);
  if (draw < 0.3) return flip(Buffer.from(text), random);
  if (draw < 0.35) return Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from([0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80]), Buffer.from(text.slice(at))]);
  if (draw < 0.4) return random.choice([`\ufeff${text}`, `${text}${text}`, "", " ", "\0", Buffer.from(text, "utf16le")]);
  return text.slice(0, at) + random.choice(['"', "{", "[", "9", ",", "\\", "a", ":", "-", ""]) + text.slice(at + random.integer(3));
}
