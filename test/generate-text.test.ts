// Prompts of `azr generate`: as they are, after a begin token where the tokenizer has one, or by a chat template. Uses openEngine, so it runs alone.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { generateText } from "../src/generate-text.ts";
import { seedlingFolder } from "../src/engine/resolve-model.ts";
import { loadTokenizer } from "../src/engine/tokenizer.ts";

const folder = t.testdir({});
cpSync(seedlingFolder(), folder, { recursive: true });
const tokenizer = loadTokenizer(folder);
const ids = (text: string) => [...tokenizer.encode(text)];
const promptTokens = async (chat: boolean, prompt = "len(a)") => (await generateText({ model: folder, threads: 1, prompts: [prompt], chat, maxTokens: 1 }))[0]!.promptTokens;

t.test("a prompt as it is", async (t) => {
  t.same(await promptTokens(false), ids("len(a)"), "no begin token where the file has none");
  const path = join(folder, "tokenizer.json");
  const file = JSON.parse(readFileSync(path, "utf8"));
  const begin = tokenizer.specialTokenId("<|program|>");
  const single = [{ SpecialToken: { id: "<|program|>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }];
  writeFileSync(path, JSON.stringify({ ...file, post_processor: { type: "TemplateProcessing", single, pair: [], special_tokens: { "<|program|>": { id: "<|program|>", ids: [begin], tokens: ["<|program|>"] } } } }));
  t.same(await promptTokens(false), [begin, ...ids("len(a)")]);
  t.same(await promptTokens(false, "<|program|>len(a)"), [begin, ...ids("len(a)")], "not twice");
});

t.test("a prompt as a message", async (t) => {
  await t.rejects(promptTokens(true), { code: "AZR_INPUT_INVALID", message: /no chat template/ });
  writeFileSync(join(folder, "chat_template.jinja"), "{% for m in messages %}<|deduce|>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|output|>{% endif %}");
  t.same(await promptTokens(true), ids("<|deduce|>len(a)<|output|>"), "with the begin tokens of the template and no others");
});
