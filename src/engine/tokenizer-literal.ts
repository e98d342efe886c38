// Stretches of a text that are content, and not the structure of a prompt: what a model, a program or a user wrote. Used by tokenizer.ts and
// tokenizer-added.ts, which let no mark (tokenizer-marks.ts) come from them, and by chat-prompt.ts. Stand-ins are how such stretches are followed
// through what changes a text: each character that a mark may have is replaced by a private one, and is known by it afterwards.
import { AzrError } from "../errors.ts";

/** From where to where, in UTF-16 units; in order and apart from each other. */
export type Span = readonly [start: number, end: number];

/** Whether a stretch of the text shares a unit with any of the spans. */
export type Overlap = (start: number, end: number) => boolean;

/** For questions about growing places, and others. */
export function overlapOf(given: readonly Span[]): Overlap {
  const spans = given.filter(([start, end]) => end > start);
  return (start, end) => {
    // The first span that ends after the start.
    let low = 0;
    for (let high = spans.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (spans[middle]![1] > start) high = middle;
      else low = middle + 1;
    }
    const span = spans[low];
    return span !== undefined && span[0] < end;
  };
}

/** What of the spans lies between two places, counted from the first. */
export function spansWithin(spans: readonly Span[], from: number, to: number): Span[] {
  return spans.flatMap(([start, end]): Span[] => (end > from && start < to ? [[Math.max(start, from) - from, Math.min(end, to) - from]] : []));
}

/** Characters to stand for others: none of them is in any of the texts, and nothing normalizes, trims or folds them. Throws AZR_INPUT_INVALID where the texts have them all. */
export function standIns(characters: Iterable<string>, texts: readonly string[]): Map<string, string> {
  const taken = new Set(texts.flatMap((text) => [...text]));
  const chosen = new Map<string, string>();
  let next = 0xe000;
  for (const character of new Set(characters)) {
    while (taken.has(String.fromCodePoint(next)) || next === 0xf900) next = next === 0xf900 ? 0xf0000 : next + 1;
    if (next > 0x10fffd) throw new AzrError("AZR_INPUT_INVALID", "The text uses every private character of Unicode.", { hint: "Leave some of them out." });
    chosen.set(character, String.fromCodePoint(next++));
  }
  return chosen;
}

/** The text with the stand-ins taken back, and where they were. */
export function withoutStandIns(text: string, chosen: ReadonlyMap<string, string>): { text: string; spans: Span[] } {
  const back = new Map([...chosen].map(([character, standIn]) => [standIn, character]));
  const spans: Array<[number, number]> = [];
  let plain = "";
  for (const unit of text) {
    const character = back.get(unit);
    const at = plain.length;
    plain += character ?? unit;
    if (character === undefined) continue;
    if (spans.at(-1)?.[1] === at) spans.at(-1)![1] = plain.length;
    else spans.push([at, plain.length]);
  }
  return { text: plain, spans };
}

/** The text with every character that has a stand-in replaced; `within` limits it to these stretches. */
export function withStandIns(text: string, chosen: ReadonlyMap<string, string>, within: readonly Span[] = [[0, text.length]]): string {
  let output = "";
  let end = 0;
  for (const [start, stop] of within) {
    output += text.slice(end, start);
    // A character that an accent follows may become one with it, and then no mark has it.
    output += text.slice(start, stop).replace(/[^](?!\p{M})/gu, (character) => chosen.get(character) ?? character);
    end = stop;
  }
  return output + text.slice(end);
}
