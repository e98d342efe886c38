// Measures a run against the model that it began with, task by task. From a checkout, after `npm run build`:
//   npx jiti examples/evaluate.ts runs/demo-seed0
import { compareOutcomes, evaluateModel, readTaskFile } from "absolute-zero";

const [run = "runs/demo-seed0", file = "models/seedling/held-out/validation.jsonl"] = process.argv.slice(2);
const tasks = await readTaskFile(file);
const measure = (model: string) => evaluateModel({ model, tasks, samples: 4, temperature: 1, seed: 0 });
const { overall } = compareOutcomes(await measure("seedling"), await measure(run));
for (const [name, { before, after, low95, high95, p }] of Object.entries({ sampled: overall.sampled, greedy: overall.greedy })) {
  console.log(`${name}: ${before.toFixed(3)} -> ${after.toFixed(3)} (difference from ${low95.toFixed(3)} to ${high95.toFixed(3)}, p = ${p.toPrecision(2)})`);
}
