// The right answers of an evaluation as rows for supervised training.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { answerRows, type AnswerRow, writeRows } from "../../src/eval/answer-rows.ts";
import type { AnswerOutcome } from "../../src/eval/evaluate.ts";
import { evaluateModel } from "../../src/eval/evaluate-model.ts";
import { fakeEngine, fakeExecutor, fakeTokenizer } from "../../src/testing/index.ts";

const codec = fakeTokenizer();
const stopTokens = [codec.specialTokenId("<|end|>")];
const right = (text: string): AnswerOutcome => ({ verdict: "correct", text });
const wrong: AnswerOutcome = { verdict: "wrong", text: "3<|end|>" };

t.test("which answers become rows", async (t) => {
  const prompt = { text: "<|deduce|>p<|output|>", prefill: "<|output|>" };
  const rows = (samples: AnswerOutcome[], greedy = wrong, perTask = 3) =>
    answerRows(prompt, { id: "a", kind: "deduction", greedy, samples }, { codec, stopTokens, perTask }).map(({ response }) => response);
  t.same(rows([wrong, right("1<|end|>"), right("2<|end|>"), right("1<|end|>")]), ["1", "2"], "right and different ones, without their end");
  t.same(rows([right("1<|end|>")], right("0<|end|>")), ["1", "0"], "the greedy one last");
  t.same(rows([right("1<|end|>"), right("2<|end|>"), right("4<|end|>")], wrong, 2), ["1", "2"], "so many a task");
  t.same(rows([right("1")]), [], "none that the length limit cut off");
  // A program that spells a special token: as a prompt it is text, as a row it would be the token.
  const spelling = { ...codec, encode: (text: string, options?: { literal?: readonly unknown[] }) => (options?.literal === undefined ? codec.encode(text) : [...Array.from(codec.encode(text)), 7]) };
  t.same(answerRows(prompt, { id: "a", kind: "deduction", greedy: wrong, samples: [right("1<|end|>")] }, { codec: spelling, stopTokens, perTask: 1 }), [], "none whose prompt would be another as a row");
});

t.test("an evaluation gives the rows of its tasks, in their order, with the prompts that were asked", async (t) => {
  const task = (n: number) => ({ id: `t${n}`, kind: "deduction", program: `def f(a):\n    return a + ${n}`, input: "1", output: String(1 + n), origin: { step: 0, parents: [] } });
  const engine = fakeEngine({ answer: (prompt, sample) => (prompt.includes("+ 2") ? "0<|end|>" : `${["5", "", " "][sample] ?? ""}${prompt.includes("+ 1") ? 2 : 4}<|end|>`) });
  const rows: AnswerRow[] = [];
  const open = async (name: string) => ({ name, engine, tokenizer: { ...codec, marks: new Map(), specialTokens: new Map([["<|deduce|>", 1]]) }, stopTokens, [Symbol.asyncDispose]: async () => undefined });
  await evaluateModel({ model: "fake", tasks: [1, 2, 3].map(task), samples: 3, seed: 0, executor: fakeExecutor(), open: open as never, format: "compact", rowsPerTask: 2, onRow: (row) => void rows.push(row) });
  t.same(rows.map(({ response }) => response), ["2", " 2", "4", " 4"]);
  t.ok(rows.every(({ prompt }, at) => prompt.includes(at < 2 ? "a + 1" : "a + 3") && prompt.endsWith("<|output|>")));
  const path = join(t.testdir({}), "rows.jsonl");
  await writeRows(path, rows);
  t.same(readFileSync(path, "utf8").trim().split("\n").map((line) => JSON.parse(line) as AnswerRow), rows);
  await writeRows(path, []);
  t.ok(readFileSync(path, "utf8").length > 0, "none leave what is there");
  await t.rejects(writeRows(join(path, "x"), rows), { code: "AZR_INPUT_INVALID", hint: /--sft-out/ });
});
