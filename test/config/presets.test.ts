// Presets: each value of the published recipes and sizes held against a table with its source, what may be named together, and that every
// preset passes `azr train --dry-run` on whatever machine this is.
import t from "tap";
import { type Config, type Preset, presetNames, readPreset, recipeNames, recipeOfSize, resolveConfig, type SizeName, sizeNames } from "../../src/config/index.ts";
import { azr } from "../cli/harness.ts";

type Row = [path: string, value: unknown, source: string];
const at = (config: Config, path: string) => path.split(".").reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], config);
const configOf = (preset: Preset) => resolveConfig({ preset }).config;
const holds = (t: Tap, preset: Preset, rows: Row[]) => {
  const config = configOf(preset);
  for (const [path, value, source] of rows) t.same(at(config, path), value, `${preset}: ${path} (${source})`);
};
type Tap = Pick<typeof t, "same">;

// "table 3" and "fig." are the paper's (arXiv 2505.03335 v2); files are of its repository, branch `paper`, commit 41ed983.
const both: Row[] = [
  ["kinds", ["deduction", "abduction", "induction"], "section 3.2; azr.problem_types"],
  ["format", "paper", "fig. 33"],
  ["generation.maxTokens.propose", 8096, "table 3; scripts, data.max_response_length"],
  ["generation.maxTokens.solve", 8096, "the same"],
  ["generation.temperature.propose", 1, "table 3; rollout.temperature"],
  ["generation.temperature.solve", 1, "table 3; difficulty rollouts too: the flag that would change it is ignored"],
  ["generation.topP", 1, "table 3; rollout.top_p"],
  ["curriculum.proposals", 64, "table 3; data.train_batch_size"],
  ["curriculum.references", 6, "table 3; data_selection_strategy.io_n"],
  ["curriculum.referenceSampling", "uniform", "uniformly, in the text; gen_data_probabilities_strategy"],
  ["curriculum.rollouts", { n: 8, reuse: false, earlyStop: false }, "table 3; reward.n_samples; one answer a task is trained"],
  ["curriculum.replay", 0, "no such thing"],
  ["curriculum.dynamicSampling", 0, "no such thing"],
  ["curriculum.overlap", false, "fit(): one after another"],
  ["curriculum.proposer", "trained", "table 2 has the other as an ablation; azr.train_propose"],
  ["curriculum.deduplicate", false, "every valid task is stored"],
  ["curriculum.keep", "all", "valid_program_filter"],
  ["curriculum.induction.inputs", 10, "num_inputs of the prompts; the paper gives no number"],
  ["curriculum.induction.shown", 5, "half of them"],
  ["curriculum.seedTasks", 256, "B x S with S = 4; seed_batch_factor"],
  ["curriculum.bufferCapacity", 16_384, "table 3; max_programs"],
  ["reward.learnability", "one-minus", "equation 4; generation_accuracy_convertion"],
  ["reward.intrinsic", resolveConfig({}).config.reward.intrinsic, "appendix D.4: none by default; all disabled"],
  ["reward.overlong.tokens", 0, "no such thing"],
  ["update.learningRate", 1e-6, "table 3; optim.lr"],
  ["update.schedule", "constant", "optim.warmup_style"],
  ["update.warmUpSteps", 0, "optim.lr_warmup_steps_ratio"],
  ["update.betas", [0.9, 0.999], "AdamW's own, in fsdp_workers"],
  ["update.weightDecay", 0.01, "fsdp_workers' own"],
  ["update.clip", { low: 0.2, high: 0.2, dual: 0 }, "the surrogate is PPO's; actor.clip_ratio"],
  ["update.kl.coefficient", 0, "table 3: no divergence; actor.use_kl_loss"],
  ["update.entropyBonus", 0.001, "table 3; actor.entropy_coeff"],
  ["update.clipNorm", 1, "table 3; actor.grad_clip"],
  ["update.minibatches", 1, "main_azr_ppo.py: a minibatch of all 384"],
  ["update.advantage.scope", "group", "equation 8; the estimator is called for each of six batches"],
  ["update.advantage.baseline", "mean", "equation 8"],
  ["update.advantage.scale", "group", "equation 8"],
  ["executor.limits.cpuMs", 10_000, "execute_max_timeout, of 10 s"],
  ["run.checkpointEvery", 10, "scripts, trainer.save_freq"],
];

