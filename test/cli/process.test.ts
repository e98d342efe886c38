// The real command with the real engine and executor, as child processes: what bad input, a full disk, Ctrl-C and SIGKILL do to it.
import t from "tap";
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, readFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openEngine } from "../../src/engine/open.ts";
import { seedlingFolder } from "../../src/engine/resolve-model.ts";
import { azrChild, jsonLines, noEngine, noExecutor } from "./harness.ts";

const skip = noEngine() ?? noExecutor() ?? false;
const small = ["--preset", "tiny-cpu", "--set", "curriculum.proposals=4", "--set", "generation.maxTokens.propose=40", "--set", "run.name=run"];

const shared = t.testdir({});
let made: string | undefined;

/** A model of the seedling's shape with random weights, in a folder of its own; made once, then copied. */
async function randomModel(folder: string): Promise<void> {
  if (made !== undefined) return cpSync(made, folder, { recursive: true });
  for (const name of ["config.json", "tokenizer.json"]) copyFileSync(join(seedlingFolder(), name), join(shared, name));
  await using engine = await openEngine({ model: shared, initialize: { seed: 1 }, threads: 1 });
  await engine.saveModel(shared);
  made = shared;
  cpSync(made, folder, { recursive: true });
}

const edit = (path: string, change: (value: any) => void): void => {
  const value = JSON.parse(readFileSync(path, "utf8"));
  change(value);
  writeFileSync(path, JSON.stringify(value));
};

t.test("models that cannot be used", { skip }, async (t) => {
  const dir = t.testdir({ sound: {} });
  await randomModel(join(dir, "sound"));
  const weights = "model.safetensors";
  const cases: { name: string; damage: (folder: string) => void; code: string; says: RegExp }[] = [
    { name: "weights cut in half", damage: (folder) => truncateSync(join(folder, weights), 1_500_000), code: "AZR_MODEL_FORMAT", says: /cut off/ },
    { name: "weights of no bytes", damage: (folder) => truncateSync(join(folder, weights), 0), code: "AZR_MODEL_FORMAT", says: /too short/ },
    { name: "weights that are no safetensors", damage: (folder) => writeFileSync(join(folder, weights), "PK\u0003\u0004 a zip file, or something else"), code: "AZR_MODEL_FORMAT", says: /not a sound safetensors file/ },
    { name: "weights of a smaller model", damage: (folder) => edit(join(folder, "config.json"), (config) => (config.num_hidden_layers += 1)), code: "AZR_MODEL_FORMAT", says: /lacks the tensor/ },
    { name: "a config of another family", damage: (folder) => edit(join(folder, "config.json"), (config) => (config.architectures = ["GPT2LMHeadModel"])), code: "AZR_MODEL_FORMAT", says: /GPT2/ },
    { name: "a tokenizer with more tokens than the model", damage: (folder) => edit(join(folder, "config.json"), (config) => (config.vocab_size -= 20)), code: "AZR_TOKENIZER_FORMAT", says: /vocabulary|tokens/ },
    { name: "a tokenizer that is no JSON", damage: (folder) => writeFileSync(join(folder, "tokenizer.json"), "{"), code: "AZR_TOKENIZER_FORMAT", says: /tokenizer\.json/ },
  ];
  for (const { name, damage, code, says } of cases) {
    const folder = join(dir, name.replaceAll(" ", "-"));
    cpSync(join(dir, "sound"), folder, { recursive: true });
    damage(folder);
    const result = await azrChild(["generate", "--prompt", "<|deduce|>", "--model", folder, "--max-tokens", "1"], { cwd: dir });
    t.equal(result.code, 5, `${name}: exit code`);
    t.match(result.stderr, new RegExp(`^${code}: `), `${name}: ${code}`);
    t.match(result.stderr, says, `${name}: what`);
    t.match(result.stderr, /\n {2}do: +\S/, `${name}: a next step`);
    t.notMatch(result.stderr, /\n +at /, `${name}: no stack`);
    t.equal(result.stdout, "");
  }
  const sound = await azrChild(["generate", "--prompt", "<|deduce|>", "--model", "sound", "--max-tokens", "3", "--json"], { cwd: dir });
  t.equal(sound.code, 0, sound.stderr);
  t.match(jsonLines(sound.stdout), [{ parity: true, completions: [{ tokens: [Number], logprobs: [Number] }] }]);
  writeFileSync(join(dir, "tokens.jsonl"), ['{"id":"a","tokens":[2,8,20,21]}', '{"id":"b","tokens":[2]}', '{"id":"c","tokens":[2,99999]}', "oops", '{"id":"d","tokens":[2,8]}', ""].join("\n"));
  const scored = await azrChild(["score", "--model", "sound", "--jsonl", "tokens.jsonl"], { cwd: dir });
  t.equal(scored.code, 1, "bad lines: exit code 1");
  t.match(jsonLines(scored.stdout), [{ id: "a", logprobs: [Number, Number, Number] }, { id: "d", logprobs: [Number] }]);
  for (const line of [2, 3, 4]) t.match(scored.stderr, new RegExp(`^tokens\\.jsonl:${line}: `, "m"), `line ${line} is named`);
});

