// Scoring many sequences: computed in chunks, so that what the engine holds for it does not grow with their number. (That an abort ends it within one chunk
// is in abort.test.ts.)
import t from "tap";
import { openEngineOn } from "./support/tiny-model.ts";

const list = (count: number, length: number) => ({ tokens: Int32Array.from({ length: count * length }, (_, at) => (at * 7 + Math.floor(at / length)) % 30), lengths: new Int32Array(count).fill(length) });

t.test("memory beyond the result is that of a chunk", async (t) => {
  await using engine = await openEngineOn("seedling");
  const { logProbabilities: few } = await engine.score({ sequences: list(40, 100) });
  const { activations, logits } = engine.stats().memory;
  t.ok(activations > 0 && logits > 0);
  const before = process.memoryUsage().rss;
  const many = list(2000, 100);
  const { logProbabilities } = await engine.score({ sequences: many });
  const grown = process.memoryUsage().rss - before;
  t.same(engine.stats().memory, { ...engine.stats().memory, activations, logits }, "fifty times as many sequences, the same buffers");
  // The request and the result lie in both worlds, and pages of the JavaScript heap come and go.
  const carried = 2 * (many.tokens.byteLength + many.lengths.byteLength + logProbabilities.byteLength);
  t.ok(grown < carried + 60e6, `the process grew by ${(grown / 1e6).toFixed(1)} MB; activations of all tokens would be ${((50 * activations) / 1e6).toFixed(0)} MB`);
  t.ok(50 * activations > 2 * (carried + 60e6), "which this would show");
  t.same(logProbabilities.subarray(0, few.length), few, "whatever stands behind them");
});