// The rows of "Paper vs code" that are settings; docs/fidelity.md has the others.
const apart: [path: string, paper: unknown, reference: unknown, source: string][] = [
  ["curriculum.fidelity", "paper", "reference", "reward at solve rates of 0 and 1: equations 4 and 6 say 0, reward_managers.py gives -0.5"],
  ["curriculum.solverTasks", "this-step", "previous-step", "algorithm 1; fit() draws them before the step proposes"],
  ["curriculum.eviction", "oldest", "newest", "the paper does not say; a list over max_programs is cut at its end"],
  ["prompts", "v1", "v1-swapped", "the figures of the prompts have them too: the sentences on difficulty of abduction and deduction stand in each other's place"],
  ["curriculum.induction.check", "all", "hidden", "the text says all N; code_f grades the second half"],
  ["curriculum.validation.rejectSeveralFunctions", false, true, "the prompt invites classes; reject_multiple_functions"],
  ["algorithm", "trr++", "trr++-token", "equations 8 and 9; core_algos takes both means over tokens"],
  ["update.aggregation", "sequence", "token", "equation 9; masked_mean over the micro-batch"],
  ["update.advantage.weights", "sequence", "token", "equation 8; masked_whiten"],
  ["steps", 500, 960, "table 3; 30 epochs of floor(2079 / 64)"],
];

t.test("the published recipes, value by value", async (t) => {
  holds(t, "paper", both);
  holds(t, "reference", both);
  holds(t, "paper", apart.map(([path, paper, , source]) => [path, paper, source]));
  holds(t, "reference", apart.map(([path, , reference, source]) => [path, reference, source]));
  const banned = (preset: Preset, module: string) => configOf(preset).curriculum.validation.bannedModules.includes(module);
  t.same(["sys", "shutil", "hmac", "os.path", "random"].map((module) => [banned("paper", module), banned("reference", module)]), [[true, false], [true, false], [false, true], [true, false], [true, true]]);
});

t.test("what differs between paper and reference is told: every setting, no more", async (t) => {
  const flat = (node: unknown, prefix = ""): [string, string][] =>
    typeof node === "object" && node !== null && !Array.isArray(node)
      ? Object.entries(node).flatMap(([key, child]) => flat(child, prefix === "" ? key : `${prefix}.${key}`))
      : [[prefix, JSON.stringify(node)]];
  const [paper, reference] = [new Map(flat(configOf("paper"))), new Map(flat(configOf("reference")))];
  const differ = [...paper.keys()].filter((path) => paper.get(path) !== reference.get(path) && path !== "preset");
  t.same(differ.sort(), [...apart.map(([path]) => path), "curriculum.validation.bannedModules"].sort());
});

// Models and exceptions: scripts/selfplay/*.sh; of Qwen3 in the branch `master` alone, commit a82124e.
const published: Record<Exclude<SizeName, "tiny-cpu" | "small-1gpu">, Row[]> = {
  "coder-3b": [["model", "Qwen/Qwen2.5-Coder-3B", "coder3b.sh"]],
  "7b": [["model", "Qwen/Qwen2.5-7B", "7b.sh"]],
  "coder-7b": [["model", "Qwen/Qwen2.5-Coder-7B", "coder7b.sh"]],
  "14b": [["model", "Qwen/Qwen2.5-14B", "14b.sh"]],
  "coder-14b": [["model", "Qwen/Qwen2.5-Coder-14B", "coder14b.sh"]],
  "llama-8b": [
    ["model", "meta-llama/Llama-3.1-8B", "llama.sh"],
    ["curriculum.seedTasks", 64, "llama.sh: seed_batch_factor 1"],
    ["curriculum.validation.rejectSeveralFunctions", false, "llama.sh"],
  ],
  "qwen3-4b": [
    ["model", "Qwen/Qwen3-4B-Base", "qwen3_4b.sh"],
    ["curriculum.validation.rejectSeveralFunctions", false, "qwen3_4b.sh"],
    ["update.clip", { low: 0.2, high: 0.28, dual: 3 }, "azr_ppo_trainer.yaml of master"],
    ["update.entropyBonus", 0, "the same"],
    ["update.weightDecay", 0, "the same"],
    ["generation.temperature.solve", 1, "not the 0 of val_kwargs, with which no task can be learnt from"],
  ],
};
const everySize: Row[] = [
  ["format", "paper", "base models all"],
  ["engine.weights", "bf16", "rollout.dtype, fsdp mixed precision"],
  ["update.checkpointActivations", true, "scripts, enable_gradient_checkpointing"],
];

