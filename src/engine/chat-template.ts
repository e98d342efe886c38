// A model's chat template: from messages to the text of a prompt, as transformers' apply_chat_template writes it. The template lies in
// chat_template.jinja, tokenizer_config.json or chat_template.json of a folder, or in a GGUF file. What it gives is encoded as it is:
// begin tokens are in it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Template } from "@huggingface/jinja";
import { AzrError } from "../errors.ts";
import { isGguf, readGguf } from "./gguf.ts";
import { tokenizerConfigFromGguf } from "./gguf-tokenizer.ts";
import { readModelText } from "./model-file.ts";
import { tokenizerFault } from "./tokenizer-fault.ts";

export interface ChatMessage {
  /** Mostly "system", "user" or "assistant"; the template decides. */
  role: string;
  content: string;
  /** What else the template reads, such as tool_calls. */
  [key: string]: unknown;
}

export interface ChatOptions {
  /** Whether the beginning of an answer follows the messages. Default true. */
  addGenerationPrompt?: boolean;
  /** Descriptions of tools (JSON schemas of functions), for templates that know them. */
  tools?: unknown[];
  /** The day (UTC) that templates are told which ask for the date. Default: none, see loadChatTemplate. */
  today?: Date;
  /** More names for the template, such as enable_thinking (Qwen3). */
  variables?: Record<string, unknown>;
}

type Settings = Record<string, unknown>;

const roles = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

function readFile<Result>(path: string, read: (text: string) => Result): Result {
  try {
    return read(readModelText(path));
  } catch (cause) {
    throw tokenizerFault(`${path} cannot be read: ${(cause as Error).message}`, "Take the file anew from where the model came from.", cause);
  }
}

function readJson(path: string): Settings {
  if (!existsSync(path)) return {};
  return readFile(path, (text) => {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Settings;
    throw new Error("it does not hold an object");
  });
}

function readSettings(place: string): Settings {
  if (isGguf(place)) return tokenizerConfigFromGguf(readGguf(place).metadata, place);
  const settings = readJson(join(place, "tokenizer_config.json"));
  const jinja = join(place, "chat_template.jinja");
  if (existsSync(jinja)) return { ...settings, chat_template: readFile(jinja, (text) => text) };
  return settings["chat_template"] === undefined ? { ...settings, ...readJson(join(place, "chat_template.json")) } : settings;
}

// Some models have several templates by name.
function chooseTemplate(value: unknown, tools: boolean, place: string): string {
  const named = Array.isArray(value) ? (value as Array<{ name?: unknown; template?: unknown } | null>) : [];
  const find = (name: string) => named.find((entry) => entry?.name === name)?.template;
  const chosen = Array.isArray(value) ? ((tools ? find("tool_use") : undefined) ?? find("default")) : value;
  if (typeof chosen === "string") return chosen;
  throw new AzrError("AZR_INPUT_INVALID", `The model in ${place} has no chat template.`, { hint: "Give the prompt as plain text (without --chat), or use a model that was trained to chat." });
}

// The package gives templates the clock of the machine; this puts ours in its place (the line break goes with the tag).
const ownClock = "{% set strftime_now = strftime_of_day %}\n";

/** The day that templates are told which ask without a way out: that of Llama 3.2's own fallback. */
const fixedDay = new Date("2024-07-26T00:00:00Z");

// Python's strftime, for what dates in templates need.
function strftime(day: Date): (format: string) => string {
  const pad = (value: number) => String(value).padStart(2, "0");
  const name = (options: Intl.DateTimeFormatOptions) => day.toLocaleDateString("en-US", { ...options, timeZone: "UTC" });
  const parts: Record<string, () => string> = {
    Y: () => String(day.getUTCFullYear()),
    m: () => pad(day.getUTCMonth() + 1),
    d: () => pad(day.getUTCDate()),
    H: () => pad(day.getUTCHours()),
    M: () => pad(day.getUTCMinutes()),
    S: () => pad(day.getUTCSeconds()),
    b: () => name({ month: "short" }),
    B: () => name({ month: "long" }),
    a: () => name({ weekday: "short" }),
    A: () => name({ weekday: "long" }),
    "%": () => "%",
  };
  return (format) =>
    format.replace(/%(.)/g, (all, letter: string) => {
      if (!Object.hasOwn(parts, letter)) throw new Error(`the date format ${all} is not known`);
      return parts[letter]!();
    });
}

function compile(source: string, place: string): Template {
  try {
    return new Template(ownClock + source);
  } catch (cause) {
    throw tokenizerFault(`The chat template in ${place} cannot be read: ${(cause as Error).message}`, "Take the model's files anew, or give the prompt as plain text.", cause);
  }
}

/** Special tokens come as a text or as an object that holds it. */
const tokenText = (value: unknown): unknown => (typeof value === "object" && value !== null ? (value as Settings)["content"] : value);

export type ChatTemplate = (messages: readonly ChatMessage[], options?: ChatOptions) => string;

/**
 * Reads the chat template of a model: a folder's, or a GGUF file's. The function that it gives throws AZR_INPUT_INVALID where the model has
 * no template or the template refuses the messages. Unless `today` says it, templates learn of no date, so that a prompt is the same each day: Llama 3.2's
 * then uses its own, and one that cannot do without is told that same day, 26 July 2024.
 * @throws AzrError AZR_TOKENIZER_FORMAT (files that cannot be read), AZR_MODEL_FORMAT (damaged GGUF file)
 */
export function loadChatTemplate(place: string): ChatTemplate {
  const settings = readSettings(place);
  const compiled = new Map<string, Template>();
  const tokens = Object.fromEntries(roles.flatMap((role) => (typeof tokenText(settings[role]) === "string" ? [[role, tokenText(settings[role])]] : [])));
  return (messages, { addGenerationPrompt = true, tools, today, variables = {} } = {}) => {
    if (messages.length === 0) throw new AzrError("AZR_INPUT_INVALID", "A conversation needs at least one message.", { hint: "Give the user's message." });
    const source = chooseTemplate(settings["chat_template"], tools !== undefined, place);
    const template = compiled.get(source) ?? compile(source, place);
    compiled.set(source, template);
    const day = today ?? (/strftime_now\s+is\s+(not\s+)?defined/.test(source) ? undefined : fixedDay);
    const names = { ...(day && { strftime_of_day: strftime(day) }), ...tokens, messages, tools: tools ?? null, documents: null, add_generation_prompt: addGenerationPrompt, ...variables };
    try {
      return template.render(names);
    } catch (cause) {
      throw new AzrError("AZR_INPUT_INVALID", `The chat template of the model in ${place} does not take these messages: ${(cause as Error).message}`, {
        hint: "Change the roles or their order as the template asks; some models take no system message, or want user and assistant to alternate.",
        cause,
      });
    }
  };
}
