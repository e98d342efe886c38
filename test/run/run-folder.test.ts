// The run folder: logs of known length, checkpoints that stay whole, damage that is found and named, the journal, the lock.
import { spawn } from "node:child_process";
import { appendFile, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { resolveConfig } from "../../src/config/index.ts";
import type { RunEvent } from "../../src/events.ts";
import { openAppendLog } from "../../src/run/append-log.ts";
import { checkpointName, latestCheckpoint, listCheckpoints, readCheckpoint, saveCheckpoint } from "../../src/run/checkpoint.ts";
import { type Disk, diskFault, nodeDisk } from "../../src/run/disk.ts";
import { createEventStream } from "../../src/run/event-stream.ts";
import { createRunFolder, openRunFolder } from "../../src/run/folder.ts";
import { journaledExecutor, readJournal } from "../../src/run/journal.ts";
import { lockRun } from "../../src/run/lock.ts";
import { failingDisk, fakeExecutor } from "../../src/testing/index.ts";

const state = (step: number) => ({ step, configHash: "h", offsets: { events: step }, state: { seed: 1, tasks: step } });
const model = (text: string) => async (folder: string) => writeFile(join(folder, "model.safetensors"), text);
const save = (dir: string, step: number, options: { disk?: Disk; keep?: number; files?: (folder: string) => Promise<void> } = {}) =>
  saveCheckpoint({ disk: nodeDisk, dir, state: state(step), saveFiles: model(`weights ${step}`), keep: 9, ...options, ...(options.files ? { saveFiles: options.files } : {}) });

t.test("logs: what is flushed is in the file, and opening cuts back to a length", async (t) => {
  const path = join(t.testdir({}), "x.jsonl");
  const log = await openAppendLog(nodeDisk, path, 0);
  log.append({ a: 1 });
  t.equal(log.size, 0, "not yet in the file");
  await log.flush();
  const mark = log.size;
  t.equal(await readFile(path, "utf8"), '{"a":1}\n');
  log.append({ b: "é" });
  await Promise.all([log.flush(), log.flush()]);
  await log.close();
  t.equal(log.size, Buffer.byteLength('{"a":1}\n{"b":"é"}\n'));
  await appendFile(path, '{"torn":');
  const again = await openAppendLog(nodeDisk, path, mark);
  again.append({ c: 3 });
  await again.close();
  t.equal(await readFile(path, "utf8"), '{"a":1}\n{"c":3}\n');
  const small = await openAppendLog(failingDisk({ bytes: 10, as: "full" }), path, 0);
  small.append({ long: "0123456789" });
  await t.rejects(small.flush(), { code: "AZR_RUN_FOLDER", message: /disk is full/ });
  small.append({ after: 1 });
  await t.rejects(small.flush(), { code: "AZR_RUN_FOLDER" }, "nothing follows half a line");
  await t.rejects(small.close(), { code: "AZR_RUN_FOLDER" });
});

t.test("checkpoints: renamed when whole, pruned, and whole after a failure at any byte", async (t) => {
  const dir = t.testdir({});
  t.equal(await latestCheckpoint(dir), undefined);
  for (const step of [1, 2, 3]) await save(dir, step, { keep: 2 });
  t.same(await listCheckpoints(dir), ["step-000002", "step-000003"]);
  t.equal(await latestCheckpoint(dir), "step-000003");
  t.same(await readCheckpoint(dir, "step-000003"), state(3));
  t.equal(await save(dir, 3), join(dir, "checkpoints", "step-000003"), "the same step again is no work");

  let failures = 0;
  let written: string | undefined;
  for (let bytes = 0; written === undefined; bytes += 7) {
    const disk = failingDisk({ bytes, as: bytes % 2 === 0 ? "full" : "dead" });
    const files = async (folder: string) => disk.writeFile(join(folder, "model.safetensors"), Buffer.from("weights 4"));
    try {
      written = await save(dir, 4, { disk, files });
    } catch (error) {
      failures += 1;
      t.match(error, { code: "AZR_RUN_FOLDER", hint: /azr resume/ });
      const latest = (await latestCheckpoint(dir))!;
      t.equal(latest, "step-000003", `failing at byte ${bytes} leaves the pointer`);
      t.same(await readCheckpoint(dir, latest), state(3), "and the checkpoint it names whole");
    }
  }
  t.ok(failures > 20, `${failures} points of failure`);
  t.same(await readCheckpoint(dir, "step-000004"), state(4));
  const plain = async () => {
    throw Object.assign(new Error("boom"), { code: "EIO" });
  };
  await t.rejects(save(dir, 5, { files: plain }), { code: "AZR_RUN_FOLDER", message: /boom/ });
});

t.test("damage is found, named, and the way back is told", async (t) => {
  const cases: [name: string, damage: (path: string) => Promise<unknown>, message: RegExp][] = [
    ["truncated model", (path) => truncate(join(path, "model.safetensors"), 3), /model\.safetensors has 3 bytes instead of 9/],
    ["changed byte", (path) => writeFile(join(path, "model.safetensors"), "weights 9"), /model\.safetensors does not match its checksum/],
    ["model gone", (path) => rm(join(path, "model.safetensors")), /model\.safetensors is missing/],
    ["state gone", (path) => rm(join(path, "state.json")), /state\.json is missing/],
    ["state cut off", (path) => truncate(join(path, "state.json"), 40), /state\.json does not match its checksum/],
    ["state empty", (path) => truncate(join(path, "state.json"), 0), /state\.json does not match its checksum/],
    ["folder gone", (path) => rm(path, { recursive: true }), /state\.json is missing/],
  ];
  for (const [name, damage, message] of cases) {
    const dir = join(t.testdir({}), name.replace(" ", "-"));
    await mkdir(dir);
    await save(dir, 1);
    await save(dir, 2);
    await damage(join(dir, "checkpoints", "step-000002"));
    await t.rejects(readCheckpoint(dir, "step-000002"), { code: "AZR_CHECKPOINT_CORRUPT", message, hint: /write step-000001 into the file `latest`/ }, name);
    t.same(await readCheckpoint(dir, "step-000001"), state(1));
  }
  const dir = t.testdir({ latest: "nonsense\n" });
  await t.rejects(latestCheckpoint(dir), { code: "AZR_CHECKPOINT_CORRUPT" });
});

t.test("operating-system faults become one sentence and a next step", async (t) => {
  const cases: [code: string, message: RegExp, hint: RegExp][] = [
    ["ENOSPC", /disk is full/, /Free some space/],
    ["EDQUOT", /disk is full/, /Free some space/],
    ["EACCES", /No permission to write/, /run\.dir/],
    ["EROFS", /No permission to write/, /run\.dir/],
    ["EIO", /Could not write \/x: text/, /azr resume/],
  ];
  for (const [code, message, hint] of cases) {
    t.match(diskFault("write", "/x", Object.assign(new Error("text"), { code })), { code: "AZR_RUN_FOLDER", message, hint, details: { path: "/x", errno: code } });
  }
  const dir = t.testdir({ file: "" });
  const below = (run: object) => createRunFolder(resolveConfig({ argument: { run } }));
  await t.rejects(below({ dir: join(dir, "file", "runs") }), { code: "AZR_RUN_FOLDER", message: /make the folder/ });
  for (const nowhere of ["/proc/azr", "/proc/azr/a/b"]) {
    await t.rejects(below({ dir: nowhere }), { code: "AZR_RUN_FOLDER", hint: /./ }, "a folder in which nothing can be made is told at once");
  }
  for (let round = 0; round < 50; round += 1) {
    const deep = join(dir, `a${round}`, "b", "c");
    await Promise.all([nodeDisk.makeFolder(deep), nodeDisk.makeFolder(deep), nodeDisk.makeFolder(join(dir, `a${round}`))]);
    t.same(await readdir(deep), [], "folders above are made too, by several at once");
  }
  const denied: Disk = { ...nodeDisk, makeFolder: async (path) => { throw diskFault("make the folder", path, Object.assign(new Error(""), { code: "EACCES" })); } };
  await t.rejects(createRunFolder(resolveConfig({ argument: { run: { dir } } }), denied), { code: "AZR_RUN_FOLDER", message: /No permission/ });
  await mkdir(join(dir, "used"));
  await writeFile(join(dir, "used", "x"), "");
  await t.rejects(below({ dir, name: "used" }), { code: "AZR_RUN_FOLDER", message: /not empty/, hint: /azr resume/ });
  await t.rejects(openRunFolder(dir), { code: "AZR_RUN_FOLDER", message: /not a run folder/ });
});

t.test("a folder is opened where its checkpoint stood; leftovers go, missing bytes are told", async (t) => {
  const runs = t.testdir({});
  const resolved = resolveConfig({ preset: "tiny-cpu", argument: { run: { dir: runs } } });
  const first = await createRunFolder(resolved);
  t.equal(first.dir, join(runs, "tiny-cpu-seed0"));
  const second = await createRunFolder(resolved);
  t.equal(second.dir, join(runs, "tiny-cpu-seed0-2"), "names do not collide");
  await second.close();
  await t.rejects(openRunFolder(first.dir), { code: "AZR_RUN_FOLDER", message: new RegExp(`in use by process ${process.pid}`) });

  first.logs.metrics.append({ step: 1 });
  first.logs.journal.append({ step: 1, call: "analyse", key: "k", result: {} });
  const offsets = await first.mark();
  await first.writeRollouts(1, [{ a: 1 }]);
  await first.checkpoint({ step: 1, configHash: resolved.hash, offsets, state: { seed: 0, tasks: 0 } }, model("w"));
  first.logs.metrics.append({ step: 2 });
  first.logs.journal.append({ step: 2, call: "analyse", key: "k2", result: {} });
  await first.close();
  await mkdir(join(first.dir, "checkpoints", ".step-000002.1.tmp"));
  await writeFile(join(first.dir, "config.json.1.tmp"), "");
  await appendFile(join(first.dir, "journal.jsonl"), '{"step":2,"ca');

  const { folder, checkpoint, journal, config } = await openRunFolder(first.dir);
  t.equal(checkpoint?.step, 1);
  t.same(journal.map(({ step, key }) => [step, key]), [[2, "k2"]], "verdicts after the checkpoint are read back");
  t.same(config, resolved.config);
  t.same((await readdir(join(first.dir, "checkpoints"))), ["step-000001"]);
  await folder.close();
  t.equal(await readFile(join(first.dir, "metrics.jsonl"), "utf8"), '{"step":1}\n', "metrics are cut back");
  t.match(await readFile(join(first.dir, "journal.jsonl"), "utf8"), /k2.*\n$/, "the journal keeps whole lines");
  t.same((await readdir(first.dir)).filter((name) => /tmp|lock/.test(name)), []);

  await truncate(join(first.dir, "metrics.jsonl"), 3);
  await t.rejects(openRunFolder(first.dir), { code: "AZR_RUN_FOLDER", message: /metrics\.jsonl has 3 bytes/ });
  await writeFile(join(first.dir, "metrics.jsonl"), '{"step":1}\n');
  const text = await readFile(join(first.dir, "config.json"), "utf8");
  await writeFile(join(first.dir, "config.json"), text.replace('"seed": 0', '"seed": 1'));
  await t.rejects(openRunFolder(first.dir), { code: "AZR_RUN_FOLDER", message: /do not match their hash|does not match|do not match/ });
  await writeFile(join(first.dir, "config.json"), "{");
  await t.rejects(openRunFolder(first.dir), { code: "AZR_RUN_FOLDER", message: /config\.json cannot be used/ });
});

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

t.test("the journal answers repeats within a step and what a cut-off step had asked", async (t) => {
  const path = join(t.testdir({}), "journal.jsonl");
  const log = await openAppendLog(nodeDisk, path, 0);
  const inner = fakeExecutor({ override: (call, index) => {
    if (call.method === "run" && call.request.program === "fail" && index < 3) throw new Error("sandbox");
    return undefined;
  } });
  const program = "def f(a):\n    return a + 1";
  const request = { program, inputs: ["1"] };
  const journal = journaledExecutor(inner, log);
  journal.beginStep(1);
  const signal = new AbortController().signal;
  const [one, two] = await Promise.all([journal.run(request), journal.run({ ...request, signal })]);
  t.same(one, two);
  t.equal(inner.calls.length, 1, "equal requests of a step are asked once, whatever their signal");
  await journal.run({ ...request, limits: { cpuMs: 5 } });
  t.equal(inner.calls.length, 2, "other limits are another request");
  await t.rejects(journal.run({ program: "fail", inputs: ["1"] }), /sandbox/);
  t.equal((await journal.run({ program: "fail", inputs: ["1"] })).runs[0]?.outcome, "compile-error", "a failure is asked again");
  t.equal((await readJournal(path, 0)).entries.length, 3, "verdicts are in the file by the time they are used; failures are not");
  journal.beginStep(2);
  await journal.run(request);
  t.equal(inner.calls.length, 5, "a new step asks anew");
  const analyses = [await journal.analyse(program), await journal.analyse(program)];
  journal.beginStep(3);
  analyses.push(await journal.analyse(program));
  t.ok(analyses.every((one) => one === analyses[0]));
  t.equal(inner.calls.length, 6, "save what a program is, which is a function of its text");
  await log.close();

  const { entries } = await readJournal(path, 0);
  const later = fakeExecutor({ override: () => ({ runs: [], deterministic: null }) });
  const resumed = journaledExecutor(later, await openAppendLog(nodeDisk, path, 0), entries);
  resumed.beginStep(1);
  t.same(await resumed.run(request), one, "read back, not asked");
  t.same([later.calls.length, resumed.repeated()], [0, 1]);
  resumed.beginStep(3);
  t.same(await resumed.run(request), { runs: [], deterministic: null }, "a step without entries asks");
});

t.test("event streams: early events, several readers, slow readers, endings", async (t) => {
  const event = (type: "task-proposed" | "step-start", step: number) => ({ type, step, time: "", kind: "k", index: 0 }) as RunEvent;
  const stream = createEventStream(3);
  stream.push(event("step-start", 1));
  const first = stream.iterate();
  const second = stream.iterate();
  for (const step of [2, 3, 4, 5]) stream.push(event("task-proposed", step));
  stream.push(event("step-start", 6));
  stream.end();
  const steps = async (from: AsyncIterable<RunEvent>) => {
    const seen: (number | string)[] = [];
    for await (const one of from) seen.push(one.type === "warning" ? one.message : one.step);
    return seen;
  };
  t.same(await steps(first), [1, 2, 3, "2 events were dropped because this reader fell behind", 6], "detail is dropped, the rest is not");
  t.same(await steps(second), [2, 3, 4, "1 events were dropped because this reader fell behind", 6]);
  t.same(await steps(stream.iterate()), [], "after the end");

  const unwatched = createEventStream(3);
  for (const step of [1, 2, 3, 4, 5]) unwatched.push(event("step-start", step));
  const late = unwatched.iterate();
  unwatched.end(new Error("it failed"));
  const seen: number[] = [];
  await t.rejects(async () => { for await (const { step } of late) seen.push(step); }, /it failed/);
  t.same(seen, [3, 4, 5], "the newest are held for a late first reader");

  const waiting = createEventStream();
  const reader = waiting.iterate();
  const next = reader.next();
  await reader.return?.();
  t.same(await next, { value: undefined, done: true }, "return() ends a waiting next()");
  t.equal(checkpointName(120), "step-000120");
});
