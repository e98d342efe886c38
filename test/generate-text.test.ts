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
  const [answer] = await generateText({ model: folder, threads: 1, prompts: ["len(a)"], chat: true, system: "sum(a)", maxTokens: 1 });
  t.same(answer!.promptTokens, ids("<|deduce|>sum(a)<|deduce|>len(a)<|output|>"), "after a message of the system");
});

t.test("what cannot be asked for is told before the model is opened", async (t) => {
  const cases: [wrong: unknown, message: RegExp][] = [
    [undefined, /an object for the request/], [{}, /prompts/], [{ prompts: "len(a)" }, /prompts/], [{ prompts: [3] }, /prompts/], [{ prompts: ["a"], stop: "b" }, /stop/],
    [{ prompts: ["a"], samples: 0 }, /samples/], [{ prompts: ["a"], samples: 1.5 }, /samples/], [{ prompts: ["a"], samples: 1e15 }, /2\^20 completions/],
    [{ prompts: ["a"], model: 3 }, /model/], [{ prompts: ["a"], model: undefined }, /model/],
  ];
  for (const [wrong, message] of cases) {
    const options = typeof wrong === "object" ? { model: folder, maxTokens: 1, ...wrong } : wrong;
    await t.rejects(generateText(options as never), { code: "AZR_INPUT_INVALID", message }, String(message));
  }
  t.same(await generateText({ model: folder, threads: 1, prompts: [] }), [], "no prompts, no completions");
});

t.test("more tokens than the model takes", async (t) => {
  const ask = (prompt: string, maxTokens: number) => generateText({ model: folder, threads: 1, prompts: [prompt], maxTokens });
  await t.rejects(ask("len(a)", 600), { code: "AZR_INPUT_INVALID", message: /600 more are more than the 512/, hint: /at most 5\d\d tokens \(--max-tokens\)/ });
  await t.rejects(ask("len(a) ".repeat(400), 1), { code: "AZR_INPUT_INVALID", hint: "Shorten the prompt." });
});
