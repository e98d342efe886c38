// Sampling: the same from the same seed, stop tokens, and the ways to narrow the choice.
import t from "tap";
import { model, openEngineOn, rejects, request, rows } from "./support/tiny-model.ts";

t.test("sampling", async (t) => {
  await using engine = await openEngineOn(model);
  const first = await engine.generate(request);
  t.same(await engine.generate(request), first, "the same seed gives the same tokens and log-probabilities");
  t.notSame((await engine.generate({ ...request, seed: 10 })).completions.tokens, first.completions.tokens);
  t.equal(first.parity, true);
  t.equal(first.completions.lengths.length, 12);
  let begin = 0;
  for (const [row, length] of first.completions.lengths.entries()) {
    const tokens = first.completions.tokens.subarray(begin, (begin += length));
    t.equal(first.stopped[row], Number([7, 8].includes(tokens.at(-1)!)));
    t.ok(first.stopped[row] ? length <= 20 : length === 20);
    t.notOk(tokens.subarray(0, -1).some((token) => token === 7 || token === 8), "nothing after a stop token");
  }
  const greedy = await engine.generate({ ...request, temperature: 0, samples: 1 });
  t.same((await engine.generate({ ...request, topK: 1, samples: 1 })).completions, greedy.completions, "top-1 is greedy");
  t.same((await engine.generate({ ...request, topP: 1e-6, samples: 1 })).completions, greedy.completions);
  t.same((await engine.generate({ ...request, temperature: 0, samples: 1, seed: 1 })).completions, greedy.completions);
  const narrow = await engine.generate({ ...request, topK: 2, topP: 0.95, temperature: 0.8 });
  t.ok(narrow.logProbabilities.every((logP) => logP < 0 && Number.isFinite(logP)));
  t.match(engine.stats(), { threads: 1, parameters: 11100, trainedTokens: 0 });
  t.ok(engine.stats().generatedTokens > 100 && engine.stats().generateSeconds > 0);
});

t.test("what changes the choice", async (t) => {
  await using engine = await openEngineOn(model);
  const rowsOf = ({ completions: { tokens, lengths } }: Awaited<ReturnType<typeof engine.generate>>): number[][] => {
    let begin = 0;
    return [...lengths].map((length) => [...tokens.subarray(begin, (begin += length))]);
  };
  const long = { ...request, stopTokens: [] };
  const plain = await engine.generate(long);
  t.same(rowsOf(await engine.generate({ ...long, minP: 1 })), rowsOf(await engine.generate({ ...long, temperature: 0 })), "minP 1 is greedy");
  t.same(rowsOf(await engine.generate({ ...long, minP: 1e-9, repetitionPenalty: 1, minTokens: 0, logitBias: {} })), rowsOf(plain), "off is off");
  const narrow = await engine.generate({ ...long, minP: 0.2, temperature: 2 });
  t.notSame(rowsOf(narrow), rowsOf(await engine.generate({ ...long, temperature: 2 })));

  const prompts = [[1, 2, 3], [4], [5, 6]];
  const varied = rowsOf(await engine.generate({ ...long, temperature: 0, repetitionPenalty: 1e6 }));
  for (const [row, tokens] of varied.entries()) {
    const all = [...prompts[Math.floor(row / 4)]!, ...tokens];
    t.equal(new Set(all).size, all.length, "no token comes twice under a huge penalty, those of the prompt counted");
  }
  t.ok(rowsOf(await engine.generate({ ...long, logitBias: { 12: 1000 } })).flat().every((token) => token === 12));
  const banned = rowsOf(await engine.generate({ ...long, logitBias: { 12: -1e30, 3: -1e30 } })).flat();
  t.notOk(banned.includes(12) || banned.includes(3));
  const biased = await engine.generate({ ...long, samples: 1, maxTokens: 1, logitBias: { 12: 1000 } });
  const { logProbabilities } = await engine.score({ sequences: { tokens: Int32Array.from([1, 2, 3, 12, 4, 12, 5, 6, 12]), lengths: Int32Array.from([4, 2, 3]) } });
  for (const [row, at] of [2, 3, 5].entries()) t.ok(Math.abs(biased.logProbabilities[row]! - logProbabilities[at]!) < 1e-5, "reported of the model's own logits");

  const patient = await engine.generate({ ...request, minTokens: 9 });
  t.ok(rowsOf(patient).every((tokens) => tokens.length >= 9 && !tokens.slice(0, 9).some((token) => token === 7 || token === 8)));
  t.ok(patient.stopped.some((stopped) => stopped === 1), "and they may come after");
});

