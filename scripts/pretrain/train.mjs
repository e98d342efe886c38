// Pretrains the seedling on the corpus that make-corpus.mjs made, with the package's own engine:
//   node scripts/pretrain/train.mjs [--tokens 80000000 | --seconds 3600] [--resume] [--out models/seedling] ...
// Progress goes to stderr and WORK/log.jsonl, checkpoints to WORK; the finished model.safetensors to OUT. Needs a build.
// --from FOLDER starts from that model's weights instead of random ones: the control "continued pre-training".
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openEngine } from "../../dist/engine/open.js";
import { loadTokenizer } from "../../dist/engine/tokenizer.js";
import { openExecutor } from "../../dist/executor/open.js";
import { createReader, takeBatch, updateArrays } from "./batches.mjs";
import { readCorpus } from "./corpus-file.mjs";
import { taskAccuracy, validationLoss } from "./validate.mjs";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const { values } = parseArgs({
  options: {
    corpus: { type: "string", default: join(repository, "build", "corpus") },
    model: { type: "string", default: join(repository, "models", "seedling") },
    out: { type: "string", default: join(repository, "models", "seedling") },
    work: { type: "string", default: join(repository, "build", "pretrain") },
    from: { type: "string" },
    seed: { type: "string", default: "1" },
    tokens: { type: "string", default: "80000000" },
    seconds: { type: "string" },
    "batch-tokens": { type: "string", default: "6000" },
    "learning-rate": { type: "string", default: "3e-3" },
    "warm-up": { type: "string", default: "100" },
    decay: { type: "string", default: "linear" },
    "light-weight": { type: "string", default: "0.3" },
    "log-every": { type: "string", default: "50" },
    "validate-every": { type: "string", default: "500" },
    "evaluate-every": { type: "string", default: "0" },
    "checkpoint-every": { type: "string", default: "1000" },
    threads: { type: "string" },
    resume: { type: "boolean", default: false },
  },
});
const number = (name) => Number(values[name]);
const seed = number("seed");
const batchTokens = number("batch-tokens");
if (!["constant", "linear", "sqrt"].includes(values.decay)) throw new Error("--decay is constant, linear or sqrt");
const measuredSteps = { first: 5, last: 30 };

/** Share of the peak learning rate at a step: warm-up (a tenth of a short training), then down to zero at the end. */
function rateAt(step, steps) {
  const warmUp = Math.min(number("warm-up"), steps / 10);
  if (step < warmUp) return (step + 1) / warmUp;
  const left = (steps - step) / (steps - warmUp);
  return { constant: 1, linear: left, sqrt: 1 - Math.sqrt(1 - left) }[values.decay];
}

const checkpoints = () => (existsSync(values.work) ? readdirSync(values.work) : []).filter((name) => /^step-\d+$/.test(name)).sort((left, right) => Number(left.slice(5)) - Number(right.slice(5)));

mkdirSync(values.work, { recursive: true });
const corpus = readCorpus(join(values.corpus, "train"));
const validation = readCorpus(join(values.corpus, "validation"));
const tokenizer = loadTokenizer(values.model);
const start = values.from === undefined ? { model: resolve(values.model), initialize: { seed } } : { model: resolve(values.from) };
const engine = await openEngine({ ...start, ...(values.threads === undefined ? {} : { threads: number("threads") }) });
const executor = await openExecutor({ workers: 1 });
const log = (entry) => appendFileSync(join(values.work, "log.jsonl"), JSON.stringify(entry) + "\n");

let state = { step: 0, steps: values.seconds === undefined ? Math.ceil(number("tokens") / batchTokens) : null, tokens: 0, reader: undefined, history: [] };
if (values.resume) {
  const latest = checkpoints().at(-1);
  if (latest === undefined) throw new Error(`there is no checkpoint in ${values.work}`);
  await engine.load(join(values.work, latest), { optimizer: true });
  state = JSON.parse(readFileSync(join(values.work, latest, "state.json"), "utf8"));
  console.error(`going on after step ${state.step} of ${state.steps ?? "?"}`);
} else {
  for (const name of checkpoints()) rmSync(join(values.work, name), { recursive: true });
  rmSync(join(values.work, "log.jsonl"), { force: true });
}
const reader = createReader(corpus, seed, state.reader);

