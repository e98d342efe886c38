// Chat templates of real models: the texts that transformers gives for the same conversations (test/truth/make_chat_truth.py); where templates lie; and
// what is refused.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { loadChatTemplate } from "../../src/engine/chat-template.ts";
import type { ChatMessage } from "../../src/engine/chat-template.ts";
import { smolLm2 } from "./support/smollm.ts";
import { packagedTokenizer, sources, wheelFile } from "./support/tokenizer-sources.ts";
import type { Found } from "./support/tokenizer-sources.ts";

interface Conversation {
  messages: ChatMessage[];
  addGenerationPrompt?: boolean;
  tools?: unknown[];
  variables?: Record<string, unknown>;
}

const fixture = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, "fixtures", name), "utf8"));
const conversations = fixture("chat-conversations.json") as Conversation[];
const { texts } = fixture("chat-truth.json") as { texts: Record<string, (string | null)[]> };

// Mistral's templates come alone: the folder around one is made here.
async function mistral(name: string): Promise<Found> {
  const found = await wheelFile("templates", name);
  if (found.path === undefined) return found;
  const path = t.testdir({ "tokenizer_config.json": JSON.stringify({ bos_token: "<s>", eos_token: { content: "</s>" } }) });
  copyFileSync(found.path, join(path, "chat_template.jinja"));
  return { path };
}

for (const [model, expected] of Object.entries(texts)) {
  const found = model === "smollm2" ? await smolLm2() : model in sources.packages ? await packagedTokenizer(model) : await mistral(model);
  t.test(model, { skip: found.reason ?? false }, async (t) => {
    const template = loadChatTemplate(found.path!);
    t.equal(expected.length, conversations.length);
    for (const [index, { messages, ...options }] of conversations.entries()) {
      const text = expected[index];
      if (text === null) t.throws(() => template(messages, options), { code: "AZR_INPUT_INVALID", hint: /./ }, `conversation ${index} is refused`);
      else t.ok(template(messages, options) === text, `conversation ${index}`, { expected: text, actual: template(messages, options) });
    }
  });
}

const messages = [{ role: "user", content: "a" }];

t.test("where a template lies", async (t) => {
  const folder = t.testdir({
    config: { "tokenizer_config.json": JSON.stringify({ bos_token: { content: "<s>" }, chat_template: "{{ bos_token }}{{ messages[0].content }}" }) },
    file: { "tokenizer_config.json": JSON.stringify({ chat_template: "old" }), "chat_template.jinja": "new" },
    json: { "tokenizer_config.json": "{}", "chat_template.json": JSON.stringify({ chat_template: "json" }) },
    named: { "tokenizer_config.json": JSON.stringify({ chat_template: [{ name: "default", template: "plain" }, { name: "tool_use", template: "tools" }] }) },
  });
  t.equal(loadChatTemplate(join(folder, "config"))(messages), "<s>a");
  t.equal(loadChatTemplate(join(folder, "file"))(messages), "new");
  t.equal(loadChatTemplate(join(folder, "json"))(messages), "json");
  t.equal(loadChatTemplate(join(folder, "named"))(messages), "plain");
  t.equal(loadChatTemplate(join(folder, "named"))(messages, { tools: [] }), "tools");
});

t.test("what is refused", async (t) => {
  const folder = t.testdir({ none: {}, broken: { "tokenizer_config.json": "{" }, syntax: { "chat_template.jinja": "{% if %}" }, raising: { "chat_template.jinja": "{{ raise_exception('only system') }}" } });
  t.throws(() => loadChatTemplate(join(folder, "none"))(messages), { code: "AZR_INPUT_INVALID", message: /no chat template/, hint: /--chat/ });
  t.throws(() => loadChatTemplate(join(folder, "broken")), { code: "AZR_TOKENIZER_FORMAT", message: /tokenizer_config\.json/ });
  t.throws(() => loadChatTemplate(join(folder, "syntax"))(messages), { code: "AZR_TOKENIZER_FORMAT" });
  t.throws(() => loadChatTemplate(join(folder, "raising"))(messages), { code: "AZR_INPUT_INVALID", message: /only system/ });
});

t.test("the date", async (t) => {
  const folder = t.testdir({ "chat_template.jinja": "{{ strftime_now('%A %a %d %b %B %Y-%m-%d %H:%M:%S%%') }}" });
  const today = new Date("2031-03-02T05:06:07Z");
  t.equal(loadChatTemplate(folder)(messages, { today }), "Sunday Sun 02 Mar March 2031-03-02 05:06:07%");
  t.equal(loadChatTemplate(folder)(messages), "Friday Fri 26 Jul July 2024-07-26 00:00:00%");
  writeFileSync(join(folder, "chat_template.jinja"), "{{ strftime_now('%j') }}");
  t.throws(() => loadChatTemplate(folder)(messages), { code: "AZR_INPUT_INVALID", message: /%j/ });
  writeFileSync(join(folder, "chat_template.jinja"), "\n{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% else %}own{% endif %}");
  t.equal(loadChatTemplate(folder)(messages), "\nown");
  t.equal(loadChatTemplate(folder)(messages, { today }), "\n2031");
});