t.test("configurations and run folders that cannot be used", { skip }, async (t) => {
  const dir = t.testdir({ a: { "azr.config.json": JSON.stringify({ preset: "tiny-cpu", update: { learningrate: 1 } }) }, b: { "azr.config.json": "{" }, file: "", model: {} });
  await randomModel(join(dir, "model"));
  const cases: { args: string[]; cwd: string; exit: number; says: RegExp }[] = [
    { args: ["train"], cwd: "a", exit: 2, says: /^AZR_CONFIG_INVALID: .*update\.learningrate.*azr\.config\.json.*did you mean `update\.learningRate`/ },
    { args: ["train"], cwd: "b", exit: 2, says: /^AZR_CONFIG_INVALID: .*azr\.config\.json/ },
    { args: ["train", "--model", "model", ...small, "--set", "run.dir=file/runs"], cwd: ".", exit: 5, says: /AZR_RUN_FOLDER: .*file\/runs/ },
    { args: ["train", "--model", "model", ...small, "--set", "run.dir=/proc/azr"], cwd: ".", exit: 5, says: /AZR_RUN_FOLDER: .*\/proc\/azr/ },
    { args: ["resume", "model"], cwd: ".", exit: 5, says: /^AZR_RUN_FOLDER: / },
  ];
  for (const { args, cwd, exit, says } of cases) {
    const result = await azrChild(args, { cwd: join(dir, cwd) });
    t.equal(result.code, exit, `azr ${args.join(" ")}: exit code`);
    t.match(result.stderr, says);
    t.match(result.stderr, /\n {2}do: +\S/, "a next step");
  }
});

t.test("a disk that is full during a checkpoint, a damaged checkpoint", { skip }, async (t) => {
  const dir = t.testdir({ model: {} });
  await randomModel(join(dir, "model"));
  const begun = await azrChild(["train", "--model", "model", ...small, "--steps", "1", "--json"], { cwd: dir });
  t.equal(begun.code, 0, begun.stderr);
  const end = jsonLines(begun.stdout).at(-1);
  t.match(end, { type: "run-result", status: "finished", step: 1, run: /runs\/run$/, report: /report\.html$/ });
  const latest = () => readFileSync(join(dir, "runs/run/latest"), "utf8");
  // From the first event on no file may grow beyond 1 MB: logs fit, the model does not. Writing fails as on a full disk, since the
  // signal that comes with it is caught.
  const limit = (pid: number): void => void execFileSync("prlimit", [`--pid=${pid}`, "--fsize=1000000"]);
  const full = await azrChild(["resume", "runs/run", "--steps", "2", "--json"], { cwd: dir, at: { line: () => true, act: limit }, preload: "process.on('SIGXFSZ', () => {})" });
  t.equal(full.code, 5, full.stderr);
  t.match(jsonLines(full.stderr), [{ type: "resume", command: /^npx azr resume / }, { type: "error", code: "AZR_RUN_FOLDER", what: /model\.safetensors/, do: [String] }]);
  t.equal(latest(), "step-000001\n", "the checkpoint before stays the latest");
  t.same(readdirSync(join(dir, "runs/run/checkpoints")), ["step-000001"], "and nothing half-made stays behind");
  const again = await azrChild(["resume", "runs/run", "--steps", "2"], { cwd: dir });
  t.equal(again.code, 0, again.stderr);
  t.equal(latest(), "step-000002\n", "with room, it goes on");
  truncateSync(join(dir, "runs/run/checkpoints/step-000002/model.safetensors"), 100_000);
  const damaged = await azrChild(["resume", "runs/run", "--steps", "3"], { cwd: dir });
  t.equal(damaged.code, 5);
  t.match(damaged.stderr, /AZR_CHECKPOINT_CORRUPT: .*step-000002[^]* do: .*step-000001/);
});

