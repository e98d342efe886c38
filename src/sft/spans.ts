// From a line of data to the stretches of its text: which of them are trained. Three shapes: prompt and response, a conversation, a text.
// Where an answer begins and ends in a conversation is found by writing its beginnings with the model's own chat template.
import * as z from "zod";
import type { ChatMessage, ChatTemplate } from "../engine/chat-template.ts";
import { AzrError } from "../errors.ts";
import { describeIssues } from "../jsonl.ts";
import type { SftConfig } from "./config.ts";

/** A stretch of text. */
export interface Span {
  text: string;
  trained: boolean;
}

export interface Example {
  spans: Span[];
  /** Whether a begin token and an end token are still to be added; a chat template has written its own. */
  plain: boolean;
}

export interface SpanOptions extends Pick<SftConfig["data"], "trainOn" | "promptAs" | "responseMarker" | "unknownFields"> {
  template: ChatTemplate;
  /** Texts of the tokens that end an answer. */
  endTexts: readonly string[];
  /** Texts of all special tokens. */
  marks: readonly string[];
}

const message = z.looseObject({ role: z.string().min(1), content: z.string() });
const shapes = {
  messages: z.strictObject({ messages: z.array(message).min(1), tools: z.array(z.unknown()).optional() }),
  text: z.strictObject({ text: z.string() }),
  prompt: z.strictObject({ prompt: z.string(), response: z.string() }),
};

/** For a line that is no row; the reader names file and line. */
const badRow = (message: string) => new AzrError("AZR_INPUT_INVALID", message);

function parse<Value>(schema: z.ZodObject, value: object, unknownFields: SpanOptions["unknownFields"]): Value {
  const checked = (unknownFields === "ignore" ? schema.strip() : schema).safeParse(value);
  if (!checked.success) throw badRow(describeIssues(checked.error));
  return checked.data as Value;
}

/** The stretches of one line's value. Throws AZR_INPUT_INVALID for what is no row, as the template does. */
export function spansOf(value: unknown, options: SpanOptions): Example {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badRow("expected an object");
  const { trainOn, promptAs, responseMarker, unknownFields } = options;
  if ("messages" in value) {
    const { messages, tools } = parse<{ messages: ChatMessage[]; tools?: unknown[] }>(shapes.messages, value, unknownFields);
    return { spans: conversation(messages, tools, options), plain: false };
  }
  if ("text" in value) {
    const { text } = parse<{ text: string }>(shapes.text, value, unknownFields);
    const at = responseMarker === "" ? -1 : text.indexOf(responseMarker);
    if (responseMarker !== "" && at < 0) throw badRow(`the text does not hold ${JSON.stringify(responseMarker)} (data.responseMarker)`);
    const begin = at < 0 ? 0 : at + responseMarker.length;
    return { spans: [{ text: text.slice(0, begin), trained: trainOn === "all" }, { text: text.slice(begin), trained: true }], plain: true };
  }
  if (!("prompt" in value || "response" in value)) throw badRow('expected {"prompt", "response"}, {"messages"} or {"text"}');
  const { prompt, response } = parse<{ prompt: string; response: string }>(shapes.prompt, value, unknownFields);
  if (promptAs === "chat") {
    const messages = [{ role: "user", content: prompt }, { role: "assistant", content: response }];
    return { spans: conversation(messages, undefined, options), plain: false };
  }
  return { spans: [{ text: prompt, trained: trainOn === "all" }, { text: response, trained: true }], plain: true };
}

function conversation(messages: ChatMessage[], tools: unknown[] | undefined, options: SpanOptions): Span[] {
  const { template, trainOn } = options;
  const write = (count: number, addGenerationPrompt: boolean) => template(messages.slice(0, count), { addGenerationPrompt, ...(tools && { tools }) });
  const whole = write(messages.length, false);
  if (trainOn === "all") return [{ text: whole, trained: true }];
  const turns = messages.flatMap(({ role }, index) => (role === "assistant" ? [index] : []));
  const spans: Span[] = [];
  let at = 0;
  for (const index of trainOn === "last" ? turns.slice(-1) : turns) {
    const [begin, end] = answerOf(whole, index === 0 ? "" : write(index, true), write(index + 1, false), options, index);
    if (begin < at) throw badRow(`the chat template writes message ${index + 1} where an earlier one stands`);
    spans.push({ text: whole.slice(at, begin), trained: false }, { text: whole.slice(begin, end), trained: true });
    at = end;
  }
  spans.push({ text: whole.slice(at), trained: false });
  return spans;
}

/**
 * Where an answer stands: after what the sampler is given, `before`, up to where the conversation so far, `after`, ends. White space behind
 * the last special token belongs to the template. Some templates write the last answer in another way than earlier ones: then it ends with
 * the first end token.
 */
function answerOf(whole: string, before: string, after: string, { endTexts, marks }: SpanOptions, index: number): [begin: number, end: number] {
  const cannot = (why: string) => badRow(`message ${index + 1} cannot be told apart in what the chat template writes: ${why}`);
  if (!whole.startsWith(before)) throw cannot("it writes the messages before it in another way when it asks for an answer");
  const begin = before.length;
  if (whole.startsWith(after) && after.length >= begin) {
    const text = after.trimEnd();
    return [begin, text.length > begin && marks.some((mark) => text.endsWith(mark)) ? text.length : after.length];
  }
  const ends = endTexts.map((text) => [whole.indexOf(text, begin), text.length] as const).filter(([at]) => at >= 0).map(([at, length]) => at + length);
  if (ends.length === 0) throw cannot("no end token follows");
  return [begin, Math.min(...ends)];
}
