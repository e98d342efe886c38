// Supervised training of the seedling's architecture from the same random weights, on the same batches, in this package and in torch:
//   node --import=./scripts/lib/typescript-hooks.mjs scripts/bench-peers/sft.mjs --python PYTHON [--steps 200] [--seeds 3] [--work FOLDER] [--golden FILE]
// Prints, for each seed, how far the two curves are apart, and how far torch is from itself when it takes the rows of each batch in the opposite order: what
// rounding alone does. PYTHON needs transformers. --golden keeps torch's losses of seed 0 for test/sft.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { openEngine } from "../../src/engine/open.ts";
import { resolveModel } from "../../src/engine/resolve-model.ts";
import { writeModelFolder } from "../../src/export-model.ts";
import { sft } from "../../src/sft.ts";
import { exampleBatches, exampleRun } from "../../test/sft/support/recipe.ts";

const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    steps: { type: "string", default: "200" },
    seeds: { type: "string", default: "3" },
    work: { type: "string", default: join(tmpdir(), "azr-sft-peers") },
    golden: { type: "string" },
  },
});
const steps = Number(values.steps);
const here = import.meta.dirname;
const run = promisify(execFile);
const readLines = (text) => text.trim().split("\n").map((line) => JSON.parse(line));

/** Our losses for one seed, and what gives torch's. */
async function begin(seed) {
  const folder = join(values.work, `seed-${seed}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const config = exampleRun(folder, { seed, steps });
  const engine = await openEngine({ model: config.model, initialize: { seed }, threads: 1 });
  await writeModelFolder(engine, await resolveModel(config.model), join(folder, "model"), {});
  await engine.dispose();
  const { betas, epsilon, weightDecay, clipNorm } = config.update;
  writeFileSync(join(folder, "settings.json"), JSON.stringify({ betas, epsilon, weightDecay, clipNorm }));
  writeFileSync(join(folder, "batches.jsonl"), (await exampleBatches(config)).map((batch) => `${JSON.stringify(batch)}\n`).join(""));
  const { dir } = await sft(config).result;
  const ours = readLines(readFileSync(join(dir, "metrics.jsonl"), "utf8")).map((line) => line["update/loss"]);
  const env = { ...process.env, OMP_NUM_THREADS: "1" };
  const inTorch = async (...more) => readLines((await run(values.python, [join(here, "sft_torch.py"), folder, ...more], { env, maxBuffer: 1 << 26 })).stdout).map(({ loss }) => loss);
  return { seed, ours, inTorch };
}

const mean = (numbers) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
const gapsOf = (left, right) => left.map((loss, step) => Math.abs(loss - right[step]) / right[step]);
const gapsText = (gaps) => `mean ${mean(gaps).toExponential(1)}, largest ${Math.max(...gaps).toExponential(1)}, in the first 20 steps ${Math.max(...gaps.slice(0, 20)).toExponential(1)}, in the first 50 ${Math.max(...gaps.slice(0, 50)).toExponential(1)}`;
const started = [];
for (let seed = 0; seed < Number(values.seeds); seed++) started.push(await begin(seed));
await Promise.all(
  started.map(async ({ seed, ours, inTorch }) => {
    const [torch, reversed] = await Promise.all([inTorch(), inTorch("--reversed")]);
    if (seed === 0 && values.golden !== undefined) {
      writeFileSync(values.golden, `${JSON.stringify({ source: "scripts/bench-peers/sft.mjs --golden", seed, steps, losses: torch })}\n`);
    }
    const lines = [
      `seed ${seed}: relative difference between here and torch: ${gapsText(gapsOf(ours, torch))}`,
      `  between torch and torch with the rows in the opposite order: ${gapsText(gapsOf(reversed, torch))}`,
      ...[1, 10, 20, 50, 100, 150, 200].filter((step) => step <= steps).map((step) => `  step ${step}: ${ours[step - 1].toFixed(6)} here, ${torch[step - 1].toFixed(6)} in torch, ${reversed[step - 1].toFixed(6)} in torch reversed`),
      `  mean loss of the last 20 steps: ${[ours, torch, reversed].map((curve) => mean(curve.slice(-20)).toFixed(4)).join(", ")}`,
    ];
    console.log(lines.join("\n"));
  }),
);
