// Disks that fail under a run: real ones (a small file system in namespaces of its own, node:child_process) that fill up or become read-only while the
// real engine saves, a folder that is removed, and with the fakes every file operation in turn. One error with a code, and the checkpoint before whole.
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { nativeFolder } from "../../scripts/native-location.mjs";
import { latestCheckpoint, readCheckpoint } from "../../src/run/checkpoint.ts";
import { type Disk, diskFault, nodeDisk } from "../../src/run/disk.ts";
import { resumeFake, trainFake } from "./support/fake-run.ts";

const inNamespaces = ["--user", "--map-root-user", "--mount"];
function whyNot(): string | false {
  if (!existsSync(join(nativeFolder(), "azr.node"))) return "the addon is not built: npm run build makes it";
  try {
    execFileSync("unshare", [...inNamespaces, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "ignore" });
    return false;
  } catch {
    return "this machine lets no user mount a file system in namespaces of its own (unshare)";
  }
}

const child = fileURLToPath(new URL("./support/disk-child.ts", import.meta.url));
const real = (fault: string, dir: string): Promise<{ first: object; latest: string | null; second: object | null }> =>
  new Promise((resolve, reject) =>
    execFile("unshare", [...inNamespaces, process.execPath, ...process.execArgv, child, fault, dir], (error, stdout) => (error ? reject(error) : resolve(JSON.parse(stdout)))),
  );

t.test("a real disk fails while the second checkpoint is written", { skip: whyNot(), timeout: 200_000 }, async (t) => {
  const whole = { latest: "step-000001", second: { status: "finished", step: 3 } };
  const cases: [fault: string, expected: object][] = [
    ["full model", { first: { code: "AZR_RUN_FOLDER", hint: /[Ff]ree (some|disk) space/ }, ...whole }],
    ["full optimizer", { first: { code: "AZR_RUN_FOLDER", hint: /[Ff]ree (some|disk) space/ }, ...whole }],
    ["read-only", { first: { code: "AZR_RUN_FOLDER" }, ...whole }],
    ["removed", { first: { code: "AZR_RUN_FOLDER" }, latest: null, second: null }],
  ];
  for (const [fault, expected] of cases) t.match(await real(fault, t.testdir({})), expected, fault);
});

const steps = 8;
const run = { checkpointEvery: 3, name: "run" };

t.test("each file operation fails once, at its second checkpoint: told with a code, resumed to the end", async (t) => {
  t.testdir({});
  const operations: (keyof Disk)[] = ["claimFolder", "writeFile", "rename", "remove", "syncFolder"];
  for (const code of ["ENOSPC", "EROFS", "EIO"]) {
    for (const name of operations) {
      const parent = join(t.testdirName, `${code}-${name}`);
      // From the second checkpoint on.
      const broken = Object.fromEntries(
        operations.map((operation) => [
          operation,
          async (...values: never[]) => {
            const path = String(values[0]);
            if (operation === name && /checkpoints\/\.?step-000006/.test(path)) throw diskFault(name, path, Object.assign(new Error(code), { code }));
            return (nodeDisk[operation] as (...values: never[]) => unknown)(...values);
          },
        ]),
      );
      const failing = trainFake(parent, { steps, run }, { disk: { ...nodeDisk, ...broken } as Disk });
      await t.rejects(failing.result, { code: "AZR_RUN_FOLDER", hint: /./ }, `${name} gives ${code}`);
      const dir = join(parent, "run");
      t.equal(await latestCheckpoint(dir), "step-000003");
      t.match(await readCheckpoint(dir, "step-000003"), { step: 3 });
      t.match(await resumeFake(dir).result, { status: "finished", step: steps });
    }
  }
});

t.test("a folder that is removed or moved under a run is noticed at the end of the step", async (t) => {
  const parent = t.testdir({});
  for (const [name, away] of [["removed", (dir: string) => rm(dir, { recursive: true })], ["moved", (dir: string) => rename(dir, `${dir}-away`)]] as const) {
    const going = trainFake(parent, { steps, run: { ...run, name, recordRollouts: false } });
    const watching = (async () => {
      for await (const { type, step } of going) if (type === "rollout-end" && step === 5) await away(going.dir!).catch(() => undefined);
    })();
    await t.rejects(going.result, { code: "AZR_RUN_FOLDER", message: /removed or moved while the run was under way/ }, name);
    await watching.catch(() => undefined);
    t.notOk(existsSync(join(parent, name)), "and nothing is made anew in its place");
  }
  await rename(join(parent, "moved-away"), join(parent, "moved"));
  // As a dead process would leave it: the lock of this one, which lives, counts.
  await rm(join(parent, "moved", "run.lock"));
  t.match(await resumeFake(join(parent, "moved")).result, { status: "finished", step: steps }, "a moved one goes on once it is back");
});