async function saveCheckpoint() {
  const name = `step-${state.step}`;
  const temporary = join(values.work, `.${name}`);
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  await engine.saveModel(temporary);
  await engine.saveOptimizer(temporary);
  writeFileSync(join(temporary, "state.json"), JSON.stringify({ ...state, reader: reader.state() }));
  renameSync(temporary, join(values.work, name));
  for (const old of checkpoints().slice(0, -2)) rmSync(join(values.work, old), { recursive: true });
}

async function validate() {
  const { loss, kinds } = await validationLoss(engine, validation);
  state.history.push({ step: state.step, loss });
  const rounded = Object.fromEntries(Object.entries(kinds).map(([kind, value]) => [kind, Number(value.toFixed(4))]));
  log({ type: "validation", step: state.step, tokens: state.tokens, loss, kinds });
  console.error(`step ${state.step}: validation loss ${loss.toFixed(4)} ${JSON.stringify(rounded)}`);
}

async function accuracy(name) {
  const kinds = await taskAccuracy({ engine, executor, tokenizer, file: join(values.model, "held-out", `${name}.jsonl`) });
  log({ type: "accuracy", split: name, step: state.step, kinds });
  console.error(`step ${state.step}: accuracy on ${name} tasks ${JSON.stringify(kinds)}`);
}

let measureFrom = 0;
let interval = { loss: 0, steps: 0, tokens: 0, from: performance.now() };
while (state.steps === null || state.step < state.steps) {
  const started = performance.now();
  if (state.steps === null) {
    // The length of the schedule is set once, from the speed of early steps; after that steps alone decide.
    if (state.step === measuredSteps.first) measureFrom = started;
    if (state.step === measuredSteps.last) {
      const secondsPerStep = (started - measureFrom) / 1000 / (measuredSteps.last - measuredSteps.first);
      state.steps = Math.max(2 * measuredSteps.last, Math.round(number("seconds") / secondsPerStep));
      console.error(`${secondsPerStep.toFixed(3)} s a step: ${state.steps} steps`);
    }
  }
  const learningRate = number("learning-rate") * rateAt(state.step, state.steps ?? Infinity);
  const groups = takeBatch(reader, batchTokens);
  const result = await engine.update({
    ...updateArrays(corpus, groups, number("light-weight")),
    optimizer: { learningRate, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 },
  });
  state.step += 1;
  state.tokens += result.computedTokens;
  interval.loss += result.loss;
  interval.steps += 1;
  interval.tokens += result.computedTokens;
  const due = (option) => number(option) > 0 && (state.step % number(option) === 0 || state.step === state.steps);
  if (due("log-every")) {
    const seconds = (performance.now() - interval.from) / 1000;
    const entry = {
      type: "train", step: state.step, steps: state.steps, tokens: state.tokens, loss: interval.loss / interval.steps,
      gradientNorm: result.gradientNorm, learningRate, tokensPerSecond: Math.round(interval.tokens / seconds),
    };
    log(entry);
    console.error(`step ${state.step}/${state.steps ?? "?"} loss ${entry.loss.toFixed(4)} norm ${result.gradientNorm.toFixed(2)} rate ${learningRate.toExponential(2)} ${entry.tokensPerSecond} tokens/s`);
    interval = { loss: 0, steps: 0, tokens: 0, from: performance.now() };
  }
  if (due("validate-every")) await validate();
  if (number("evaluate-every") > 0 && state.step % number("evaluate-every") === 0) await accuracy("validation");
  if (number("checkpoint-every") > 0 && state.step % number("checkpoint-every") === 0) await saveCheckpoint();
}

await saveCheckpoint();
mkdirSync(values.out, { recursive: true });
for (const name of ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]) {
  if (resolve(values.out) !== resolve(values.model)) copyFileSync(join(values.model, name), join(values.out, name));
}
await engine.saveModel(values.out);
await accuracy("validation");
const end = state.history.at(-1);
const before = state.history.findLast(({ step }) => step <= 0.9 * state.steps);
if (end !== undefined && before !== undefined) {
  const fall = (100 * (before.loss - end.loss)) / before.loss;
  log({ type: "end", step: state.step, tokens: state.tokens, loss: end.loss, fallOverLastTenthPercent: fall });
  console.error(`validation loss fell by ${fall.toFixed(2)} % from step ${before.step} to ${end.step}; ${state.tokens} tokens in all -> ${values.out}`);
}
await executor.dispose();
await engine.dispose();
