// Trains the bundled model on tasks of a file in two ways: by reinforcement, without self-play, and by its own right answers (one step of STaR).
// docs/curated-tasks.md explains. From a checkout, after `npm run build`, in under a minute:
//   npx jiti examples/curated-tasks.ts
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { evaluateModel, formatNamed, openExecutor, readTaskFile, sft, train } from "absolute-zero";
import type { TaskOutcome } from "absolute-zero";

const file = process.env["TASKS"] ?? fileURLToPath(new URL("curated-tasks.jsonl", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "azr-curated-"));
const tasks = await readTaskFile(file);
await using executor = await openExecutor();

const right = (outcomes: TaskOutcome[]): string => {
  const answers = outcomes.flatMap(({ samples }) => samples);
  return `${((100 * answers.filter(({ verdict }) => verdict === "correct").length) / answers.length).toFixed(1)}% of ${answers.length} answers are right`;
};
const measure = async (model: string) => right(await evaluateModel({ model, tasks, seed: 1, samples: 8, executor }));
console.log(`${tasks.length} tasks, prompts of ${formatNamed("compact").version}`);
console.log(`seedling: ${await measure("seedling")}`);

// Reinforcement from verifiable answers: the loop of self-play with tasks of the file in place of proposals.
await using run = train(
  { preset: "tiny-cpu", steps: 8, curriculum: { tasks: { files: [file], share: 1, perStep: 42 } }, update: { learningRate: 5e-4 }, run: { dir, name: "reinforced" } },
  { executor },
);
for await (const event of run) {
  if (event.type !== "step-end") continue;
  const rates = ["deduction", "abduction", "induction"].map((kind) => `${kind} ${event.metrics[`curated/${kind}/solveRate`]?.toFixed(2) ?? "-"}`);
  console.log(`step ${event.step}: solve rates ${rates.join(", ")}`);
}
console.log(`reinforced: ${await measure(join(dir, "reinforced"))}`);

// Its own right answers, as rows for supervised training.
const rows: string[] = [];
await evaluateModel({ model: "seedling", tasks, seed: 2, samples: 8, executor, rowsPerTask: 2, onRow: (row) => void rows.push(JSON.stringify(row)) });
writeFileSync(join(dir, "right.jsonl"), `${rows.join("\n")}\n`);
const { model } = await sft({ data: { files: [{ path: join(dir, "right.jsonl") }] }, epochs: 6, update: { learningRate: 2e-4, batchTokens: 256 }, run: { dir, name: "filtered" } }).result;
console.log(`filtered, ${rows.length} rows: ${await measure(model!)}`);
