// A process that trains (or resumes) with the real engine and the real executor and may kill itself, by SIGKILL, at a named point: so
// the kill comes in the middle of that piece of work and not near it. `real-child.ts train|resume DIR POINT COUNT`
import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Engine } from "../../../src/engine/engine.ts";
import { openEngine } from "../../../src/engine/open.ts";
import { nodeDisk, type Disk } from "../../../src/run/disk.ts";
import { resume, train } from "../../../src/train.ts";

const [mode, dir = "", point = "", count = "0"] = process.argv.slice(2);
const seen = new Map<string, number>();

/** Runs work, and kills the process a moment after it has begun when it is the one to strike at. */
async function strikeIn<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  const number = (seen.get(name) ?? 0) + 1;
  seen.set(name, number);
  let pending = true;
  const result = work().finally(() => (pending = false));
  if (name === point && number === Number(count)) {
    await delay(1);
    writeSync(1, `${name} ${pending ? "under way" : "over"}\n`);
    process.kill(process.pid, "SIGKILL");
    await delay(60_000);
  }
  return result;
}

const engine = await openEngine({ model: "seedling", threads: 2 });
const striking: Engine = {
  ...engine,
  generate: (request) => strikeIn("generate", () => engine.generate(request)),
  update: (request) => strikeIn("update", () => engine.update(request)),
  saveModel: (folder) => strikeIn("saveModel", () => engine.saveModel(folder)),
};
const disk: Disk = {
  ...nodeDisk,
  // The pointer `latest` is written last: before that, a whole checkpoint lies there that nothing names.
  writeFile: (path, bytes) => (/latest\.\d+\.tmp$/.test(path) ? strikeIn("pointer", () => nodeDisk.writeFile(path, bytes)) : nodeDisk.writeFile(path, bytes)),
};
const options = { engine: striking, disk };
const config = {
  preset: "tiny-cpu",
  steps: 6,
  seed: 3,
  curriculum: { proposals: 4, rollouts: { n: 2 } },
  engine: { threads: 2 },
  run: { dir, name: "run", checkpointEvery: 2 },
} as const;
const run = mode === "resume" ? resume(dir, options) : train(config, options);
const { status, step } = await run.result;
writeSync(1, `${status} ${step}\n`);
await engine.dispose();
