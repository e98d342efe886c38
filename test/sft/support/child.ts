// A process that trains (or resumes) with the real engine and may kill itself, by SIGKILL, while a named piece of work is under way, for the
// n-th time: `child.ts train|resume FOLDER [update|score|saveModel N]`.
import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Engine } from "../../../src/engine/engine.ts";
import { openEngine } from "../../../src/engine/open.ts";
import { resumeSft, sft } from "../../../src/sft.ts";
import { exampleRun } from "./recipe.ts";

const [mode, folder = "", point = "", count = "0"] = process.argv.slice(2);
let seen = 0;

async function strikeIn<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  const result = work();
  if (name !== point || ++seen !== Number(count)) return result;
  await delay(1);
  writeSync(1, `${name}\n`);
  process.kill(process.pid, "SIGKILL");
  await delay(60_000);
  return result;
}

const config = exampleRun(folder, { seed: 5, steps: 9 });
const engine = await openEngine({ model: config.model, initialize: { seed: config.seed }, threads: 1 });
const striking: Engine = {
  ...engine,
  update: (request) => strikeIn("update", () => engine.update(request)),
  score: (request) => strikeIn("score", () => engine.score(request)),
  saveModel: (to, options) => strikeIn("saveModel", () => engine.saveModel(to, options)),
};
const long = { ...config, run: { ...config.run, checkpointEvery: 2 }, validation: { ...config.validation, share: 0.1, every: 2, keepBest: true } };
const run = mode === "resume" ? resumeSft(`${folder}/run`, { engine: striking }) : sft(long, { engine: striking });
const { status, step, best } = await run.result;
writeSync(1, `${status} ${step} ${best?.loss}\n`);
await engine.dispose();
