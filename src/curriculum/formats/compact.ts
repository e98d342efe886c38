// The compact format of the seedling: blocks are introduced by marker tokens and a response ends with <|end|>.
// A prompt ends with the marker of the block that the model writes first (the prefill). Nothing else is tolerated:
// one wrong marker and the response counts as a broken wrapper.

import type { BlockName, Format, ParsedResponse, ResponseShape } from "../format.ts";
import { hasTemplate, loadTemplate, type Part, renderTemplate, type TemplateValues } from "../template.ts";
import { tidy, tidyValues } from "./tidy.ts";

const version = "compact-v1";
const end = "<|end|>";
const markers = /<\|([a-z-]+)\|>/g;

function parse(text: string, shape: ResponseShape): ParsedResponse {
  if (!text.endsWith(end)) return { ok: false, reason: "wrapper", detail: `does not end with ${end}` };
  const body = text.slice(0, -end.length);
  const found: { name: string; text: string }[] = [];
  const marks = [...body.matchAll(markers)];
  if (marks[0]?.index !== 0) return { ok: false, reason: "wrapper", detail: "does not start with a block marker" };
  marks.forEach((mark, at) => {
    found.push({ name: mark[1]!, text: body.slice(mark.index + mark[0].length, marks[at + 1]?.index ?? body.length) });
  });

  const expected = shape.blocks.flatMap(({ name, count = 1 }) => Array<BlockName>(count).fill(name));
  const same = found.every((block, at) => block.name === expected[at]);
  if (!same || found.length !== expected.length) {
    const last = shape.blocks.at(-1)!;
    if (same && last.name === "input" && (last.count ?? 1) > 1) {
      return { ok: false, reason: "too-few-inputs", detail: `${found.length} of ${expected.length} inputs` };
    }
    const names = [...found.slice(0, expected.length + 1).map((block) => block.name.slice(0, 20)), ...(found.length > expected.length + 1 ? ["..."] : [])];
    return { ok: false, reason: "wrapper", detail: `blocks are ${names.join(" ")}, not ${expected.join(" ")}` };
  }
  const blocks: Partial<Record<BlockName, string[]>> = {};
  found.forEach((block, at) => (blocks[expected[at]!] ??= []).push(tidy(expected[at]!, block.text)));
  return { ok: true, blocks };
}

/** The markers that a template's own text holds. */
const markersIn = (parts: Part[]): string[] =>
  parts.flatMap((part) => (part.type === "text" ? (part.text.match(markers) ?? []) : part.type === "section" ? markersIn(part.parts) : []));

export const compactFormat: Format = {
  name: "compact",
  version,
  messages: false,
  prompt: (template: string, values: TemplateValues) =>
    // Blocks follow their markers directly; {{fence}} is for formats that have fences.
    renderTemplate(loadTemplate(version, template), tidyValues(values), (_name, text) => text),
  parse,
  // The prompt ended with the first block's marker, so only the later blocks bring their own.
  completion: (blocks) => blocks.map(({ name, text }, at) => (at === 0 ? "" : `<|${name}|>`) + tidy(name, text)).join("") + end,
  markers: (kind) =>
    [...new Set([...[`propose-${kind}`, `solve-${kind}`].filter((name) => hasTemplate(version, name)).flatMap((name) => markersIn(loadTemplate(version, name))), end])],
  carries: (text) => text.search(markers) === -1,
};
