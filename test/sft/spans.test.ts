// Which text of a row is trained: prompts, texts with a marker, and conversations as the templates of several families write them.
import t from "tap";
import { loadChatTemplate } from "../../src/engine/chat-template.ts";
import type { ChatTemplate } from "../../src/engine/chat-template.ts";
import { loadTokenizer } from "../../src/engine/tokenizer.ts";
import { createStore, rowOf } from "../../src/sft/row.ts";
import { type SpanOptions, spansOf } from "../../src/sft/spans.ts";
import { smolLm2 } from "../engine/support/smollm.ts";
import { packagedTokenizer } from "../engine/support/tokenizer-sources.ts";

const folder = t.testdir({
  // Turns between marks, as of ChatML; a line break that belongs to no turn.
  marks: { "chat_template.jinja": "{% for m in messages %}<|start|>{{ m.role }}\n{{ m.content }}<|stop|>\n{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}" },
  // Questions in brackets, an end token behind each answer, as of Mistral; the assistant has no mark before its turn.
  brackets: { "chat_template.jinja": "<s>{% for m in messages %}{% if m.role == 'user' %}[Q]{{ m.content }}[/Q]{% else %}{{ m.content }}</s>{% endif %}{% endfor %}" },
  // Thoughts stand in the last answer only, as of Qwen3.
  thoughts: { "chat_template.jinja": "{% for m in messages %}<|start|>{{ m.role }}\n{% if loop.last and m.role == 'assistant' %}<think></think>{% endif %}{{ m.content }}<|stop|>\n{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}" },
  // Says something else when it asks for an answer.
  fickle: { "chat_template.jinja": "{% if add_generation_prompt %}now: {% endif %}{% for m in messages %}{{ m.content }}{% endfor %}" },
});

const defaults: SpanOptions = {
  trainOn: "response", promptAs: "text", responseMarker: "", unknownFields: "error",
  template: loadChatTemplate(`${folder}/marks`), endTexts: ["<|stop|>"], marks: ["<|start|>", "<|stop|>"],
};
/** The spans as one text, the trained ones in «guillemets». */
const shown = (value: unknown, options: Partial<SpanOptions> = {}) =>
  spansOf(value, { ...defaults, ...options }).spans.map(({ text, trained }) => (trained ? `«${text}»` : text)).join("");

const messages = [{ role: "user", content: "a" }, { role: "assistant", content: "b" }, { role: "user", content: "c" }, { role: "assistant", content: "d\n" }];
const brackets: Partial<SpanOptions> = { template: loadChatTemplate(`${folder}/brackets`), endTexts: ["</s>"], marks: ["<s>", "</s>"] };
const thoughts: Partial<SpanOptions> = { template: loadChatTemplate(`${folder}/thoughts`) };

t.test("what is trained", async (t) => {
  const cases: [name: string, value: unknown, options: Partial<SpanOptions>, text: string][] = [
    ["a response", { prompt: "p", response: "r" }, {}, "p«r»"],
    ["all of a row", { prompt: "p", response: "r" }, { trainOn: "all" }, "«p»«r»"],
    ["a row as a chat", { prompt: "p", response: "r" }, { promptAs: "chat" }, "<|start|>user\np<|stop|>\n<|start|>assistant\n«r<|stop|>»\n"],
    ["a text", { text: "t" }, {}, "«t»"],
    ["a text from a marker on", { text: "q ### a ### b" }, { responseMarker: "###" }, "q ###« a ### b»"],
    ["every turn of the assistant", { messages }, {}, "<|start|>user\na<|stop|>\n<|start|>assistant\n«b<|stop|>»\n<|start|>user\nc<|stop|>\n<|start|>assistant\n«d\n<|stop|>»\n"],
    ["the last turn", { messages }, { trainOn: "last" }, "<|start|>user\na<|stop|>\n<|start|>assistant\nb<|stop|>\n<|start|>user\nc<|stop|>\n<|start|>assistant\n«d\n<|stop|>»\n"],
    ["another family", { messages }, brackets, "<s>[Q]a[/Q]«b</s>»[Q]c[/Q]«d\n</s>»"],
    ["answers that are written in two ways", { messages }, thoughts, "<|start|>user\na<|stop|>\n<|start|>assistant\n«b<|stop|>»\n<|start|>user\nc<|stop|>\n<|start|>assistant\n«<think></think>d\n<|stop|>»\n"],
    ["fields that are ignored", { prompt: "p", response: "r", id: 7 }, { unknownFields: "ignore" }, "p«r»"],
  ];
  for (const [name, value, options, text] of cases) t.equal(shown(value, options).replaceAll("»«", "»«"), text, name);
});

t.test("what is no row", async (t) => {
  const cases: [value: unknown, message: RegExp, options?: Partial<SpanOptions>][] = [
    [[], /expected an object/],
    [{ id: 1 }, /expected \{"prompt", "response"\}/],
    [{ prompt: "p" }, /^response is missing/],
    [{ prompt: "p", response: 1 }, /response: expected a text/],
    [{ prompt: "p", response: "r", id: 7 }, /unknown field "id"/],
    [{ text: 3 }, /text: /],
    [{ text: "t" }, /does not hold "###"/, { responseMarker: "###" }],
    [{ messages: [] }, /messages/],
    [{ messages: [{ role: "user" }] }, /messages\[0\]\.content is missing/],
    [{ messages }, /told apart/, { template: loadChatTemplate(`${folder}/fickle`) }],
  ];
  for (const [value, message, options] of cases) t.throws(() => shown(value, options), { code: "AZR_INPUT_INVALID", message }, JSON.stringify(value));
});

const conversation = [
  { role: "user", content: "What is 2 + 2?" },
  { role: "assistant", content: "It is 4." },
  { role: "user", content: "And 3 + 3?" },
  { role: "assistant", content: "6" },
];
const real: [name: string, find: () => Promise<{ path?: string; reason?: string }>, end: string][] = [
  ["smollm2", smolLm2, "<|im_end|>"],
  ["qwen3", () => packagedTokenizer("qwen3"), "<|im_end|>"],
  ["llama3.2", () => packagedTokenizer("llama3.2"), "<|eot_id|>"],
];
for (const [name, find, end] of real) {
  const found = await find();
  t.test(`${name}: the tokens that are trained are the answers with their end`, { skip: found.reason ?? false }, async (t) => {
    const tokenizer = loadTokenizer(found.path!);
    const template: ChatTemplate = loadChatTemplate(found.path!);
    const options = { ...defaults, template, endTexts: [end], marks: [...tokenizer.marks.keys()] };
    const { row } = rowOf(spansOf({ messages: conversation }, options), { encode: tokenizer.encode, endToken: undefined, maxTokens: Infinity, keep: createStore() });
    const { tokens, trained } = row!;
    const parts = Array.from({ length: trained.length / 2 }, (_, at) => tokenizer.decode(tokens.subarray(trained[2 * at], trained[2 * at + 1])));
    t.equal(parts.length, 2);
    t.equal(parts[0], `It is 4.${end}`);
    t.match(parts[1], new RegExp(`^(<think>\\s*</think>\\s*)?6${end.replaceAll("|", "\\|")}$`));
    const whole = tokenizer.encode(template(conversation, { addGenerationPrompt: false }));
    t.same(tokens, whole.subarray(0, tokens.length), "the ids are those of the whole text");
    t.same(tokenizer.encode(template(conversation.slice(0, 3))), tokens.subarray(0, trained[2]), "and begin as the sampler's prompt does");
  });
}
