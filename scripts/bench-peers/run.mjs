// Decoding beside transformers: the same GGUF file, prompts, rows and threads, one after the other in one sitting, twice, so that the machine's
// moods show. Prints a table, or with --json one object.
//   node scripts/bench-peers/run.mjs --model FILE.gguf --python PYTHON [--threads N] [--rounds N] [--json]
// PYTHON has transformers, torch and gguf installed. The machine should be idle.
import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const { values } = parseArgs({
  options: {
    model: { type: "string" }, python: { type: "string" }, threads: { type: "string", default: String(availableParallelism()) },
    rounds: { type: "string", default: "3" }, json: { type: "boolean", default: false },
  },
});
if (values.model === undefined || values.python === undefined) {
  console.error("usage: node scripts/bench-peers/run.mjs --model FILE.gguf --python PYTHON [--threads N] [--rounds N] [--json]");
  process.exit(2);
}
const here = dirname(fileURLToPath(import.meta.url));
const { model, python, threads, rounds } = values;
const batches = [1, 8, 64];
const [promptTokens, newTokens, shared] = [16, 32, 8];

async function run(command, args) {
  const { stdout } = await promisify(execFile)(command, args, { maxBuffer: 1 << 24, env: { ...process.env, OMP_NUM_THREADS: threads } });
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

const ours = () =>
  run(process.execPath, [join(here, "..", "..", "dist", "cli", "main.js"), "bench", "decode", "--model", model, "--threads", threads, "--rounds", rounds,
    "--prompt-tokens", String(promptTokens), "--new-tokens", String(newTokens), "--shared-samples", String(shared), "--batches", batches.join(","), "--json"]);
const theirs = () =>
  run(python, [join(here, "decode_transformers.py"), model, threads, JSON.stringify(batches), String(promptTokens), String(newTokens), String(shared), rounds]);

const sittings = [];
for (let sitting = 0; sitting < 2; sitting++) sittings.push({ ours: await ours(), theirs: await theirs() });
if (values.json) {
  console.log(JSON.stringify({ type: "bench-peers", model, threads: Number(threads), sittings }));
} else {
  for (const { ours, theirs } of sittings) {
    console.log(`azr against transformers ${theirs.transformers} (torch ${theirs.torch}), ${threads} threads, medians of ${rounds} rounds, tokens/s; limit by ${ours.gigaflops.toFixed(0)} Gflop/s and ${ours.gigabytesPerSecond.toFixed(0)} GB/s`);
    for (const [at, row] of ours.rows.entries()) {
      const other = theirs.rows[at];
      const what = row.shared ? `${row.batch} samples of one prompt of ${row.promptTokens}` : `${row.batch} rows`;
      console.log(`${what.padEnd(32)} ${row.tokensPerSecond.toFixed(0).padStart(6)}  ${other.tokensPerSecond.toFixed(0).padStart(6)}  ${(row.tokensPerSecond / other.tokensPerSecond).toFixed(1)} times, ${((100 * row.tokensPerSecond) / row.limitTokensPerSecond).toFixed(0)} % of the limit`);
    }
  }
}
