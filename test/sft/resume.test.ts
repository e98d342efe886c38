// The real engine: processes killed by SIGKILL in a gradient step, while measuring and while writing end, once resumed, with the bytes of one
// that nothing happened to. And what may change on resuming. (The seedling's architecture, from random weights; openEngine is in support/child.ts.)
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { nativeFolder } from "../../scripts/native-location.mjs";
import { resume } from "../../src/train.ts";
import { resumeSft } from "../../src/sft.ts";
import { exampleRows } from "./support/recipe.ts";

const addon = join(nativeFolder(), "azr.node");
const skip = !existsSync(addon) && `${addon} not built: npm run build makes it`;
const child = fileURLToPath(new URL("./support/child.ts", import.meta.url));

function start(...args: string[]): Promise<{ said: string; ended: string | number | null }> {
  const started = spawn(process.execPath, [...process.execArgv, child, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  started.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve) => started.on("close", (code, signal) => resolve({ said, ended: signal ?? code })));
}

const hash = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
/** What has to be equal: metrics as text, weights and optimizer by their hashes. */
const results = (dir: string) => ({
  metrics: readFileSync(join(dir, "metrics.jsonl"), "utf8"),
  latest: readFileSync(join(dir, "latest"), "utf8"),
  ...Object.fromEntries(["checkpoints/step-000009/model.safetensors", "checkpoints/step-000009/optimizer.safetensors", "best/model.safetensors", "model/model.safetensors"].map((name) => [name, hash(join(dir, name))])),
});

t.test("SIGKILL at any moment, then resume: the same bytes", { skip, timeout: 580_000 }, async (t) => {
  const parent = t.testdir({});
  const whole = join(parent, "whole");
  const { said, ended } = await start("train", whole);
  t.equal(ended, 0);
  t.match(said, /^finished 9 \d/);
  const expected = results(join(whole, "run"));
  const lines = expected.metrics.trim().split("\n").map((line) => JSON.parse(line) as Record<string, number>);
  t.same(lines.map(({ step }) => step), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  t.same(lines.flatMap((line) => ("validation/loss" in line ? [line["step"]] : [])), [2, 4, 6, 8, 9], "measured when it should be, and at the end");
  t.ok(lines.at(-1)!["update/loss"]! < lines[0]!["update/loss"]!, "it learns");

  const kills: [first: [string, string], second: [string, string]][] = [
    [["update", "1"], ["update", "6"]],
    [["score", "2"], ["saveModel", "3"]],
  ];
  for (const [first, second] of kills) {
    const folder = join(parent, first.join("-"));
    t.match(await start("train", folder, ...first), { said: `${first[0]}\n`, ended: "SIGKILL" });
    t.match(await start("resume", folder, ...second), { said: `${second[0]}\n`, ended: "SIGKILL" });
    t.match(await start("resume", folder), { said, ended: 0 });
    t.same(results(join(folder, "run")), expected, `killed in ${first.join(" ")}, then in ${second.join(" ")}`);
    t.same(readdirSync(join(folder, "run")).filter((name) => /tmp|lock|partial/.test(name)), [], "nothing half-written is left");
  }

  const dir = join(whole, "run");
  await t.rejects(resume(dir).result, { code: "AZR_RUN_FOLDER", message: /another sort: sft/ });
  await t.rejects(resumeSft(dir, { change: { update: { learningRate: 1 } } }).result, { code: "AZR_CHECKPOINT_INCOMPATIBLE", message: /update\.learningRate/ });
  await t.rejects(resumeSft(dir, { change: { steps: 12 } }).result, { code: "AZR_CHECKPOINT_INCOMPATIBLE", message: /steps/ }, "the step size falls towards the last step");
  const rows = exampleRows(600).map((row, index) => `${JSON.stringify(index === 77 ? { ...row, response: "0" } : row)}\n`).join("");
  writeFileSync(join(whole, "rows.jsonl"), rows);
  await t.rejects(resumeSft(dir).result, { code: "AZR_CHECKPOINT_INCOMPATIBLE", message: /data is not what this run began with/, hint: /rows\.jsonl/ });
});
