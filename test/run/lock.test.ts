// The lock of a run folder: one process at a time, and none after a process that died.
import { spawn } from "node:child_process";
import { readFile, readdir, stat, unlink, utimes, writeFile } from "node:fs/promises";
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

t.test("processes of other machines and containers: a lock that is renewed is held, another is left", async (t) => {
  const dir = t.testdir({});
  const path = join(dir, "run.lock");
  // This pid and this start, elsewhere.
  const here = await lockRun(dir);
  const [pid, start] = (await readFile(path, "utf8")).split(" ");
  await here.release();
  await writeFile(path, `${pid} ${start} other-machine/pid:[1]\n`);
  await t.rejects(lockRun(dir), { code: "AZR_RUN_FOLDER", message: /another machine or container \(other-machine\)/, hint: /90 seconds/ });
  const past = new Date(Date.now() - 100_000);
  await utimes(path, past, past);
  const taken = await lockRun(dir, { renewMs: 10 });
  await utimes(path, past, past);
  for (let wait = 0; wait < 500 && (await stat(path)).mtimeMs < Date.now() - 50_000; wait++) await new Promise((resolve) => setTimeout(resolve, 10));
  t.ok((await stat(path)).mtimeMs > Date.now() - 50_000, "the owner renews it");

  await unlink(path);
  const other = await lockRun(dir);
  await taken.release();
  t.ok(await readFile(path, "utf8"), "who lost the lock does not remove that of the next");
  await other.release();
  await other.release();
  t.same(await readdir(dir), []);
});
