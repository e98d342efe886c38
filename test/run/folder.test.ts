// The folder of a run: opened where its checkpoint stood, and told at once when it cannot be used.
import { appendFile, mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { resolveConfig } from "../../src/config/index.ts";
import { type Disk, diskFault, nodeDisk } from "../../src/run/disk.ts";
import { createRunFolder, openRunFolder } from "../../src/run/folder.ts";
import { selfPlayForm } from "../../src/run/form.ts";
import { model } from "./support/model-file.ts";

t.test("a folder that cannot be made or used is told", async (t) => {
  const dir = t.testdir({ file: "" });
  const below = (run: object) => createRunFolder(selfPlayForm, resolveConfig({ argument: { run } }));
  await t.rejects(below({ dir: join(dir, "file", "runs") }), { code: "AZR_RUN_FOLDER", message: /make the folder/ });
  for (const nowhere of ["/proc/azr", "/proc/azr/a/b"]) {
    await t.rejects(below({ dir: nowhere }), { code: "AZR_RUN_FOLDER", hint: /./ }, "a folder in which nothing can be made is told at once");
  }
  const denied: Disk = { ...nodeDisk, makeFolder: async (path) => { throw diskFault("make the folder", path, Object.assign(new Error(""), { code: "EACCES" })); } };
  await t.rejects(createRunFolder(selfPlayForm, resolveConfig({ argument: { run: { dir } } }), denied), { code: "AZR_RUN_FOLDER", message: /No permission/ });
  await mkdir(join(dir, "used"));
  await writeFile(join(dir, "used", "x"), "");
  await t.rejects(below({ dir, name: "used" }), { code: "AZR_RUN_FOLDER", message: /not empty/, hint: /azr resume/ });
  await t.rejects(openRunFolder(selfPlayForm, dir), { code: "AZR_RUN_FOLDER", message: /not a run folder/ });
});

t.test("a folder is opened where its checkpoint stood; leftovers go, missing bytes are told", async (t) => {
  const runs = t.testdir({});
  const resolved = resolveConfig({ preset: "tiny-cpu", argument: { run: { dir: runs } } });
  const first = await createRunFolder(selfPlayForm, resolved);
  t.equal(first.dir, join(runs, "tiny-cpu-seed0"));
  const second = await createRunFolder(selfPlayForm, resolved);
  t.equal(second.dir, join(runs, "tiny-cpu-seed0-2"), "names do not collide");
  await second.close();
  await t.rejects(openRunFolder(selfPlayForm, first.dir), { code: "AZR_RUN_FOLDER", message: new RegExp(`in use by process ${process.pid}`) });

  first.logs.metrics.append({ step: 1 });
  first.logs.journal.append({ step: 1, call: "analyse", key: "k", result: {} });
  const offsets = await first.mark();
  await first.writeRollouts(1, "{}\n");
  await first.checkpoint({ step: 1, configHash: resolved.hash, offsets, state: { seed: 0, tasks: 0 } }, model("w"));
  first.logs.metrics.append({ step: 2 });
  first.logs.journal.append({ step: 2, call: "analyse", key: "k2", result: {} });
  await first.close();
  await mkdir(join(first.dir, "checkpoints", ".step-000002.1.tmp"));
  await writeFile(join(first.dir, "config.json.1.tmp"), "");
  for (const left of ["failures/step-000002.1.tmp", ".model.1.partial"]) await mkdir(join(first.dir, left), { recursive: true });
  await appendFile(join(first.dir, "journal.jsonl"), '{"step":2,"ca');

  const { folder, checkpoint, journal, config } = await openRunFolder(selfPlayForm, first.dir);
  t.equal(checkpoint?.step, 1);
  t.same(journal.map(({ step, key }) => [step, key]), [[2, "k2"]], "verdicts after the checkpoint are read back");
  t.same(config, resolved.config);
  t.same((await readdir(join(first.dir, "checkpoints"))), ["step-000001"]);
  await folder.close();
  t.equal(await readFile(join(first.dir, "metrics.jsonl"), "utf8"), '{"step":1}\n', "metrics are cut back");
  t.match(await readFile(join(first.dir, "journal.jsonl"), "utf8"), /k2.*\n$/, "the journal keeps whole lines");
  t.same((await readdir(first.dir)).filter((name) => /tmp|lock|partial/.test(name)), []);
  t.same(await readdir(join(first.dir, "failures")), []);

  await truncate(join(first.dir, "metrics.jsonl"), 3);
  await t.rejects(openRunFolder(selfPlayForm, first.dir), { code: "AZR_RUN_FOLDER", message: /metrics\.jsonl has 3 bytes/ });
  await writeFile(join(first.dir, "metrics.jsonl"), '{"step":1}\n');
  const text = await readFile(join(first.dir, "config.json"), "utf8");
  await writeFile(join(first.dir, "config.json"), text.replace('"seed": 0', '"seed": 1'));
  await t.rejects(openRunFolder(selfPlayForm, first.dir), { code: "AZR_RUN_FOLDER", message: /do not match their hash|does not match|do not match/ });
  await writeFile(join(first.dir, "config.json"), "{");
  await t.rejects(openRunFolder(selfPlayForm, first.dir), { code: "AZR_RUN_FOLDER", message: /config\.json cannot be used/ });
});
