// The benchmark of decoding: its limits follow from the model's shape, its figures are what they say, and the command prints them.
import t from "tap";
import { benchDecode, decodeLimit } from "../../src/bench/bench-decode.ts";
import { compareSharedPrompt } from "../../src/bench/shared-prompt.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { bytesPerWeight, productWeights } from "../../src/engine/model-shape.ts";
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
  // Lighter weights are read sooner; the products stay.
  for (const [format, bytes] of [["f32", 4], ["bf16", 2], ["q8", 1.0625]] as const) {
    t.equal(bytesPerWeight[format], bytes);
    t.equal(decodeLimit(shape, 1, { flops: 1e12, bytesPerSecond: 1e9 }, bytes).limitTokensPerSecond, 1e9 / (bytes * weights));
    t.equal(decodeLimit(shape, 1000, { flops: 1e12, bytesPerSecond: 1e12 }, bytes).limitTokensPerSecond, 1e12 / (2 * weights));
  }
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
  t.same(bench.invariance.map(({ batch }) => batch), [1, 4]);
  t.ok(bench.invariance.every(({ price }) => price > -1));
  t.equal(bench.sharedPrompt, null);
  await rejects(t, () => benchDecode({ model }), "AZR_INPUT_INVALID", /64 positions.*544/);
  await t.rejects(benchDecode({ model, batches: [1], promptTokens: 4, newTokens: 4, sharedSamples: 0, signal: AbortSignal.abort() }), { code: "AZR_ABORTED" });
});

t.test("a shared prompt beside separate requests", async (t) => {
  // What each call asks the engine for.
  const calls: { prompts: number[][]; samples: number; maxTokens: number }[] = [];
  await using engine = await openEngineOn(model);
  const watched: Engine = {
    ...engine,
    generate(request) {
      const { lengths, tokens } = request.prompts;
      const length = lengths[0]!;
      calls.push({ prompts: Array.from(lengths, (_, at) => [...tokens.subarray(at * length, (at + 1) * length)]), samples: request.samples ?? 1, maxTokens: request.maxTokens });
      return engine.generate(request);
    },
  };
  const compared = await compareSharedPrompt(watched, { samples: 3, promptTokens: 5, newTokens: 4, rounds: 2, signal: undefined });
  t.equal(calls.length, 2 * (1 + 1 + 3));
  const [shared, together, ...others] = calls;
  t.same([shared!.prompts.length, shared!.samples], [1, 3]);
  t.same([together!.prompts.length, together!.samples], [3, 1]);
  t.same(others.slice(0, 3).map(({ prompts, samples }) => [...prompts, samples]), together!.prompts.map((prompt) => [prompt, 1]), "the same prompts one by one");
  t.equal(new Set([...together!.prompts, ...calls[6]!.prompts].map(String)).size, 6, "all prompts differ, also those of the next round");
  t.ok(calls.every(({ maxTokens, prompts }) => maxTokens === 4 && prompts.every((prompt) => prompt.length === 5)));
  t.match(compared, { samples: 3, promptTokens: 5, newTokens: 4 });
  for (const { low, median, high } of [compared.shared, compared.together, compared.oneByOne, compared.timesTogether, compared.timesOneByOne]) {
    t.ok(low > 0 && low <= median && median <= high);
  }
  const bench = await benchDecode({ model, threads: 1, batches: [], newTokens: 4, sharedSamples: 2, sharedPromptTokens: 20, rounds: 1 });
  t.match(bench, { rows: [{ batch: 2, shared: true, promptTokens: 20 }], sharedPrompt: { samples: 2, promptTokens: 20, newTokens: 4 } });
  const { shared: one, oneByOne, timesOneByOne } = bench.sharedPrompt!;
  t.equal(timesOneByOne.median, one.median / oneByOne.median);
});

t.test("the command", async (t) => {
  const short = ["--model", "seedling", "--batches", "1,2", "--new-tokens", "4", "--shared-samples", "0", "--rounds", "1"];
  const { code, stdout } = await azr(["bench", "decode", ...short, "--json"]);
  t.equal(code, 0);
  t.match(JSON.parse(stdout), { rows: [{ batch: 1, shared: false, tokensPerSecond: Number, limitTokensPerSecond: Number }, { batch: 2 }] });
  const table = await azr(["bench", "decode", ...short]);
  t.match(table.stdout, /^seedling, [\d.]+ million parameters.*\nthe machine: \d+ billion operations.*\n1 row +\d+ tokens\/s .*% of the \d+ that (memory|products) allow/);
});
