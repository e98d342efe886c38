// The format of larger models, as in the Absolute Zero paper: the prompt opens a think tag, the response thinks, closes it
// and answers inside answer tags; blocks are fenced. The reading rules follow the reference code where it is sound:
// a proposal's first blocks count (of many inputs the last ones), an answer's last block counts, and a lone
// answer may also come as a comment line, a tag, a phrase, a call or the bare answer.

import type { BlockName, Format, ParsedResponse, PromptVersion, ResponseShape } from "../format.ts";
import { hasTemplate, loadTemplate, renderTemplate, type Stretch, type TemplateValues } from "../template.ts";
import { fence, fencedBlocks, type FencedBlock } from "./fences.ts";
import { tidy, tidyValues } from "./tidy.ts";

/** Where the prompts are that a version of its own folder does not have. */
const base = "paper-v1";

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
  // The last answer counts, but not one of a further turn that the model made up.
  for (let open = response.indexOf("<answer>"); ; ) {
    const close = response.indexOf("</answer>", open);
    if (close === -1) return { reason: "malformed", detail: "the last answer tag is not closed" };
    const next = response.indexOf("<answer>", close);
    const after = response.slice(close, next === -1 ? undefined : next);
    if (next === -1 || /\b(?:User|Assistant):/.test(after)) {
      const answer = response.slice(open, close);
      return { answer: answer.slice(answer.lastIndexOf("<answer>") + "<answer>".length) };
    }
    open = next;
  }
}

function parse(text: string, shape: ResponseShape): ParsedResponse {
  const unwrapped = unwrap(text);
  if ("reason" in unwrapped) return { ok: false, ...unwrapped };
  const { blocks: fences, outside } = fencedBlocks(unwrapped.answer);

  const blocks: Partial<Record<BlockName, string[]>> = {};
  for (const { name, count = 1 } of shape.blocks) {
    const found = read({ fences, outside, name, count, role: shape.role }).map((block) => tidy(name, block));
    if (found.length < count) {
      return found.length > 0
        ? { ok: false, reason: "too-few-inputs", detail: `${found.length} of ${count} inputs` }
        : { ok: false, reason: "malformed", detail: `holds no ${name} block` };
    }
    blocks[name] = found;
  }
  if (shape.message) {
    const message = fences.find((block) => block.tag === "message")?.text ?? tagged(outside, "message") ?? labelled(outside, "message");
    if (message !== undefined) blocks.message = [tidy("message", message)];
  }
  return { ok: true, blocks };
}

interface Wanted {
  fences: FencedBlock[];
  /** The answer without its fenced blocks: a comment within a program is no answer. */
  outside: string;
  name: BlockName;
  count: number;
  role: ResponseShape["role"];
}

/** The blocks of one name that count, at most `count`. */
function read({ fences, outside, name, count, role }: Wanted): string[] {
  const named = fences.filter((block) => block.tag === fenceTag(name)).map((block) => block.text);
  const last = role === "solve";
  if (name === "program") {
    const any = named.length > 0 ? named : fences.filter(({ tag }) => !otherTags.has(tag)).map((block) => block.text);
    return last ? any.slice(-1) : any.slice(0, 1);
  }
  if (named.length > 0 || count > 1) return count > 1 ? named.slice(-count) : last ? named.slice(-1) : named.slice(0, 1);
  const loose = last ? looseAnswer(fences, outside, name) : labelled(outside, name);
  return loose === undefined ? [] : [loose];
}

/** An answer that is in no fence of its own: the only fence of no known sort, a labelled line, a tag, a phrase, or else all there is. */
function looseAnswer(fences: FencedBlock[], outside: string, name: BlockName): string | undefined {
  const [only] = fences;
  const inOnly = (): string | undefined => only && (labelled(only.text, name) ?? called(only.text, name));
  if (fences.length === 1 && !otherTags.has(only!.tag) && !/^py/.test(only!.tag)) return inOnly();
  // A text in quotes may hold a phrase and mean itself.
  if (fences.length === 0 && /^(?:'[^\n]*'|"[^\n]*"|\[[^\n]*\]|\([^\n]*\)|\{[^\n]*\})$/.test(outside.trim())) return outside.trim();
  const told = labelled(outside, name) ?? tagged(outside, name) ?? phrased(outside, name);
  if (told !== undefined) return unquoted(told);
  if (fences.length > 0) return fences.length === 1 ? inOnly() : undefined;
  return outside.includes("```") ? undefined : called(unquoted(outside), name);
}

/** The rest of the last `# Input: ...` line, with or without the mark of a comment. */
function labelled(text: string, name: string): string | undefined {
  return [...text.matchAll(new RegExp(`^[ \\t]*(?:#[ \\t]*)?${name}:[ \\t]*([^\\s][^\\n]*)$`, "gim"))].at(-1)?.[1]!.trimEnd();
}

/** What the last `<input>...</input>` holds. */
function tagged(text: string, name: string): string | undefined {
  const lower = text.toLowerCase();
  const close = lower.lastIndexOf(`</${name}>`);
  const open = close < 0 ? -1 : lower.lastIndexOf(`<${name}>`, close);
  return open < 0 ? undefined : text.slice(open + name.length + 2, close);
}

/** The rest of the line after the last `the input is`, with a colon or not, without a full stop. */
function phrased(text: string, name: string): string | undefined {
  const phrase = `the ${name} is`;
  const lower = text.toLowerCase();
  for (let at = lower.lastIndexOf(phrase); at >= 0; at = at === 0 ? -1 : lower.lastIndexOf(phrase, at - 1)) {
    const rest = /^:?[ \t]*([^\s:][^\n]*)/.exec(text.slice(at + phrase.length, at + phrase.length + longestLine))?.[1];
    if (rest !== undefined && !/\w/.test(text[at - 1] ?? "")) return rest.trimEnd().replace(/\.$/, "");
  }
  return undefined;
}

/** A line that goes on beyond this many characters is no answer in a phrase. */
const longestLine = 65_536;

/** Without the backticks of inline code around all of it. */
function unquoted(text: string): string {
  const inner = /^`([^`]*)`$/.exec(text.trim());
  return inner === null ? text : inner[1]!;
}

/** Arguments may be written as a call of f. */
function called(text: string, name: BlockName): string {
  const whole = text.trim();
  return name === "input" && whole.startsWith("f(") && whole.endsWith(")") ? whole.slice(2, -1) : whole;
}

const paperWith = (prompts: PromptVersion): Format => {
  const version = `paper-${prompts}`;
  const load = (name: string) => loadTemplate(hasTemplate(version, name) ? version : base, name);
  return {
    name: "paper",
    version,
    messages: true,
    withPrompts: paperWith,
    prompt(template: string, values: TemplateValues) {
      const write = (name: string, text: string): string => fence(fenceTag(name), text);
      const { text, literal } = renderTemplate(load(template), tidyValues(values), write);
      const body = text.trimEnd();
      const whole = renderTemplate(load("wrapper"), { body }, write);
      // Of the body only what stands in it as a value is not the template's own.
      const start = whole.literal[0]![0];
      return { ...whole, literal: literal.map(([from, to]): Stretch => [start + Math.min(from, body.length), start + Math.min(to, body.length)]) };
    },
    parse,
    completion: (blocks, thought = "") =>
      `${thought}</think>\n<answer>\n${blocks.map(({ name, text }) => fence(fenceTag(name), tidy(name, text))).join("\n")}\n</answer>`,
    carries: (text) => !/<\/?(?:think|answer)>/.test(text),
  };
};

export const paperFormat: Format = paperWith("v1");
