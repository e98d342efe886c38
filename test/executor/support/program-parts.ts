// What the honest programs are made of: a seeded source of choices, and Python literals written from them.

export interface Choices {
  /** A whole number, both ends included. */
  int(low: number, high: number): number;
  pick<T>(items: readonly T[]): T;
  /** A Python literal of each sort. */
  word(): string;
  text(): string;
  float(): string;
  ints(low?: number, high?: number, least?: number): string;
  words(): string;
  pairs(): string;
  table(): string;
  matrix(): string;
}

const letters = "abcdefghijklmnopqrstuvwxyz";
const oddTexts = ["''", "'  two  words '", "'Straße'", "'naïve café'", "'日本語'", "'😀 smile'", "'tab\\tand\\nline'", "\"it's\"", "'\\x00nul'", "'MiXeD CaSe'", "'a,b;c d'", "'0123'"];
const oddFloats = ["0.0", "-0.0", "0.1", "1e16", "1e-7", "2.5", "-3.75", "1e300", "5e-324", "123456.789", "float_max"].map((text) => (text === "float_max" ? "1.7976931348623157e308" : text));

/** Choices that depend on the seed alone (mulberry32). */
export function choicesOf(seed: number): Choices {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  const list = (least: number, most: number, item: () => string): string => `[${Array.from({ length: int(least, most) }, item).join(", ")}]`;
  const choices: Choices = {
    int,
    pick: (items) => items[int(0, items.length - 1)]!,
    word: () => `'${Array.from({ length: int(1, 8) }, () => letters[int(0, 25)]).join("")}'`,
    text: () => (next() < 0.5 ? choices.pick(oddTexts) : `'${Array.from({ length: int(1, 6) }, () => choices.word().slice(1, -1)).join(" ")}'`),
    float: () => (next() < 0.4 ? choices.pick(oddFloats) : String((next() * 200 - 100).toFixed(int(1, 6)))),
    ints: (low = -20, high = 50, least = 0) => list(least, 9, () => String(int(low, high))),
    words: () => list(0, 7, choices.word),
    pairs: () => list(0, 6, () => `(${choices.word()}, ${int(-9, 9)})`),
    table: () => `{${Array.from({ length: int(0, 6) }, () => `${choices.word()}: ${int(-9, 9)}`).join(", ")}}`,
    matrix: () => {
      const width = int(1, 4);
      return list(1, 4, () => `[${Array.from({ length: width }, () => String(int(-9, 9))).join(", ")}]`);
    },
  };
  return choices;
}
