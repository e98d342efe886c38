// Training beside transformers: the same model, sequences and micro-batches, in turn. `node scripts/bench-peers/update.mjs --help` says how.
import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { spread } from "./peers.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const help = `Usage: node scripts/bench-peers/update.mjs --model MODEL --python PYTHON [options]

Trains one model with azr and transformers in turn, whole updates (forward, backward, clipping, AdamW) on the same sequences, and prints tokens a second
and the most memory that each process held. Nothing else should run on the machine.

  --model MODEL     a GGUF file or a folder in the Hugging Face layout
  --python PYTHON   a Python with transformers, torch and, for a GGUF file, gguf
  --weights LIST    of f32,bf16,mixed (default: all). bf16: transformers holds all in bfloat16, moments too. mixed: it holds all in single precision
                    and computes under torch.autocast, which is what azr does when its weights are bf16
  --sequences N     of an update (default 8)
  --length N        tokens of each (default 256)
  --micro-batch-tokens N   most tokens computed at once, by both (default 1024)
  --threads N       for both (default: the cores of this machine)
  --sittings N      of each (default 3), of --rounds N updates (default 3)
  --azr PROGRAM     what stands for azr (default: dist/cli/main.js of this checkout)
  --json            one JSON object`;

const text = (standard) => ({ type: "string", ...(standard === undefined ? {} : { default: standard }) });
const { values } = parseArgs({
  options: {
    help: { type: "boolean", short: "h", default: false }, json: { type: "boolean", default: false }, model: text(), python: text(), weights: text("f32,bf16,mixed"), sequences: text("8"),
    length: text("256"), "micro-batch-tokens": text("1024"), threads: text(String(availableParallelism())), sittings: text("3"), rounds: text("3"), azr: text(join(here, "..", "..", "dist", "cli", "main.js")),
  },
});
if (values.help || values.model === undefined || values.python === undefined) {
  console[values.help ? "log" : "error"](help);
  process.exit(values.help ? 0 : 2);
}

const { model, python, threads, sequences, length, rounds } = values;
const together = values["micro-batch-tokens"];
async function run(command, args) {
  const { stdout } = await promisify(execFile)(command, args, { maxBuffer: 1 << 24, env: { ...process.env, OMP_NUM_THREADS: threads } });
  return JSON.parse(stdout.trim().split("\n").at(-1));
}
const azr = /\.[cm]?js$/.test(values.azr) ? [process.execPath, values.azr] : [values.azr];
const ours = (weights) =>
  run(azr[0], [...azr.slice(1), "bench", "update", "--model", model, "--weights", weights === "f32" ? "f32" : "bf16", "--threads", threads, "--sequences", sequences, "--length", length, "--micro-batch-tokens", together, "--rounds", rounds, "--json"]);
const theirs = (weights) => run(python, [join(here, "update_transformers.py"), resolve(model), threads, weights, sequences, length, together, rounds]);

const all = [];
for (const weights of values.weights.split(",")) {
  const sittings = [];
  for (let sitting = 1; sitting <= Number(values.sittings); sitting++) {
    process.stderr.write(`${weights}, sitting ${sitting}\n`);
    sittings.push({ azr: await ours(weights), transformers: await theirs(weights) });
  }
  all.push({ weights, sittings });
}
if (values.json) {
  console.log(JSON.stringify({ type: "bench-peers-update", model, threads: Number(threads), sequences: Number(sequences), length: Number(length), comparisons: all }));
} else {
  const rates = (list) => `${spread(list.map(({ tokensPerSecond }) => tokensPerSecond)).median.toFixed(0)} (${Math.min(...list.map((one) => one.spread.low)).toFixed(0)} to ${Math.max(...list.map((one) => one.spread.high)).toFixed(0)})`;
  const gigabytes = (list) => (spread(list.map(({ peakBytes }) => peakBytes)).median / 1e9).toFixed(2);
  console.log(`${sequences} sequences of ${length} tokens, at most ${together} at once, ${threads} threads; ${all[0].sittings[0].transformers.version}\n`);
  console.log("| weights | azr, tokens/s | of the limit | transformers | times as fast | memory at most, GB | of transformers' |\n|---|---|---|---|---|---|---|");
  for (const { weights, sittings } of all) {
    const [a, b] = [sittings.map((one) => one.azr), sittings.map((one) => one.transformers)];
    const times = spread(sittings.map((one) => one.azr.tokensPerSecond / one.transformers.tokensPerSecond));
    const share = spread(a.map((one) => one.tokensPerSecond / one.limitTokensPerSecond)).median;
    const memory = spread(sittings.map((one) => one.azr.peakBytes / one.transformers.peakBytes)).median;
    console.log(`| ${weights} | ${rates(a)} | ${(100 * share).toFixed(0)} % | ${rates(b)} | ${times.median.toFixed(2)} (${times.low.toFixed(2)} to ${times.high.toFixed(2)}) | ${gigabytes(a)} and ${gigabytes(b)} | ${(100 * memory).toFixed(0)} % |`);
  }
}