t.test("stopped by Ctrl-C, killed, and resumed: the same as never interrupted", { skip }, async (t) => {
  const dir = t.testdir({});
  const train = (name: string): string[] => ["train", ...small, "--set", `run.name=${name}`, "--set", "run.checkpointEvery=2", "--steps", "6", "--json"];
  const metrics = (name: string): string => readFileSync(join(dir, "runs", name, "metrics.jsonl"), "utf8");
  const stepEnd = (step: number) => (line: string) => {
    const event = JSON.parse(line) as { type: string; step: number };
    return event.type === "step-end" && event.step === step;
  };
  const whole = await azrChild(train("whole"), { cwd: dir });
  t.equal(whole.code, 0, whole.stderr);
  t.equal(metrics("whole").split("\n").length, 7);

  const stopped = await azrChild(train("stopped"), { cwd: dir, at: { line: stepEnd(2), act: (pid) => process.kill(pid, "SIGINT") } });
  t.equal(stopped.code, 130);
  const { command } = jsonLines(stopped.stderr).at(-1);
  t.match(command, /^npx azr resume \S*runs\/stopped$/);
  const resumed = await azrChild(command.split(" ").slice(2), { cwd: dir });
  t.equal(resumed.code, 0, resumed.stderr);
  t.equal(metrics("stopped"), metrics("whole"));

  const killed = await azrChild(train("killed"), { cwd: dir, at: { line: stepEnd(3), act: (pid) => process.kill(pid, "SIGKILL"), afterMs: 50 } });
  t.equal(killed.signal, "SIGKILL");
  t.ok(metrics("killed") !== metrics("whole"), "it was cut off");
  const after = await azrChild(["resume", "runs/killed"], { cwd: dir });
  t.equal(after.code, 0, after.stderr);
  t.equal(metrics("killed"), metrics("whole"));
  const model = (name: string) => readFileSync(join(dir, "runs", name, "checkpoints/step-000006/model.safetensors"));
  t.ok(model("killed").equals(model("whole")) && model("stopped").equals(model("whole")), "the weights are the same to the bit");
});

t.test("azr demo --json, small", { skip }, async (t) => {
  const dir = t.testdir({});
  const child = await azrChild(["demo", "--steps", "2", "--tasks-per-kind", "6", "--set", "curriculum.proposals=8", "--seed", "4", "--json"], { cwd: dir });
  t.equal(child.code, 0, child.stderr);
  const result = jsonLines(child.stdout).at(-1);
  const measure = { before: Number, after: Number, low95: Number, high95: Number, p: Number, better: Number, worse: Number };
  t.match(result, {
    type: "demo-result", seed: 4, steps: 2, status: "finished", stepsPerMinute: Number,
    shares: { sampling: Number, executor: Number, update: Number },
    overall: { n: 18, sampled: measure, greedy: measure },
    heldOut: { deduction: { n: 6, sampled: measure }, abduction: { n: 6, greedy: measure }, induction: { n: 6 } },
  });
  t.ok(result.overall.sampled.before > 0, "the base solves some of them");
  const held = (when: string): string => join(result.run, `held-out-${when}.jsonl`);
  const compared = await azrChild(["compare", held("before"), held("after"), "--json"], { cwd: dir });
  t.same(jsonLines(compared.stdout)[0].overall, result.overall);
  // A run's folder is a model, and evaluating it anew gives what the demo measured.
  const lines = readFileSync(join(seedlingFolder(), "held-out/heldout.jsonl"), "utf8").split("\n").filter((line) => line !== "");
  const kindOf = (line: string): string => JSON.parse(line).kind;
  const seen = new Map<string, number>();
  const chosen = lines.filter((line) => {
    const kind = kindOf(line);
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    return seen.get(kind)! <= 6;
  });
  writeFileSync(join(dir, "heldout.jsonl"), [...chosen, "{broken"].join("\n"));
  const evaluated = await azrChild(["eval", "heldout.jsonl", "--model", result.run, "--seed", "4", "--out", "after.jsonl", "--json"], { cwd: dir });
  t.equal(evaluated.code, 1, "one line is bad");
  t.match(jsonLines(evaluated.stderr), [{ type: "bad-line", line: 19 }]);
  t.match(jsonLines(evaluated.stdout), [{ type: "eval-result", overall: { n: 18, greedy: result.overall.greedy.after, sampled: result.overall.sampled.after } }]);
  const same = await azrChild(["compare", held("after"), "after.jsonl"], { cwd: dir });
  t.equal(same.code, 0, same.stderr);
  t.match(same.stdout, / all +18 .* \+0\.0 +\+0\.0 to \+0\.0 +1\.0000 +0 +0\n/);
});
