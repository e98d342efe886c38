// A process whose address space is limited once its engine is open, so that memory runs out without any being taken from others:
// `memory-child.ts FOLDER`, which holds a config.json. Writes one line of JSON.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { UpdateRequest } from "../../../src/engine/engine.ts";
import { openEngine } from "../../../src/engine/open.ts";
import { AzrError } from "../../../src/errors.ts";

const room = 160 * 2 ** 20;
const engine = await openEngine({ model: process.argv[2]!, initialize: { seed: 1 }, threads: 1 });
const tokens = (count: number) => Int32Array.from({ length: count }, (_, at) => (at * 7) % 60);
const prompt = (length: number) => ({ tokens: tokens(length), lengths: Int32Array.of(length) });
const updateOf = (rows: number, length: number): UpdateRequest => ({
  prompts: { tokens: tokens(rows), lengths: new Int32Array(rows).fill(1) },
  completions: { tokens: tokens(rows * length), lengths: new Int32Array(rows).fill(length) },
  completionPrompt: Int32Array.from({ length: rows }, (_, row) => row),
  weights: new Float32Array(rows * length).fill(1e-3),
  loss: "cross-entropy",
  optimizer: { learningRate: 0, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 },
});
const [few, many] = [updateOf(4, 60), updateOf(16, 500)];
const first = await engine.update(few);

const held = Number(/^VmSize:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]) * 1024;
const limited = spawnSync("prlimit", ["--pid", String(process.pid), `--as=${held + room}`]);
if (limited.status !== 0) throw new Error(String(limited.error ?? limited.stderr));

const failure = (call: Promise<unknown>) =>
  call.then(
    () => "no failure",
    (error: unknown) => (AzrError.isInstance(error) ? { code: error.code, message: error.message, hint: error.hint, details: error.details } : String(error)),
  );
const report = {
  room,
  update: await failure(engine.update({ ...many, microBatchTokens: 2 ** 30 })),
  lowered: (await engine.update({ ...many, microBatchTokens: 512 })).trainedTokens,
  generate: await failure(engine.generate({ prompts: prompt(80_000), maxTokens: 100_000, seed: 1, stopTokens: [] })),
  score: await failure(engine.score({ sequences: prompt(100_000) })),
  same: (await engine.update(few)).gradientNorm === first.gradientNorm,
  sampled: (await engine.generate({ prompts: prompt(4), maxTokens: 8, seed: 1, stopTokens: [] })).completions.tokens.length,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
await engine.dispose();
