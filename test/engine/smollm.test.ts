// A real model, SmolLM2-135M, against what transformers makes of the same file (test/truth/make_smollm_truth.py): greedy continuations
// token by token, log-probabilities, and that scoring agrees with sampling.
import { readFileSync } from "node:fs";
import t from "tap";
import { openEngine } from "../../src/engine/open.ts";
import { loadTokenizer } from "../../src/engine/tokenizer.ts";
import { smolLm2 } from "./support/smollm.ts";

interface Row {
  text: string;
  prompt: number[];
  tokens: number[];
  logprobs: number[];
}

const rows = JSON.parse(readFileSync(new URL("../truth/data/smollm2.json", import.meta.url), "utf8")) as Row[];
const smol = await smolLm2();
const pack = (lists: number[][]) => ({ tokens: Int32Array.from(lists.flat()), lengths: Int32Array.from(lists, (list) => list.length) });

t.test("as transformers has it", { skip: smol.reason ?? false }, async (t) => {
  const tokenizer = loadTokenizer(smol.path!);
  for (const { text, prompt } of rows) t.same([...tokenizer.encode(text)], prompt, JSON.stringify(text));
  await using engine = await openEngine({ model: smol.path! });
  const prompts = pack(rows.map(({ prompt }) => prompt));
  const sampled = await engine.generate({ prompts, maxTokens: 64, temperature: 0, seed: 1, stopTokens: [] });
  const part = <Values extends Int32Array | Float32Array>(values: Values, row: number) => values.subarray(row * 64, (row + 1) * 64);
  let worst = 0;
  for (const [row, { text, tokens, logprobs }] of rows.entries()) {
    t.same([...part(sampled.completions.tokens, row)], tokens, `64 greedy tokens after ${JSON.stringify(text)}`);
    for (const [at, logProbability] of part(sampled.logProbabilities, row).entries()) worst = Math.max(worst, Math.abs(logProbability - logprobs[at]!));
  }
  t.ok(worst < 1e-3, `log-probabilities differ by ${worst} at most`);

  const whole = pack(rows.map(({ prompt, tokens }) => [...prompt, ...tokens]));
  const scored = await engine.score({ sequences: whole });
  let [at, gap] = [0, 0];
  for (const [row, { prompt }] of rows.entries()) {
    const own = scored.logProbabilities.subarray(at + prompt.length - 1, at + prompt.length + 63);
    for (const [index, logProbability] of own.entries()) gap = Math.max(gap, Math.abs(logProbability - sampled.logProbabilities[row * 64 + index]!));
    at += prompt.length + 63;
  }
  t.ok(gap < 1e-4, `score and generate differ by ${gap} at most`);
});
