// Makes the committed task files models/seedling/held-out/{heldout,validation}.jsonl: node scripts/pretrain/make-held-out.mjs
// 2,000 held-out and 1,000 validation tasks a kind, 250 on programs of two statements (each split has some 300 of them) and the rest
// of three, each program at most once a kind. `heldout` only reports; `validation` is for choosing recipes. Needs a build (npm run build).
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openExecutor } from "../../dist/executor/open.js";
import { visits } from "./corpus.mjs";
import { taskOf } from "./documents.mjs";

const kinds = ["deduction", "abduction", "induction"];
/** By name of the file: the split, the seed of its tasks, and how many a kind by the statements of their program. */
const files = {
  heldout: { split: "held-out", seed: 9, tasksOfLength: { 2: 250, 3: 1750 } },
  validation: { split: "validation", seed: 8, tasksOfLength: { 2: 250, 3: 750 } },
};

/** Task records of one file. */
async function heldOutTasks({ executor, name }) {
  const { split, seed, tasksOfLength } = files[name];
  const taken = new Map(kinds.flatMap((kind) => Object.keys(tasksOfLength).map((lines) => [`${kind} ${lines}`, []])));
  const used = new Map(kinds.map((kind) => [kind, new Set()]));
  const full = () => [...taken].every(([key, tasks]) => tasks.length === tasksOfLength[key.at(-1)]);
  for await (const { text, hash, lines, pairs } of visits({ executor, seed, split, programs: 2_000_000 })) {
    // One task a visit, for the kind that has fewest of this length: no two kinds share inputs.
    const open = kinds.filter((kind) => taken.get(`${kind} ${lines}`).length < tasksOfLength[lines] && !used.get(kind).has(hash));
    open.sort((left, right) => taken.get(`${left} ${lines}`).length - taken.get(`${right} ${lines}`).length);
    const kind = open[0];
    if (kind !== undefined) {
      const tasks = taken.get(`${kind} ${lines}`);
      const id = `${name}-${kind}-${lines}-${String(tasks.length + 1).padStart(3, "0")}`;
      tasks.push(taskOf(kind, text, kind === "induction" ? pairs.slice(0, 6) : pairs.slice(0, 1), id));
      used.get(kind).add(hash);
    }
    if (full()) break;
  }
  if (!full()) throw new Error(`the ${name} split has too few programs`);
  return [...taken.values()].flat();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL("../../models/seedling/held-out", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const executor = await openExecutor({ workers: 2 });
  try {
    for (const name of Object.keys(files)) {
      const tasks = await heldOutTasks({ executor, name });
      writeFileSync(join(folder, `${name}.jsonl`), tasks.map((task) => JSON.stringify(task) + "\n").join(""));
      console.error(`${name}: ${tasks.length} tasks -> ${folder}`);
    }
  } finally {
    await executor.dispose();
  }
}
