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

// What is sampled with 1, 8 or 64 rows together is trained in another order, with other cuts: the trainer finds the sampler's log-probabilities, to the bit.
t.test("training repeats sampling", { skip: smol.reason ?? false }, async (t) => {
  for (const weights of ["f32", "bf16"] as const) {
    await using engine = await openEngine({ model: smol.path!, weights });
    for (const [count, samples] of [[1, 1], [8, 1], [16, 4]] as const) {
      const lists = Array.from({ length: count }, (_, at) => rows[at % rows.length]!.prompt.slice(0, 6 + (at % 5)));
      const sampled = await engine.generate({ prompts: pack(lists), samples, maxTokens: 6, temperature: 1, seed: count, stopTokens: [] });
      // The prompts in reverse, their samples too.
      const order = lists.map((_, at) => count - 1 - at);
      const rowsOf = order.flatMap((prompt) => Array.from({ length: samples }, (_, at) => prompt * samples + samples - 1 - at));
      const starts = Array.from(sampled.completions.lengths, (_, row) => sampled.completions.lengths.subarray(0, row).reduce((sum, length) => sum + length, 0));
      const taken = <Values extends Int32Array | Float32Array>(values: Values) =>
        rowsOf.map((row) => [...values.subarray(starts[row]!, starts[row]! + sampled.completions.lengths[row]!)]);
      const tokens = taken(sampled.completions.tokens);
      const total = tokens.flat().length;
      const result = await engine.update({
        prompts: pack(order.map((prompt) => lists[prompt]!)),
        completions: pack(tokens),
        completionPrompt: Int32Array.from(rowsOf, (_, at) => Math.floor(at / samples)),
        weights: new Float32Array(total).fill(1 / total),
        advantages: new Float32Array(total).fill(1),
        oldLogProbabilities: Float32Array.from(taken(sampled.logProbabilities).flat()),
        loss: "policy",
        microBatchTokens: 100,
        optimizer: { learningRate: 0, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 },
      });
      t.equal(result.maxLogProbabilityGap, 0, `${weights}, ${count * samples} rows`);
      t.ok(result.gradientNorm > 0);
    }
  }
});
