// A small supervised run of the seedling's architecture from random weights, which the test of the loss curve and scripts/bench-peers/sft.mjs share:
// the same rows, batches and rates go to this package and to torch.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "../../../src/random.ts";
import { batchesOf, countSteps } from "../../../src/sft/batches.ts";
import { resolveSft, type SftConfig } from "../../../src/sft/config.ts";
import { openSftParts } from "../../../src/sft/open.ts";
import { learningRateAt } from "../../../src/curriculum/learning-rate.ts";

/** Rows of prompt and response: a line of Python about a number or a list, and what it gives. */
export function exampleRows(count: number): { prompt: string; response: string }[] {
  const random = createRandom(7, "sft-rows");
  return Array.from({ length: count }, () => {
    const list = Array.from({ length: 2 + random.integer(4) }, () => random.integer(30));
    const number = random.integer(20);
    const [code, input, output] = random.choice([
      [`a + ${number}`, String(list[0]), String(list[0]! + number)],
      [`a - ${number}`, String(list[0]), String(list[0]! - number)],
      ["a[::-1]", `[${list.join(", ")}]`, `[${list.toReversed().join(", ")}]`],
      ["sorted(a)", `[${list.join(", ")}]`, `[${list.toSorted((a, b) => a - b).join(", ")}]`],
      ["len(a)", `[${list.join(", ")}]`, String(list.length)],
    ] as const);
    return { prompt: `<|deduce|><|program|>def f(a):\n    return ${code}<|input|>${input}<|output|>`, response: output };
  });
}

/** Writes the rows into a folder and gives the settings of the run, which goes into the same folder. */
export function exampleRun(folder: string, { seed, steps }: { seed: number; steps: number }): SftConfig {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "rows.jsonl");
  writeFileSync(path, exampleRows(600).map((row) => `${JSON.stringify(row)}\n`).join(""));
  return resolveSft({
    argument: {
      initialize: true,
      seed,
      steps,
      data: { files: [{ path }] },
      update: { learningRate: 1e-3, warmUpSteps: 10, betas: [0.9, 0.98], weightDecay: 0.01, batchTokens: 512 },
      engine: { threads: 1 },
      run: { dir: folder, name: "run", checkpointEvery: 0 },
    },
  }).config;
}

/** What each step trains on, for others to train on: its rate, and its rows with the ranges of their trained tokens. */
export async function exampleBatches(config: SftConfig): Promise<{ rate: number; rows: { tokens: number[]; trained: number[] }[] }[]> {
  const { data } = await openSftParts(config);
  const plan = { rows: data.rows, files: data.files, config };
  const steps = countSteps(plan);
  return [...batchesOf(plan)].map(({ rows }, index) => ({
    rate: learningRateAt(config.update, index + 1, steps),
    rows: rows.map(({ tokens, trained }) => ({ tokens: [...tokens], trained: [...trained] })),
  }));
}
