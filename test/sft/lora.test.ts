// Supervised runs that train adapters alone: the checkpoint holds no weights, a run that went on ends with the bytes of one that was not interrupted,
// its folder is a model, and the model it ends with has the adapters merged.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { nativeFolder } from "../../scripts/native-location.mjs";
import { openEngine } from "../../src/engine/open.ts";
import { resolveModel } from "../../src/engine/resolve-model.ts";
import { resumeSft, sft, type SftConfigInput } from "../../src/sft.ts";
import { azr } from "../cli/harness.ts";
import { nativeMissing } from "../executor/support/native.ts";
import { exampleRun } from "./support/recipe.ts";

const addon = join(nativeFolder(), "azr.node");
const skip = !existsSync(addon) && `${addon} not built: npm run build makes it`;
const sequences = { tokens: Int32Array.from({ length: 40 }, (_, index) => (index * 37) % 300), lengths: Int32Array.of(25, 15) };

t.test("a run over adapters", { skip, timeout: 300_000 }, async (t) => {
  const parent = t.testdir({});
  const start = (name: string, steps: number): SftConfigInput => {
    const config = exampleRun(join(parent, name), { seed: 3, steps });
    const lora = { rank: 4, alpha: 8, targets: ["q_proj", "v_proj", "down_proj"] as const };
    return { ...config, initialize: false, update: { ...config.update, schedule: "constant", lora: { ...lora, targets: [...lora.targets] } }, validation: { ...config.validation, share: 0.1, every: 1, keepBest: true } };
  };
  const { dir: whole, model } = await sft(start("whole", 4)).result;
  const { dir: half } = await sft(start("half", 2)).result;
  t.match(await resumeSft(half, { change: { steps: 4 } }).result, { status: "finished", step: 4 });
  const checkpoint = (dir: string, file: string) => readFileSync(join(dir, "checkpoints", "step-000004", file));
  t.same(readdirSync(join(whole, "checkpoints", "step-000004")).sort(), ["adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors", "state.json"]);
  for (const file of ["adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors"]) t.same(checkpoint(half, file), checkpoint(whole, file), file);
  const losses = readFileSync(join(whole, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => (JSON.parse(line) as Record<string, number>)["update/loss"]!);
  t.ok(losses.at(-1)! < losses[0]!, `it learns: ${losses.join(" ")}`);

  t.match(await resolveModel(whole), { weights: (await resolveModel("seedling")).weights, adapters: [join(whole, "checkpoints", "step-000004")] });
  await using sampler = await openEngine({ model: whole, trainable: false, threads: 1 });
  await using merged = await openEngine({ model: model!, trainable: false, threads: 1 });
  await using before = await openEngine({ model: "seedling", trainable: false, threads: 1 });
  const [scores, ...others] = await Promise.all([sampler, merged, before].map(async (engine) => (await engine.score({ sequences })).logProbabilities));
  t.same(others[0], scores, "the run's folder and the model that it ended with (the best measurement is the last)");
  t.notSame(others[1], scores);

  const adapter = join(whole, "checkpoints", "step-000004");
  const prompt = "<|deduce|><|program|>def f(a):\n    return a + 3<|input|>4<|output|>";
  const said = async (...args: string[]) => (await azr(["generate", "--prompt", prompt, "--max-tokens", "8", "--n", "2", "--json", "--threads", "1", ...args])).stdout;
  const expected = await said("--model", whole);
  t.match(expected, /"completions"/);
  t.equal(await said("--model", "seedling", "--adapter", adapter), expected);
  t.equal(await said("--model", adapter), expected);
  t.not(await said("--model", "seedling"), expected);
  const lines = join(parent, "lines.jsonl");
  writeFileSync(lines, `${JSON.stringify({ id: "a", tokens: [...sequences.tokens.subarray(0, 25)] })}\n`);
  const scored = await azr(["score", "--model", "seedling", "--adapter", adapter, "--jsonl", lines, "--threads", "1"]);
  t.same(JSON.parse(scored.stdout).logprobs, [...scores!.subarray(0, 24)]);
  const exported = join(parent, "exported");
  t.equal((await azr(["export", "seedling", "--adapter", adapter, "--out", exported])).code, 0);
  t.same(readFileSync(join(exported, "model.safetensors")), readFileSync(join(model!, "model.safetensors")));

  await t.test("azr eval: the model with its adapters answers as the one that they are merged into", { skip: nativeMissing }, async (t) => {
    const suite = join(parent, "tasks.jsonl");
    const tasks = [1, 2, 3, 4, 5, 6].map((add) => ({ id: `t${add}`, kind: "deduction", program: `def f(a):\n    return a + ${add}`, input: "4", output: String(4 + add), origin: { step: 0, parents: [] } }));
    writeFileSync(suite, tasks.map((task) => `${JSON.stringify(task)}\n`).join(""));
    const evaluated = async (...args: string[]) => {
      const out = join(parent, "outcomes.jsonl");
      const { code, stdout } = await azr(["eval", suite, "--samples", "4", "--temperature", "3", "--seed", "3", "--threads", "1", "--json", "--outcomes", "--out", out, ...args]);
      t.equal(code, 0);
      const lines = stdout.trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
      return { lines: lines.map(({ model: _, ...line }) => line), outcomes: readFileSync(out, "utf8").split("\n").filter((line) => line.includes('"greedy"')) };
    };
    const adapted = await evaluated("--model", "seedling", "--adapter", adapter);
    t.equal(adapted.outcomes.length, tasks.length);
    t.same(await evaluated("--model", exported), adapted);
    t.same(await evaluated("--model", whole), adapted, "and as the run's folder");
    t.notSame((await evaluated("--model", "seedling")).lines, adapted.lines);
  });

  await t.rejects(sft({ ...start("random", 1), initialize: true }).result, { code: "AZR_CONFIG_INVALID", message: /random weights/ });
  await t.rejects(resumeSft(whole, { change: { steps: 5, update: { lora: { rank: 5 } } } }).result, { code: "AZR_CHECKPOINT_INCOMPATIBLE", message: /update\.lora\.rank/ });
});
