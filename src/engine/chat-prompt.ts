// The token ids of a conversation: special tokens come from the chat template alone. What the messages say, be it <|im_end|>, is encoded as ordinary
// text. A template gives one string, so it is rendered twice, the second time with private characters in the messages: where they come out is content.
import { AzrError } from "../errors.ts";
import type { ChatMessage, ChatOptions, ChatTemplate } from "./chat-template.ts";
import { standIns, withStandIns, withoutStandIns } from "./tokenizer-literal.ts";
import type { EncodeOptions, Tokenizer } from "./tokenizer.ts";

/** What encodeChat needs of a tokenizer. */
export interface ChatTokenizer<Ids> extends Pick<Tokenizer, "marks" | "specialTokens"> {
  encode(text: string, options?: EncodeOptions): Ids;
}

type Change = (text: string) => string;

// What templates compare: roles, types and names. No mark is made of such characters alone.
const plainWord = /^[\w.-]*$/;
const prose = new Set(["content", "text", "reasoning_content"]);

function changed(value: unknown, change: Change, key = ""): unknown {
  if (typeof value === "string") return plainWord.test(value) && !prose.has(key) ? value : change(value);
  if (Array.isArray(value)) return value.map((entry) => changed(entry, change, key));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [plainWord.test(name) ? name : change(name), changed(entry, change, name)]));
}

function stringsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.entries(value).flatMap(([name, entry]) => [name, ...stringsOf(entry)]) : [];
}

// Templates look for tags such as </think> in messages: then such a tag may stay as it is, where it is no special token.
const tags = /(<\/?[a-z_]+>)/;

function besideTags(change: Change, specialTokens: ReadonlyMap<string, number>): Change {
  const stays = (part: string) => tags.test(part) && (!specialTokens.has(part) || part.includes("think"));
  return (text) => text.split(tags).map((part) => (stays(part) ? part : change(part))).join("");
}

/**
 * The ids of a conversation as the template writes it, begin tokens included: those that transformers' apply_chat_template gives, save that messages
 * hold no special tokens. A <think> or </think> that the template itself looks for in an assistant's message counts as the template's.
 * @throws AzrError AZR_INPUT_INVALID as the template does, and where a template so changes a text with special tokens in it that it cannot be followed
 */
export function encodeChat<Ids>(template: ChatTemplate, tokenizer: ChatTokenizer<Ids>, messages: readonly ChatMessage[], options: ChatOptions = {}): Ids {
  const text = template(messages, options);
  const given = [...stringsOf(messages), ...stringsOf(options.tools)];
  const marks = [...tokenizer.marks.keys()];
  const chosen = standIns(marks.join("").replace(/\s/g, ""), [text, ...given]);
  const hide: Change = (part) => withStandIns(part, chosen);
  const hideMost = besideTags(hide, tokenizer.specialTokens);
  const ways: Array<(message: ChatMessage) => Change> = [() => hide, ({ role }) => (role === "assistant" ? hideMost : hide), () => hideMost];
  for (const way of ways) {
    const hidden = messages.map((message) => changed(message, way(message)) as ChatMessage);
    const rendered = attempt(() => template(hidden, options.tools === undefined ? options : { ...options, tools: changed(options.tools, hide) as unknown[] }));
    const found = withoutStandIns(rendered, chosen);
    if (found.text === text) return tokenizer.encode(text, { literal: found.spans });
  }
  const mark = marks.find((content) => given.some((part) => part.includes(content)));
  if (mark === undefined) return tokenizer.encode(text);
  throw new AzrError("AZR_INPUT_INVALID", `A message holds ${JSON.stringify(mark)}, and the model's chat template changes messages in ways that cannot be followed.`, {
    hint: "Take it out of the message; what it stands for would otherwise become part of the conversation's structure.",
  });
}

// A template may refuse what it is given the second time.
function attempt(render: () => string): string {
  try {
    return render();
  } catch {
    return "";
  }
}
