// Adapters in a run: a failed update keeps them in the place of the weights and is done again; the configuration reaches the engine. (Resuming a run
// over adapters with the real engine is in test/sft/lora.test.ts; the engine's own part, openEngine included, in test/engine/lora.test.ts.)
import { readdir } from "node:fs/promises";
import t from "tap";
import { type ConfigInput, resolveConfig } from "../../src/config/index.ts";
import { openEngine } from "../../src/engine/open.ts";
import { loraSettings } from "../../src/engine/adapter.ts";
import type { AzrError } from "../../src/errors.ts";
import { replayUpdate } from "../../src/replay-update.ts";
import { guardedEngine } from "../../src/run/guard-engine.ts";
import { openParts } from "../../src/run/open-parts.ts";
import { fakeExecutor, fakeTokenizer } from "../../src/testing/index.ts";
import { model, policyRequest, rows } from "../engine/support/tiny-model.ts";

t.test("a failed update over adapters is kept and done again", async (t) => {
  const dir = t.testdir({});
  await using engine = await openEngine({ model, threads: 1, lora: { rank: 2, targets: ["q_proj"] } });
  const watched = guardedEngine(engine, { dir, maxGap: 0, about: () => ({ step: 3, model, checkpoint: null }) });
  await watched.update(await policyRequest(watched));
  const request = await policyRequest(watched);
  request.advantages!.fill(NaN, 0, request.completions.lengths[0]!);
  const failure = await watched.update(request).then(() => t.fail("it did not fail"), (error: unknown) => error as AzrError);
  const folder = (failure as AzrError).details!["folder"] as string;
  t.same((await readdir(folder)).sort(), ["adapter_config.json", "adapter_model.safetensors", "failure.json", "optimizer.safetensors", "request.safetensors"]);
  const report = await replayUpdate(folder);
  t.match(report, { again: { code: "AZR_NUMERICS" }, weights: [] });
  t.same(report.culprits.map(({ completion }) => completion), [0]);
  await watched.dispose();
});

t.test("update.lora reaches the engine, and the engine alone that is trained", async (t) => {
  const given = { executor: fakeExecutor(), tokenizer: fakeTokenizer(), stopTokens: [1] };
  const lora = { rank: 3, targets: ["v_proj" as const, "q_proj" as const] };
  const { config } = resolveConfig({ argument: { model, engine: { threads: 1 }, curriculum: { proposer: "frozen" }, update: { lora } } });
  const parts = await openParts(config, given);
  t.match(parts.engine.stats().lora, { rank: 3, alpha: 32, targets: ["q_proj", "v_proj"] });
  t.equal(parts.proposer.stats().lora, undefined);
  await parts.close();
  t.equal(parts.reference, undefined);
  const off = await openParts(resolveConfig({ argument: { model, engine: { threads: 1 } } }).config, given);
  t.equal(off.engine.stats().lora, undefined, "off by default");
  await off.close();
  const { rank: _rank, ...defaults } = resolveConfig({}).config.update.lora;
  t.match(loraSettings({}), defaults, "the defaults of the settings are those of the engine");
});

t.test("the reference of update.kl is what lies under the adapters, not a second copy of the model", async (t) => {
  const given = { executor: fakeExecutor(), tokenizer: fakeTokenizer(), stopTokens: [1] };
  const open = (more: ConfigInput = {}) =>
    openParts(resolveConfig({ argument: { model, ...more, engine: { threads: 1, ...more.engine }, update: { lora: { rank: 2 }, kl: { coefficient: 0.1 }, ...more.update } } }).config, given);
  const sequences = rows([1, 2, 3, 4, 5], [9, 8, 7]);
  for (const weights of ["f32", "bf16"] as const) {
    await using base = await openEngine({ model, threads: 1, weights, trainable: false });
    const { logProbabilities } = await base.score({ sequences });
    const { engine, reference, close } = await open({ engine: { weights } });
    t.notOk("dispose" in reference!, "no engine of its own");
    for (let step = 0; step < 3; step++) {
      t.same((await reference!.score({ sequences })).logProbabilities, logProbabilities, `${weights}, step ${step}`);
      const result = await engine.update({ ...(await policyRequest(engine, step)), maxGap: 0 });
      t.equal(result.maxLogProbabilityGap, 0, "and the sampler and the trainer have the adapters");
    }
    t.notSame((await engine.score({ sequences })).logProbabilities, logProbabilities);
    await close();
  }
  const frozen = await open({ curriculum: { proposer: "frozen" } });
  t.equal(frozen.reference, frozen.proposer, "a frozen proposer is held already");
  await frozen.close();
  const whole = await open({ update: { lora: { rank: 0 }, kl: { coefficient: 0.1 } } });
  t.ok("dispose" in whole.reference!, "where all weights are trained it is an engine of its own");
  await whole.close();
});
