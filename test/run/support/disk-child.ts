// Runs inside namespaces of its own (disk-faults.test.ts), where it mounts a small disk over DIR: a real run is started, the disk is made full or
// read-only under it, or its folder goes; it prints what the run failed with, then what resuming gives once all is well. `disk-child.ts FAULT DIR`
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { AzrError } from "../../../src/errors.ts";
import { openEngine } from "../../../src/engine/open.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { latestCheckpoint, listCheckpoints, readCheckpoint } from "../../../src/run/checkpoint.ts";
import { fakeExecutor } from "../../../src/testing/index.ts";
import { resume, train } from "../../../src/train.ts";

const [fault = "", dir = ""] = process.argv.slice(2);
const mount = (options: string) => execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", dir]);
/** Leaves this many bytes on the disk. */
function fill(leave: number): void {
  const { bavail, bsize } = statfsSync(dir);
  const file = openSync(join(dir, "ballast"), "w");
  for (let left = bavail * bsize - leave; left > 0; left -= 1 << 16) writeSync(file, Buffer.alloc(Math.min(1 << 16, left)));
  closeSync(file);
}

mount("size=64m");
const engine = await openEngine({ model: "seedling", threads: 1 });
let saves = 0;
/** The fault comes with the second checkpoint. */
async function saveModel(folder: string): Promise<void> {
  saves += 1;
  if (saves === 2) {
    if (fault === "full model") fill(1 << 20);
    if (fault === "read-only") execFileSync("mount", ["-o", "remount,ro", dir]);
    if (fault === "removed") rmSync(join(dir, "run"), { recursive: true });
  }
  await engine.saveModel(folder);
  if (saves === 2 && fault === "full optimizer") fill(1 << 20);
}
const watched: Engine = { ...engine, saveModel };
const parts = { engine: watched, executor: fakeExecutor() };
const config = { preset: "tiny-cpu", steps: 3, curriculum: { proposals: 2, rollouts: { n: 2 } }, run: { dir, name: "run", checkpointEvery: 1, recordRollouts: false } } as const;

async function outcome(run: { result: Promise<{ status: string; step: number }> }): Promise<object> {
  try {
    const { status, step } = await run.result;
    return { status, step };
  } catch (error) {
    return AzrError.isInstance(error) ? { code: error.code, message: error.message, hint: error.hint } : { message: String(error) };
  }
}
const first = await outcome(train(config, parts));
const run = join(dir, "run");
const there = existsSync(join(run, "latest"));
const latest = there ? await latestCheckpoint(run) : null;
if (latest) await readCheckpoint(run, latest);
if (fault === "read-only") execFileSync("mount", ["-o", "remount,rw", dir]);
rmSync(join(dir, "ballast"), { force: true });
const second = there ? await outcome(resume(run, parts)) : null;
console.log(JSON.stringify({ first, latest, second, checkpoints: await listCheckpoints(run) }));
await engine.dispose();
