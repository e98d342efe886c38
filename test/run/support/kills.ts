// A real run that is killed by SIGKILL again and again, at moments drawn from a seed, beside one that nothing happens to.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";
import { nativeFolder } from "../../../scripts/native-location.mjs";
import type { ConfigInput } from "../../../src/config/index.ts";
import { createRandom } from "../../../src/random.ts";
import { nativeMissing } from "../../executor/support/native.ts";
import { lines, resultFiles } from "./fake-run.ts";

const addon = join(nativeFolder(), "azr.node");
/** Why such a test cannot run here, or false. */
export const killsSkipped = nativeMissing || (!existsSync(addon) && `${addon} not built: npm run build makes it`);

const child = fileURLToPath(new URL("./real-child.ts", import.meta.url));

/** What the process wrote, and how it ended: a signal's name or an exit code. */
function start(config: ConfigInput, ...args: (string | number)[]): Promise<{ said: string; ended: string | number | null }> {
  const env = { ...process.env, AZR_TEST_CONFIG: JSON.stringify(config) };
  const started = spawn(process.execPath, [...process.execArgv, child, ...args.map(String)], { stdio: ["ignore", "pipe", "inherit"], env });
  let said = "";
  started.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve) => started.on("close", (code, signal) => resolve({ said, ended: signal ?? code })));
}

/** Pieces of work to strike in, and how many of them a step has, roughly. */
const points: Record<string, number> = { generate: 6, verify: 20, update: 1, save: 1, pointer: 1 };

export interface Kill {
  point: string;
  step: number;
  /** Which one in the step; for `time` milliseconds after its start. */
  count: number;
}

/** Kills in rising steps: at each named point in turn, or, every second time with `clock`, at a moment of the clock within so many milliseconds. */
export function planKills({ steps, kills, seed, clock = 0 }: { steps: number; kills: number; seed: number; clock?: number }): Kill[] {
  const random = createRandom(seed, "kills");
  const names = random.shuffle(Object.keys(points));
  return Array.from({ length: kills }, (_, index) => {
    // Not in the last two steps: there a checkpoint may be the last piece of work.
    const step = 1 + Math.floor(((steps - 2) * (index + random.float())) / kills);
    if (clock > 0 && index % 2 === 1) return { point: "time", step, count: random.integer(clock) };
    const point = names[(clock > 0 ? index / 2 : index) % names.length]!;
    return { point, step, count: 1 + random.integer(points[point]!) };
  });
}

/** Runs both and compares every file that is a result. The number of threads changes from sitting to sitting. Gives the metrics and the run's folder. */
export async function killAndCompare(t: Test, { steps, plan, config = {} }: { steps: number; plan: Kill[]; config?: ConfigInput }): Promise<{ metrics: Record<string, number>[]; dir: string }> {
  const parent = t.testdir({});
  const whole = join(parent, "whole");
  const broken = join(parent, "broken");
  await mkdir(whole);
  await mkdir(broken);
  t.same(await start(config, "train", whole, steps, 2), { said: `finished ${steps}\n`, ended: 0 });
  const expected = await resultFiles(join(whole, "run"));
  const metrics = await lines<Record<string, number>>(join(whole, "run", "metrics.jsonl"));
  t.ok(metrics.some((line) => line["propose/deduction/accepted"]! > 0), "tasks were accepted");
  t.ok(metrics.some((line) => line["update/loss"] !== undefined), "and gradients taken");
  // Of proposals by older weights `score` computes the log-probabilities again, and it rounds otherwise.
  const gaps = metrics.map((line) => line["update/maxLogProbabilityGap"] ?? 0);
  if (config.curriculum?.overlap) t.ok(Math.max(...gaps) < 1e-4, `sampler and trainer agreed: ${Math.max(...gaps)}`);
  else t.same([...new Set(gaps)], [0], "sampler and trainer agreed to the bit");

  const dir = join(broken, "run");
  for (const [index, { point, step, count }] of plan.entries()) {
    const begun = existsSync(join(dir, "config.json"));
    const ended = await start(config, begun ? "resume" : "train", begun ? dir : broken, steps, 1 + (index % 2), point, step, count);
    // A small write may be over before the signal arrives; the bytes below must be equal from either moment.
    t.match(ended, { said: new RegExp(`^${point} (under way|over)\n$`), ended: "SIGKILL" }, `killed in step ${step}: ${point} ${count}`);
  }
  t.same(await start(config, "resume", dir, steps, 2), { said: `finished ${steps}\n`, ended: 0 });
  const files = await resultFiles(dir);
  t.equal(Buffer.from(files["metrics.jsonl"]!, "base64").toString(), Buffer.from(expected["metrics.jsonl"]!, "base64").toString(), "metrics.jsonl");
  t.same(files, expected, "tasks, rollouts, weights, optimizer");
  t.same((await readdir(join(dir, "checkpoints"))).filter((entry) => entry.endsWith(".tmp")), [], "nothing half-written is left");
  return { metrics, dir };
}
