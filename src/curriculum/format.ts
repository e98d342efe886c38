// A format turns named blocks into prompt text and a response back into blocks. Kinds (kinds/*.ts) say which blocks they
// need and never see markers or fences; formats/compact.ts serves the seedling, formats/paper.ts larger models.
// Both read their templates from prompts/NAME-vN/*.txt through template.ts.

import { AzrError } from "../errors.ts";
import { compactFormat } from "./formats/compact.ts";
import { paperFormat } from "./formats/paper.ts";
import type { Stretch, TemplateValues } from "./template.ts";

/** A kind of your own may name further blocks: lower-case letters, which become the marker or the tag of the fence. */
export type BlockName = "program" | "input" | "output" | "error" | "message" | (string & {});

/** Text to feed to the model. */
export interface Prompt {
  /** The whole prompt; it ends with `prefill`. */
  text: string;
  /** The tag that the prompt opened for the model, such as `<think>`. Parsers want `prefill + completion`. */
  prefill: string;
  /** Stretches of the text that models wrote (programs, values, messages): they stay text, even where they spell a special token. Default: none. */
  literal?: readonly Stretch[];
}

/** What a response has to hold, in this order. */
export interface ResponseShape {
  role: "propose" | "solve";
  blocks: { name: BlockName; count?: number }[];
  /** The response may also carry one message block. Ignored by formats whose `messages` is false. */
  message?: boolean;
}

export type Blocks = Partial<Record<BlockName, string[]>>;

/**
 * `wrapper`: the outer form is not kept (think and answer tags, end marker). `malformed`: the outer form is kept, but a
 * block is missing. `too-few-inputs`: some input blocks are there, fewer than asked for.
 */
export type FormatFailure = "wrapper" | "malformed" | "too-few-inputs";

export type ParsedResponse = { ok: true; blocks: Blocks } | { ok: false; reason: FormatFailure; detail: string };

/**
 * Versions of the prompts. A version never changes once a run has used it. `v1-swapped` is v1 with the sentence on difficulty of the abduction proposer
 * in the deduction proposer's prompt and the other way round, as the paper's authors have it; formats without such a sentence have v1 for it.
 */
export const promptVersions = ["v1", "v1-swapped"] as const;
export type PromptVersion = (typeof promptVersions)[number];

export interface Format {
  readonly name: string;
  /** Name of the folder of prompt files, such as `compact-v1`: recorded with a run. */
  readonly version: string;
  /** The same format with another version of the prompts, one of `promptVersions`. Absent: it has one. */
  withPrompts?(version: PromptVersion): Format;
  /** Whether proposals of this format may carry a message. */
  readonly messages: boolean;
  /** Renders the template of that name (`propose-deduction`, `solve-induction` ...). Throws AZR_INTERNAL for an unknown one. */
  prompt(template: string, values: TemplateValues): Prompt;
  /** Reads the blocks out of `prefill + completion`, special tokens decoded to their text. */
  parse(text: string, shape: ResponseShape): ParsedResponse;
  /** A well-formed completion (what follows the prefill) with these blocks in order: `parse` reads them back. For corpora and tests. */
  completion(blocks: { name: BlockName; text: string }[], thought?: string): string;
  /** Texts that the model's vocabulary has to hold as one token each for tasks of this kind, such as `<|input|>`. Absent: it needs none. */
  markers?(kind: string): string[];
  /** Whether the text can stand in a block of a prompt or a response and be read back: false when it holds this format's markers. */
  carries(text: string): boolean;
}

const formats = new Map<string, Format>([compactFormat, paperFormat].map((format) => [format.name, format]));

/** Adds a format, or replaces the one of that name. */
export function registerFormat(format: Format): void {
  formats.set(format.name, format);
}

/** The format of that name, with a version of its prompts (default: the newest). Throws AZR_CONFIG_INVALID, naming those that exist. */
export function formatNamed(name: string, prompts?: PromptVersion): Format {
  const format = formats.get(name);
  if (format === undefined) {
    throw new AzrError("AZR_CONFIG_INVALID", `There is no prompt format named "${name}".`, {
      hint: `Use one of: ${[...formats.keys()].join(", ")}.`,
    });
  }
  return prompts === undefined ? format : (format.withPrompts?.(prompts) ?? format);
}
