// The format of larger models, as in the Absolute Zero paper: the prompt opens a think tag, the response thinks, closes it
// and answers inside answer tags; blocks are fenced. The reading rules follow the reference code where it is sound:
// a proposal's first blocks count (of many inputs the last ones), an answer's last block counts, and a lone
// answer may also come as a comment line, a tag, a phrase, a call or the bare answer.

import type { BlockName, Format, ParsedResponse, ResponseShape } from "../format.ts";
import { loadTemplate, renderTemplate, type Stretch, type TemplateValues } from "../template.ts";
import { fence, fencedBlocks, type FencedBlock } from "./fences.ts";
import { tidy, tidyValues } from "./tidy.ts";

const version = "paper-v1";

/** Fences that are no program, whatever else may be one. */
const otherTags: ReadonlySet<string> = new Set(["input", "output", "error", "message"]);

/** Program blocks are fenced as `python`, the others under their own name. */
function fenceTag(name: string): string {
  return name === "program" ? "python" : name;
}

/** What stands between the answer tags, or what is wrong with the outer form. */
function unwrap(text: string): { answer: string } | { reason: "wrapper" | "malformed"; detail: string } {
  const thoughtEnd = text.indexOf("</think>");
  // Thoughts cannot answer: only what follows the first </think> is read.
  const response = thoughtEnd === -1 ? "" : text.slice(thoughtEnd + "</think>".length);
  if (!/^\s*<think>/.test(text) || !/^\s*<answer>/.test(response) || !response.includes("</answer>")) {
    return { reason: "wrapper", detail: "is not a think block followed by an answer block" };
  }
  const start = response.lastIndexOf("<answer>") + "<answer>".length;
  const close = response.indexOf("</answer>", start);
  return close === -1 ? { reason: "malformed", detail: "the last answer tag is not closed" } : { answer: response.slice(start, close) };
}

function parse(text: string, shape: ResponseShape): ParsedResponse {
  const unwrapped = unwrap(text);
  if ("reason" in unwrapped) return { ok: false, ...unwrapped };
  const { answer } = unwrapped;
  const fences = fencedBlocks(answer);

  const blocks: Partial<Record<BlockName, string[]>> = {};
  for (const { name, count = 1 } of shape.blocks) {
    const found = read(answer, fences, name, count, shape).map((block) => tidy(name, block));
    if (found.length < count) {
      return found.length > 0
        ? { ok: false, reason: "too-few-inputs", detail: `${found.length} of ${count} inputs` }
        : { ok: false, reason: "malformed", detail: `holds no ${name} block` };
    }
    blocks[name] = found;
  }
  if (shape.message) {
    const message = fences.find((block) => block.tag === "message")?.text ?? tagged(answer, "message") ?? commented(answer, "message");
    if (message !== undefined) blocks.message = [tidy("message", message)];
  }
  return { ok: true, blocks };
}

/** The blocks of one name that count, at most `count`. */
function read(answer: string, fences: FencedBlock[], name: BlockName, count: number, shape: ResponseShape): string[] {
  const named = fences.filter((block) => block.tag === fenceTag(name)).map((block) => block.text);
  const last = shape.role === "solve";
  if (name === "program") {
    const any = named.length > 0 ? named : fences.filter(({ tag }) => !otherTags.has(tag)).map((block) => block.text);
    return last ? any.slice(-1) : any.slice(0, 1);
  }
  if (named.length > 0 || count > 1) return count > 1 ? named.slice(-count) : last ? named.slice(-1) : named.slice(0, 1);
  const loose = commented(answer, name) ?? (last ? (tagged(answer, name) ?? phrased(answer, name) ?? bare(answer, fences, name)) : undefined);
  return loose === undefined ? [] : [loose];
}

/** The rest of the last `# Input: ...` line. */
function commented(answer: string, name: string): string | undefined {
  return [...answer.matchAll(new RegExp(`^[ \\t]*#[ \\t]*${name}:[ \\t]*(\\S.*)$`, "gim"))].at(-1)?.[1];
}

/** What the last `<input>...</input>` holds. */
function tagged(answer: string, name: string): string | undefined {
  return [...answer.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, "gi"))].at(-1)?.[1];
}

/** The rest of the line after `the input is`, with a colon or not, without a full stop. */
function phrased(answer: string, name: string): string | undefined {
  return [...answer.matchAll(new RegExp(`\\bthe ${name} is:?[ \\t]*(\\S.*)$`, "gim"))].at(-1)?.[1]!.replace(/\.\s*$/, "");
}

/** The whole answer: the only fenced block whatever its tag, or the unfenced text; arguments may be written as a call of f. */
function bare(answer: string, fences: FencedBlock[], name: BlockName): string | undefined {
  const only = fences.length === 1 ? fences[0]!.text : answer;
  if (only.includes("```")) return undefined;
  const text = only.trim();
  const call = name === "input" ? /^f\(([\s\S]*)\)$/.exec(text) : null;
  return call === null ? text : call[1];
}

export const paperFormat: Format = {
  name: "paper",
  version,
  messages: true,
  prompt(template: string, values: TemplateValues) {
    const write = (name: string, text: string): string => fence(fenceTag(name), text);
    const { text, literal } = renderTemplate(loadTemplate(version, template), tidyValues(values), write);
    const body = text.trimEnd();
    const whole = renderTemplate(loadTemplate(version, "wrapper"), { body }, write);
    // Of the body only what stands in it as a value is not the template's own.
    const start = whole.literal[0]![0];
    return { ...whole, literal: literal.map(([from, to]): Stretch => [start + Math.min(from, body.length), start + Math.min(to, body.length)]) };
  },
  parse,
  completion: (blocks, thought = "") =>
    `${thought}</think>\n<answer>\n${blocks.map(({ name, text }) => fence(fenceTag(name), tidy(name, text))).join("\n")}\n</answer>`,
  carries: (text) => !/<\/?(?:think|answer)>/.test(text),
};
