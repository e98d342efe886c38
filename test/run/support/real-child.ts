// A process that trains (or resumes) with the real engine and the real executor and may kill itself, by SIGKILL, in a given step: in the
// middle of a named piece of work or so many milliseconds after the step began. `real-child.ts train|resume DIR STEPS THREADS [POINT STEP COUNT]`;
// AZR_TEST_CONFIG holds settings beside those below, as JSON.
import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type ConfigInput, resolveConfig } from "../../../src/config/index.ts";
import { loraOptions } from "../../../src/config/update-section.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { openEngine } from "../../../src/engine/open.ts";
import type { RunEvent } from "../../../src/events.ts";
import type { Executor } from "../../../src/executor/executor.ts";
import { openExecutor } from "../../../src/executor/open.ts";
import { nodeDisk, type Disk } from "../../../src/run/disk.ts";
import { resume, train } from "../../../src/train.ts";

const [mode, dir = "", steps = "", threads = "2", point = "", inStep = "0", count = "0"] = process.argv.slice(2);
let step = 0;
let seen = 0;

async function strike(said: string): Promise<void> {
  writeSync(1, `${point} ${said}\n`);
  process.kill(process.pid, "SIGKILL");
  await delay(60_000);
}

/** Runs work, and kills the process a moment after it has begun when it is the one to strike at: the first in or after the given step, or a later one. */
async function strikeIn<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  if (name !== point || step < Number(inStep) || ++seen !== Number(count)) return work();
  let pending = true;
  const result = work().finally(() => (pending = false));
  await delay(1);
  await strike(pending ? "under way" : "over");
  return result;
}

function onEvent({ type, step: now }: RunEvent): void {
  if (type !== "step-start") return;
  step = now;
  if (point === "time" && step >= Number(inStep) && ++seen === 1) void delay(Number(count)).then(() => strike("over"));
}

const { curriculum, ...more } = JSON.parse(process.env["AZR_TEST_CONFIG"] ?? "{}") as ConfigInput;
const config: ConfigInput = {
  preset: "tiny-cpu",
  steps: Number(steps),
  seed: 3,
  curriculum: { proposals: 4, rollouts: { n: 2 }, ...curriculum },
  ...more,
  run: { dir, name: "run", checkpointEvery: 2 },
};
const settled = resolveConfig({ argument: config }).config;
const engine = await openEngine({ model: "seedling", threads: Number(threads), ...loraOptions(settled.update.lora, settled.seed) });
const executor = await openExecutor();
const striking: Engine = {
  ...engine,
  generate: (request) => strikeIn("generate", () => engine.generate(request)),
  update: (request) => strikeIn("update", () => engine.update(request)),
  saveModel: (folder) => strikeIn("save", () => engine.saveModel(folder)),
  saveAdapter: (folder) => strikeIn("save", () => engine.saveAdapter(folder)),
};
const verifying: Executor = { ...executor, run: (request) => strikeIn("verify", () => executor.run(request)) };
const disk: Disk = {
  ...nodeDisk,
  // The pointer `latest` is written last: before that, a whole checkpoint lies there that nothing names.
  writeFile: (path, bytes) => (/latest\.\d+\.tmp$/.test(path) ? strikeIn("pointer", () => nodeDisk.writeFile(path, bytes)) : nodeDisk.writeFile(path, bytes)),
};
const options = { engine: striking, executor: verifying, disk, onEvent };
const run = mode === "resume" ? resume(dir, options) : train(config, options);
const { status, step: last } = await run.result;
writeSync(1, `${status} ${last}\n`);
await engine.dispose();
await executor.dispose();
