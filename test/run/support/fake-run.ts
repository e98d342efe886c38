// A run driven by the fakes, and what tests read back from its folder.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ConfigInput } from "../../../src/config/index.ts";
import type { RolloutRecord } from "../../../src/curriculum/step-context.ts";
import { readRollouts } from "../../../src/run/rollout-file.ts";
import { fakeEngine, fakeExecutor, fakeTokenizer } from "../../../src/testing/index.ts";
import { resume, type ResumeOptions, train, type TrainOptions } from "../../../src/train.ts";

/** Fresh fakes: a new process would have no more. */
export const fakes = (delaySeed?: number) => ({
  engine: fakeEngine(),
  executor: fakeExecutor(delaySeed === undefined ? {} : { delaySeed }),
  tokenizer: fakeTokenizer(),
});

export const trainFake = (dir: string, config: ConfigInput = {}, options: TrainOptions = {}) =>
  train({ preset: "tiny-cpu", ...config, run: { dir, ...config.run } }, { ...fakes(), ...options });

export const resumeFake = (dir: string, options: ResumeOptions = {}) => resume(dir, { ...fakes(), ...options });

export const metricsText = (dir: string) => readFile(join(dir, "metrics.jsonl"), "utf8");
export const lines = async <Line>(path: string): Promise<Line[]> =>
  (await readFile(path, "utf8")).split("\n").filter(Boolean).map((line) => JSON.parse(line) as Line);

export async function rollouts(dir: string, step: number): Promise<RolloutRecord[]> {
  return (await readRollouts(dir, step))!.records;
}

/** The bytes of every file that has to be equal between a broken and an unbroken run. */
export async function resultFiles(dir: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const take = async (name: string) => (files[name] = (await readFile(join(dir, name))).toString("base64"));
  for (const name of ["metrics.jsonl", "tasks.jsonl", "programs.jsonl", "attempts.jsonl", "latest"]) await take(name);
  for (const name of (await readdir(join(dir, "rollouts"))).sort()) await take(`rollouts/${name}`);
  const latest = (await readFile(join(dir, "latest"), "utf8")).trim();
  const saved = (await readdir(join(dir, "checkpoints", latest))).filter((name) => name !== "state.json");
  for (const name of saved.sort()) await take(`checkpoints/${latest}/${name}`);
  return files;
}