t.test("a seed of its own for each prompt", async (t) => {
  await using engine = await openEngineOn(model);
  const ask = (lists: number[][], seeds: number[]) => engine.generate({ ...request, prompts: rows(...lists), seeds, stopTokens: [] });
  const one = await ask([[1, 2, 3], [4], [5, 6]], [11, 12, 13]);
  const other = await ask([[5, 6], [1, 2, 3]], [13, 11]);
  const part = (tokens: Int32Array, prompt: number) => [...tokens.subarray(prompt * 80, (prompt + 1) * 80)];
  t.same(part(one.completions.tokens, 0), part(other.completions.tokens, 1), "wherever the prompt stands");
  t.same(part(one.completions.tokens, 2), part(other.completions.tokens, 0));
  t.notSame(part((await ask([[1, 2, 3]], [12])).completions.tokens, 0), part(one.completions.tokens, 0));
});

t.test("memory for keys and values", async (t) => {
  await using engine = await openEngineOn(model);
  const plain = await engine.generate(request);
  // A row of 20 tokens: 2 layers, keys and values, 2 heads of 16, 32 positions, 4 bytes.
  const row = 2 * 2 * 2 * 16 * 32 * 4;
  t.same(await engine.generate({ ...request, cacheBytes: 3 * row }), plain, "fewer rows at a time, the same tokens");
  await rejects(t, () => engine.generate({ ...request, cacheBytes: row }), "AZR_OUT_OF_MEMORY", /prompt of 3 tokens and maxTokens 20.* 16384 are there.*cacheBytes/s);
});

t.test("tokens one by one", async (t) => {
  await using engine = await openEngineOn(model);
  const result = await engine.generate(request);
  const streamed: { token: number; logProbability: number }[][] = Array.from({ length: 12 }, () => []);
  const stream = engine.stream(request);
  for (let next = await stream.next(); ; next = await stream.next()) {
    if (next.done) {
      t.same(next.value, result, "the whole result at the end");
      break;
    }
    streamed[next.value.row]!.push(next.value);
  }
  t.same(streamed.flat().map(({ token }) => token), [...result.completions.tokens]);
  t.same(streamed.flat().map(({ logProbability }) => logProbability), [...result.logProbabilities]);

  const endless = { ...request, samples: 100_000, stopTokens: [], maxTokens: 60 };
  const began = performance.now();
  for await (const { row } of engine.stream(endless)) {
    t.equal(row, 0);
    break;
  }
  t.ok(performance.now() - began < 10_000, "leaving the loop ends the call");
  await t.rejects(async () => { for await (const _ of engine.stream({ ...endless, signal: AbortSignal.abort() })); }, { code: "AZR_ABORTED" });
  await t.rejects(async () => { for await (const _ of engine.stream({ ...request, minTokens: 21 })); }, { code: "AZR_INPUT_INVALID", message: /minTokens/ });
});

t.test("requests that cannot be", async (t) => {
  await using engine = await openEngineOn(model);
  const cases: [change: object, message: RegExp][] = [
    [{ minP: 2 }, /minP/], [{ repetitionPenalty: 0 }, /repetitionPenalty/], [{ repetitionPenalty: Infinity }, /repetitionPenalty/],
    [{ logitBias: { 99: 1 } }, /token 99/], [{ logitBias: { x: 1 } }, /token of logitBias/], [{ logitBias: { 1: NaN } }, /logitBias\[1\]/], [{ logitBias: 3 }, /logitBias/],
    [{ seeds: [1] }, /one a prompt/], [{ seeds: [1, 2, -3] }, /seeds/], [{ seeds: 1 }, /seeds/], [{ cacheBytes: -1 }, /cacheBytes/], [{ minTokens: -1 }, /minTokens/],
    [{ minTokens: 2, stopTokens: Array.from({ length: engine.shape.vocabularySize }, (_, token) => token) }, /whole vocabulary/],
  ];
  for (const wrong of [undefined, null, 3]) await rejects(t, () => engine.stream(wrong as never).next(), "AZR_INPUT_INVALID", /an object for the request/);
  await rejects(t, () => engine.stream({ ...request, signal: "now" as never }).next(), "AZR_INPUT_INVALID", /AbortSignal/);
  for (const [change, message] of cases) await rejects(t, () => engine.generate({ ...request, ...change }), "AZR_INPUT_INVALID", message);
});