t.test("the published sizes, value by value, and nothing else of their recipe moves", async (t) => {
  for (const [size, rows] of Object.entries(published) as [keyof typeof published, Row[]][]) {
    for (const recipe of ["paper", "reference"] as const) {
      const preset: Preset = `${recipe},${size}`;
      holds(t, preset, [...rows, ...everySize]);
      const own = new Set([...rows, ...everySize].map(([path]) => path));
      const rest = recipe === "paper" ? apart.map(([path, value, , source]): Row => [path, value, source]) : apart.map(([path, , value, source]): Row => [path, value, source]);
      holds(t, preset, [...both, ...rest].filter(([path]) => !own.has(path)));
    }
    t.same({ ...configOf(size), preset: "" }, { ...configOf(`paper,${size}`), preset: "" }, `${size} alone is the published recipe`);
  }
});

t.test("our sizes: tiny-cpu is the demo's recipe, or any other at that size; small-1gpu is tuned's", async (t) => {
  holds(t, "tiny-cpu", [
    ["model", "seedling", ""], ["format", "compact", ""], ["steps", 10, ""], ["curriculum.proposals", 8, ""], ["curriculum.rollouts", { n: 4, reuse: true, earlyStop: false }, ""],
    ["curriculum.replay", 16, "demo"], ["generation.temperature.solve", 0.6, "demo"], ["update.advantage.baseline", "leave-one-out", "demo"], ["update.schedule", "constant", ""],
  ]);
  for (const recipe of ["paper", "reference", "tuned"] as const) {
    holds(t, `${recipe},tiny-cpu`, [
      ["model", "seedling", ""], ["format", "compact", ""], ["update.learningRate", 1.5e-4, ""], ["generation.maxTokens", { propose: 96, solve: 64 }, ""], ["curriculum.proposals", 8, ""],
      ["curriculum.fidelity", recipe, ""], ["curriculum.rollouts.reuse", recipe === "tuned", ""], ["curriculum.rollouts.n", 4, ""], ["update.betas", [0.9, 0.999], ""],
      ["curriculum.solverTasks", recipe === "reference" ? "previous-step" : "this-step", ""], ["update.aggregation", recipe === "reference" ? "token" : "sequence", ""],
    ]);
  }
  holds(t, "small-1gpu", [["model", "Qwen/Qwen2.5-Coder-0.5B", ""], ["curriculum.fidelity", "tuned", ""], ["curriculum.rollouts.reuse", true, ""], ["curriculum.proposals", 16, ""]]);
});

t.test("names and their combinations", async (t) => {
  t.same(readPreset("coder-7b,paper"), { recipe: "paper", size: "coder-7b" }, "in either order");
  t.same(readPreset(" reference , 14b "), { recipe: "reference", size: "14b" });
  t.same(readPreset("tuned"), { recipe: "tuned", size: undefined });
  t.same(sizeNames.map((size) => readPreset(size)), sizeNames.map((size) => ({ recipe: recipeOfSize[size], size })));
  const wrong: [string, RegExp][] = [
    ["demoo", /^preset: takes demo, tuned, .* as in paper,coder-7b, got "demoo"/],
    ["paper,coder-8b", /takes demo/],
    ["", /takes demo/],
    ["paper,", /takes demo/],
    ["paper,tuned", /takes one of demo, .* and one of tiny-cpu/],
    ["7b,14b", /takes one of/],
    ["paper,7b,7b", /takes one of/],
    ["demo,7b", /demo is the seedling's recipe; with 7b take tuned, paper or reference, got "demo,7b"/],
  ];
  for (const [preset, fault] of wrong) {
    t.throws(() => resolveConfig({ preset: preset as Preset }), { code: "AZR_CONFIG_INVALID", message: new RegExp(fault.source.replace(/^\^/, "not valid: ")) }, preset);
  }
  const { config, origins } = resolveConfig({ file: { path: "f", values: { preset: "reference,llama-8b" } }, set: ["update.learningRate=2e-6"] });
  t.match(config, { preset: "reference,llama-8b", model: "meta-llama/Llama-3.1-8B", update: { learningRate: 2e-6 } });
  t.same(["model", "steps", "curriculum.seedTasks", "update.learningRate", "curriculum.replay"].map((path) => origins[path]), ["preset llama-8b", "preset reference", "preset llama-8b", "--set", "default"]);
});

t.test("every preset passes a dry run here, whether or not it can run here", async (t) => {
  const all: Preset[] = [...presetNames, ...recipeNames.filter((name) => name !== "demo").flatMap((recipe) => sizeNames.map((size): Preset => `${recipe},${size}`))];
  for (const preset of all) {
    const { code, stdout } = await azr(["train", "--preset", preset, "--dry-run", "--json"]);
    t.equal(code, 0, preset);
    t.equal((JSON.parse(stdout) as { config: Config }).config.preset, preset);
  }
});
