// Checkpoints: whole whatever fails while one is written, and damage that is found and named.
import { mkdir, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { checkpointName, goBackTo, latestCheckpoint, listCheckpoints, readCheckpoint, requireCheckpoint, saveCheckpoint } from "../../src/run/checkpoint.ts";
import { type Disk, nodeDisk } from "../../src/run/disk.ts";
import { failingDisk } from "../../src/testing/index.ts";
import { model } from "./support/model-file.ts";

const state = (step: number) => ({ step, configHash: "h", offsets: { events: step }, state: { seed: 1, tasks: step } });
const save = (dir: string, step: number, options: { disk?: Disk; keep?: number; keepEvery?: number; files?: (folder: string) => Promise<void> } = {}) =>
  saveCheckpoint({ disk: nodeDisk, dir, state: state(step), saveFiles: model(`weights ${step}`), keep: 9, ...options, ...(options.files ? { saveFiles: options.files } : {}) });

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
    await t.rejects(readCheckpoint(dir, "step-000002"), { code: "AZR_CHECKPOINT_CORRUPT", message, hint: /from step-000001, .*: azr resume .* --checkpoint step-000001$/ }, name);
    t.same(await readCheckpoint(dir, "step-000001"), state(1));
  }
  const dir = t.testdir({ latest: "nonsense\n" });
  await t.rejects(latestCheckpoint(dir), { code: "AZR_CHECKPOINT_CORRUPT", hint: /start the run again/ });
});

t.test("the newest whole one before is offered, however many are damaged; a pointer that is gone is told", async (t) => {
  const dir = t.testdir({});
  for (const step of [1, 2, 3, 4]) await save(dir, step);
  for (const step of ["000004", "000003"]) await rm(join(dir, "checkpoints", `step-${step}`, "model.safetensors"));
  await t.rejects(readCheckpoint(dir, "step-000004"), { code: "AZR_CHECKPOINT_CORRUPT", hint: /--checkpoint step-000002$/, details: { whole: "step-000002" } });
  await rm(join(dir, "latest"));
  await t.rejects(latestCheckpoint(dir), { code: "AZR_CHECKPOINT_CORRUPT", message: /latest is damaged: it is missing/, hint: /--checkpoint step-000002$/ });
  const first = join(dir, "first");
  await mkdir(first);
  await save(first, 1);
  await rm(join(first, "latest"));
  t.equal(await latestCheckpoint(first), "step-000001", "the only one, when a kill came before the pointer to it");
});

t.test("going back to an earlier one sets the later ones aside", async (t) => {
  const dir = t.testdir({});
  for (const step of [3, 6, 9]) await save(dir, step);
  await goBackTo(nodeDisk, dir, "step-000003");
  t.equal(await latestCheckpoint(dir), "step-000003");
  t.same(await listCheckpoints(dir), ["step-000003"]);
  t.same((await readdir(join(dir, "checkpoints"))).sort(), ["step-000003", "step-000006.set-aside", "step-000009.set-aside"]);
  await save(dir, 6);
  t.same(await readCheckpoint(dir, "step-000006"), state(6));
  await goBackTo(nodeDisk, dir, "step-000003");
  t.same((await readdir(join(dir, "checkpoints"))).length, 3, "one set aside earlier is replaced");
  await t.rejects(requireCheckpoint(dir, "step-000004"), { code: "AZR_INPUT_INVALID", hint: "Choose one of step-000003." });
});

t.test("the newest are kept, and those of every n-th step for good", async (t) => {
  const dir = t.testdir({});
  for (const step of [0, 2, 4, 5, 6, 8, 10, 11, 12]) await save(dir, step, { keep: 2, keepEvery: 4 });
  t.same(await listCheckpoints(dir), ["step-000004", "step-000008", "step-000011", "step-000012"]);
  await save(dir, 13, { keep: 1 });
  t.same(await listCheckpoints(dir), ["step-000013"], "without it they go");
});

t.test("a checkpoint is named after its step", async (t) => {
  t.equal(checkpointName(120), "step-000120");
});
