// The benchmark of updates: one short round, what it refuses, and the command's words.
import t from "tap";
import { benchUpdate } from "../../src/bench/bench-update.ts";
import { productWeights } from "../../src/engine/model-shape.ts";
import { openEngine } from "../../src/engine/open.ts";
import { azr } from "../cli/harness.ts";
import { model, rejects } from "../engine/support/tiny-model.ts";

t.test("one short round", async (t) => {
  await using engine = await openEngine({ model, threads: 1 });
  for (const weights of ["f32", "bf16"] as const) {
    const bench = await benchUpdate({ model, threads: 1, weights, sequences: 3, length: 12, microBatchTokens: 16, rounds: 2 });
    t.match(bench, { type: "bench-update", threads: 1, weights, parameters: 11_100, sequences: 3, length: 12, microBatchTokens: 16, rounds: 2 });
    t.equal(bench.tokensPerSecond, bench.spread.median);
    t.ok(Math.abs(bench.limitTokensPerSecond / ((bench.gigaflops * 1e9) / (6 * productWeights(engine.shape))) - 1) < 1e-9);
    t.match(bench.memory, { weights: 4 * 11_100, gradients: 4 * 11_100, moments: 8 * 11_100 });
    const { weights: held, copies, gradients, moments, activations, logits } = bench.memory;
    t.ok(copies > 0 && activations > 0 && logits > 0 && bench.peakBytes > held + copies + gradients + moments + activations + logits);
  }
  const adapters = await benchUpdate({ model, threads: 1, sequences: 3, length: 12, loraRank: 2, rounds: 1 });
  t.match(adapters, { parameters: 11_100, trained: 2 * 2 * (84 + 52 + 52 + 84 + 36 + 36 + 36) });
  t.match(adapters.memory, { weights: 4 * (11_100 + adapters.trained), gradients: 4 * adapters.trained, moments: 8 * adapters.trained });
  await rejects(t, () => benchUpdate({ model, length: 65 }), "AZR_INPUT_INVALID", /65 tokens.*64 positions/);
  await t.rejects(benchUpdate({ model, length: 8, signal: AbortSignal.abort() }), { code: "AZR_ABORTED" });
});

t.test("the command", async (t) => {
  const text = await azr(["bench", "update", "--model", model, "--threads", "1", "--length", "16", "--sequences", "2", "--rounds", "1"]);
  t.equal(text.code, 0, text.stderr);
  t.match(text.stdout, /2 sequences of 16 tokens.*\n\d+ tokens\/s .* % of the \d+ that products.*\nmemory: weights 4\d\.\d kB, copies/s);
  const json = await azr(["bench", "update", "--model", model, "--threads", "1", "--length", "16", "--rounds", "1", "--json"]);
  t.match(JSON.parse(json.stdout), { type: "bench-update", weights: "f32", length: 16 });
  const adapters = await azr(["bench", "update", "--model", model, "--threads", "1", "--length", "16", "--rounds", "1", "--lora-rank", "4"]);
  t.match(adapters.stdout, /with adapters of 0\.0 million that are trained/);
});
