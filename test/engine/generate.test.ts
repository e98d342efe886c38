// Sampling: the same from the same seed, stop tokens, and the ways to narrow the choice.
import t from "tap";
import { model, openEngineOn, request } from "./support/tiny-model.ts";

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
