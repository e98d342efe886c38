// The lock of a run folder: one process at a time, and none after a process that died.
import { spawn } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { lockRun } from "../../src/run/lock.ts";

t.test("the lock: one process at a time, taken over from the dead, and from a pid that was given away", async (t) => {
  const dir = t.testdir({});
  const lock = await lockRun(dir);
  await t.rejects(lockRun(dir), { code: "AZR_RUN_FOLDER", details: { pid: process.pid } });
  await lock.release();
  const child = spawn(process.execPath, ["-e", ""]);
  await new Promise((resolve) => child.on("exit", resolve));
  for (const stale of [`${child.pid} 12345\n`, `${process.pid} 1\n`, "garbage\n"]) {
    await writeFile(join(dir, "run.lock"), stale);
    await (await lockRun(dir)).release();
  }
  const racers = await Promise.allSettled(Array.from({ length: 8 }, () => lockRun(dir)));
  t.equal(racers.filter(({ status }) => status === "fulfilled").length, 1, "of eight at once one gets it");
  t.same((await readdir(dir)), ["run.lock"], "and nothing else is left behind");
});
