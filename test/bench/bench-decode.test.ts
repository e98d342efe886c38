// The benchmark of decoding: its limits follow from the model's shape, its figures are what they say, and the command prints them.
import t from "tap";
import { benchDecode, decodeLimit, productWeights } from "../../src/bench/bench-decode.ts";
import { azr } from "../cli/harness.ts";
import { model, openEngineOn, rejects } from "../engine/support/tiny-model.ts";

t.test("limits", async (t) => {
  await using engine = await openEngineOn(model);
  const { shape } = engine;
  // Everything but the norms and the embedding that is looked up: 2 layers, 20 wide, 4 + 2 + 2 + 4 heads of 16, 16 wide between, 35 tokens.
  t.equal(productWeights(shape), 2 * (20 * 16 * 12 + 3 * 20 * 16) + 35 * 20);
  const weights = productWeights(shape);
  t.same(decodeLimit(shape, 1, { flops: 1e12, bytesPerSecond: 1e9 }), { limitTokensPerSecond: 1e9 / (4 * weights), limitedBy: "memory" });
  t.same(decodeLimit(shape, 1000, { flops: 1e12, bytesPerSecond: 1e12 }), { limitTokensPerSecond: 1e12 / (2 * weights), limitedBy: "products" });
});

t.test("one short round", async (t) => {
  const bench = await benchDecode({ model, threads: 1, batches: [1, 4], promptTokens: 4, newTokens: 8, sharedSamples: 0, rounds: 1 });
  t.match(bench, { type: "bench-decode", threads: 1, parameters: 11100, rounds: 1 });
  t.ok(bench.gigaflops > 0.1 && bench.gigabytesPerSecond > 0.1);
  t.same(bench.rows.map(({ batch, shared }) => [batch, shared]), [[1, false], [4, false]]);
  for (const row of bench.rows) {
    t.ok(row.tokensPerSecond > 0 && row.wholeTokensPerSecond > 0 && row.limitTokensPerSecond > 0);
    t.equal(row.tokensPerSecond, row.spread.median);
  }
  await rejects(t, () => benchDecode({ model }), "AZR_INPUT_INVALID", /64 positions.*544/);
  await t.rejects(benchDecode({ model, batches: [1], promptTokens: 4, newTokens: 4, sharedSamples: 0, signal: AbortSignal.abort() }), { code: "AZR_ABORTED" });
});

t.test("the command", async (t) => {
  const short = ["--model", "seedling", "--batches", "1,2", "--new-tokens", "4", "--shared-samples", "0", "--rounds", "1"];
  const { code, stdout } = await azr(["bench", "decode", ...short, "--json"]);
  t.equal(code, 0);
  t.match(JSON.parse(stdout), { rows: [{ batch: 1, shared: false, tokensPerSecond: Number, limitTokensPerSecond: Number }, { batch: 2 }] });
  const table = await azr(["bench", "decode", ...short]);
  t.match(table.stdout, /^seedling, [\d.]+ million parameters.*\nthe machine: \d+ billion operations.*\n1 row +\d+ tokens\/s .*% of the \d+ that (memory|products) allow/);
});
