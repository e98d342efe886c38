// The real engine, the real executor and the bundled model: processes killed by SIGKILL while sampling, training and writing a
// checkpoint end, once resumed, with the bytes of one that nothing happened to. (resume.test.ts does this at many more points, with fakes.)
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { nativeFolder } from "../../scripts/native-location.mjs";
import { nativeMissing } from "../executor/support/native.ts";
import { lines, resultFiles } from "./support/fake-run.ts";

const addon = join(nativeFolder(), "azr.node");
const skip = nativeMissing || (!existsSync(addon) && `${addon} not built: npm run build makes it`);
const child = fileURLToPath(new URL("./support/real-child.ts", import.meta.url));

/** What the process wrote, and how it ended: a signal's name or an exit code. */
function start(...args: string[]): Promise<{ said: string; ended: string | number | null }> {
  const started = spawn(process.execPath, [...process.execArgv, child, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  started.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve) => started.on("close", (code, signal) => resolve({ said, ended: signal ?? code })));
}

t.test("SIGKILL at any moment, then resume: the same bytes", { skip, timeout: 280_000 }, async (t) => {
  const parent = t.testdir({});
  const whole = join(parent, "whole");
  await mkdir(whole);
  t.same(await start("train", whole), { said: "finished 6\n", ended: 0 });
  const expected = await resultFiles(join(whole, "run"));
  const metrics = await lines<Record<string, number>>(join(whole, "run", "metrics.jsonl"));
  t.ok(metrics.some((line) => line["propose/deduction/accepted"]! > 0), "tasks were accepted");
  t.ok(metrics.some((line) => line["update/loss"] !== undefined), "and gradients taken");

  // Each run is struck twice: in its first sitting, and on going on. 6 requests to sample a step; checkpoints after steps 2 and 4, and at the end.
  const kills: [name: string, first: [string, number], second: [string, number]][] = [
    ["while sampling", ["generate", 9], ["generate", 16]],
    ["in a gradient step, then while the model is written", ["update", 4], ["saveModel", 1]],
    ["while the model is written, then before the pointer to it", ["saveModel", 2], ["pointer", 1]],
  ];
  for (const [name, [point, count], [again, times]] of kills) {
    const folder = join(parent, point);
    const dir = join(folder, "run");
    await mkdir(folder);
    // A small write may be over before the signal arrives; the bytes below must be equal from either moment.
    t.match(await start("train", folder, point, String(count)), { said: new RegExp(`^${point} (under way|over)\n$`), ended: "SIGKILL" }, name);
    t.match(await start("resume", dir, again, String(times)), { said: new RegExp(`^${again} (under way|over)\n$`), ended: "SIGKILL" }, `${name}, and again`);
    t.same(await start("resume", dir), { said: "finished 6\n", ended: 0 });
    const files = await resultFiles(dir);
    t.equal(Buffer.from(files["metrics.jsonl"]!, "base64").toString(), Buffer.from(expected["metrics.jsonl"]!, "base64").toString(), `${name}: metrics.jsonl`);
    t.same(files, expected, `${name}: tasks, rollouts, weights, optimizer`);
    t.same((await readdir(join(dir, "checkpoints"))).filter((entry) => entry.endsWith(".tmp")), [], "nothing half-written is left");
  }
});
