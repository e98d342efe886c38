// Lines of `azr score`: ids, texts, and responses given their prompts; and what is wrong with a line. Uses openEngine, so it runs alone.
import t from "tap";
import { loadTokenizer } from "../src/engine/tokenizer.ts";
import { seedlingFolder } from "../src/engine/resolve-model.ts";
import { scoreJsonl } from "../src/score-jsonl.ts";
import type { ScoreAnswer } from "../src/score-jsonl.ts";

const encode = (text: string) => [...loadTokenizer(seedlingFolder()).encode(text)];

async function score(...lines: object[]) {
  const answers: ScoreAnswer[] = [];
  const bad: Record<number, string> = {};
  async function* source() {
    yield lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  }
  await scoreJsonl({ model: "seedling", threads: 1, source: source(), onAnswer: (answer) => void answers.push(answer), onBadLine: ({ line, error }) => void (bad[line] = error) });
  return { answers, bad };
}

t.test("ids, a text and a response give the same numbers", async (t) => {
  const [prompt, response] = ["<|deduce|><|program|>def f(a):\n    return a[::-1]<|input|>[1, 2]<|output|>", "[2, 1]"];
  const tokens = encode(prompt + response);
  const { answers, bad } = await score({ id: 1, tokens }, { id: 2, text: prompt + response }, { id: 3, prompt, response }, { id: 4, prompt: "", response: prompt });
  t.same(bad, {});
  const [ids, text, answer, all] = answers;
  t.same(Object.keys(ids!), ["id", "logprobs"]);
  t.same(text, { id: 2, tokens, logprobs: ids!.logprobs });
  t.same(answer!.tokens, encode(response));
  t.same(answer!.logprobs, ids!.logprobs.slice(-encode(response).length));
  t.equal(all!.logprobs.length, all!.tokens!.length - 1, "a first token has nothing before it");
});

t.test("what is wrong with a line", async (t) => {
  const { answers, bad } = await score(
    { id: 1 }, { id: 2, text: "a", tokens: [1, 2] }, { id: 3, prompt: "a" }, { id: 4, tokens: [2] }, { id: 5, prompt: "a", response: "" }, { id: 6, tokens: [2, 1e6] }, { id: 7, text: "a ".repeat(600) }, { tokens: [1, 2] },
  );
  t.same(answers, []);
  const says = [/give "tokens", "text", or/, /give "tokens", "text", or/, /belong together/, /at least two tokens/, /response has no tokens|at least two/, /tokens\[1\]: expected at most 330/, /more than the 512 that the model takes/, /id is missing/];
  for (const [index, text] of says.entries()) t.match(bad[index + 1], text, `line ${index + 1}`);
});
