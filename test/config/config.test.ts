// Configuration: precedence and origins, misspelt keys, cross-field rules, file formats, the hash of what changes results.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import {
  type ConfigInput,
  configHash,
  configJsonSchema,
  configKeys,
  configSchema,
  defineConfig,
  incompatibleSettings,
  loadConfig,
  presetNames,
  presets,
  resolveConfig,
} from "../../src/config/index.ts";
import { editDistance } from "../../src/config/suggest.ts";
import { AzrError } from "../../src/errors.ts";
import { sft } from "../../src/sft.ts";
import { train } from "../../src/train.ts";

const failure = (run: () => unknown): AzrError => {
  try {
    run();
  } catch (error) {
    if (AzrError.isInstance(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

t.test("each source overrides the one before it, and each value names its source", async (t) => {
  const layers = { preset: "tiny-cpu", file: { path: "azr.config.json", values: { update: { learningRate: 2 }, seed: 2 } } } as const;
  const env = { AZR_SEED: "3", AZR_RUN_DIR: "elsewhere", HOME: "/nowhere" };
  const all = { ...layers, env, set: ["seed=4", "update.clipNorm=0.5"], argument: { seed: 5 } };
  const cases: [name: string, sources: Parameters<typeof resolveConfig>[0], seed: number, origin: string][] = [
    ["defaults", {}, 0, "default"],
    ["preset", { preset: "tiny-cpu" }, 0, "default"],
    ["file", layers, 2, "file azr.config.json"],
    ["environment", { ...layers, env }, 3, "env AZR_SEED"],
    ["--set", { ...layers, env, set: ["seed=4"] }, 4, "--set"],
    ["argument", all, 5, "argument"],
  ];
  for (const [name, sources, seed, origin] of cases) {
    const { config, origins } = resolveConfig(sources);
    t.equal(config.seed, seed, `${name}: value`);
    t.equal(origins.seed, origin, `${name}: origin`);
  }
  const { config, origins } = resolveConfig(all);
  t.equal(config.update.learningRate, 2);
  t.equal(config.update.clipNorm, 0.5);
  t.equal(config.run.dir, "elsewhere");
  t.equal(config.curriculum.proposals, 8, "the preset's value stays where nothing overrides it");
  t.equal(origins["curriculum.proposals"], "preset tiny-cpu");
  t.equal(origins["update.epsilon"], "default");
  t.equal(origins["run.dir"], "env AZR_RUN_DIR");
  t.equal(resolveConfig({ set: ["preset=paper"] }).config.steps, 500, "a preset may be named by any source");
  t.equal(resolveConfig({ set: ["model=some/model-1.5"] }).config.model, "some/model-1.5", "what is not JSON is text");
});

t.test("an algorithm is a set of values: it undoes what weaker sources said of its choices, and what stands beside it counts", async (t) => {
  const { config, origins } = resolveConfig({ preset: "demo", set: ["algorithm=dapo", "update.clip.low=0.1"] });
  t.match(config.update, { advantage: { scope: "task", baseline: "mean", scale: "task" }, clip: { low: 0.1, high: 0.28 }, aggregation: "token" });
  t.equal(config.update.schedule, "linear", "the rest of the preset stays");
  t.same(["update.clip.high", "update.clip.low", "update.advantage.baseline"].map((path) => origins[path]), ["algorithm dapo", "--set", "algorithm dapo"]);
  const later = resolveConfig({ file: { path: "f", values: { algorithm: "rloo", update: { kl: { coefficient: 0.1 } } } }, set: ["update.aggregation=token"] }).config.update;
  t.match(later, { advantage: { baseline: "leave-one-out" }, aggregation: "token", kl: { coefficient: 0.1, estimator: "k1", in: "reward" } });
  t.match(resolveConfig({ preset: "demo" }).config.update.advantage, { scope: "task", baseline: "leave-one-out", scale: "group", whiten: "none", weights: "sequence" });
  t.match(resolveConfig({ preset: "reference" }).config.update, { advantage: { scope: "group", weights: "token" }, aggregation: "token", entropyBonus: 0.001 });
  const named = resolveConfig({ argument: { algorithm: "grpo" } });
  const spelt = resolveConfig({ argument: { update: { advantage: { scope: "task", scale: "task" } } } });
  t.equal(named.hash, spelt.hash, "the name itself changes nothing");
});

t.test("a wrong setting is named, with its origin and what was probably meant", async (t) => {
  const cases: [input: unknown, expected: RegExp][] = [
    [{ updat: {} }, /^.*updat: unknown setting; did you mean `update`\?$/],
    [{ update: { learningRat: 1 } }, /update\.learningRat: unknown setting \(from argument\); did you mean `update\.learningRate`\?/],
    [{ learningRate: 1 }, /learningRate: unknown setting .*did you mean `update\.learningRate`\?/],
    [{ curriculum: { rollouts: { reues: true } } }, /curriculum\.rollouts\.reues: .*`curriculum\.rollouts\.reuse`/],
    [{ xylophone: 1 }, /xylophone: unknown setting \(from argument\)$/],
    [{ seed: -1 }, /seed: .*, got -1 \(from argument\)/],
    [{ preset: "demoo" }, /preset: .*got "demoo"/],
    [{ generation: { temperature: { solve: 0 } } }, /generation\.temperature\.solve: must be above 0/],
    [{ kinds: [] }, /kinds: /],
    [{ kinds: "deduction" } as never, /kinds: expected a list, got "deduction"/],
    [{ seed: "x" } as never, /seed: expected a (whole )?number, got "x"/],
    [{ kinds: ["deduction", "deduction"] }, /kinds: a kind is listed twice/],
    [{ curriculum: { induction: { inputs: 4, shown: 4 } } }, /induction\.shown: must be smaller than inputs/],
    [{ executor: { limits: { cpuMs: 9000 } } }, /wallMs: must not be below .*3000 < 9000/],
    [{ executor: { require: ["seccomp", "landlok"] } } as never, /executor\.require\.1: .*"seccomp".*"landlock"/],
    [{ run: { name: "../up" } }, /run\.name: must be a plain folder name/],
    [{ update: { betas: [0.9, 1] } }, /update\.betas\.1: /],
    [{ update: { clip: { dual: 1 } } }, /update\.clip\.dual: must be above 1/],
    [{ algorithm: "gpro" }, /algorithm: .*"grpo".*got "gpro"/],
    [{ curriculum: { dynamicSampling: 1, rollouts: { reuse: false } } }, /curriculum\.dynamicSampling: needs curriculum\.rollouts\.reuse/],
    [{ curriculum: { replaySampling: "learnability" } }, /curriculum\.replaySampling: needs curriculum\.replay above 0/],
    [{ curriculum: { solverTasks: "newest" } }, /curriculum\.solverTasks: newest needs curriculum\.rollouts\.reuse=false/],
    [{ curriculum: { eviction: "lowest-learnability", rollouts: { reuse: false, earlyStop: true } }, reward: { learnability: "mixed" } }, /curriculum\.eviction: lowest-learnability needs curriculum\.rollouts\.earlyStop=false/],
    [{ curriculum: { seedTasks: 20, bufferCapacity: 10 } }, /curriculum\.seedTasks: must not be above curriculum\.bufferCapacity \(20 > 10\)/],
    [{ curriculum: { eviction: "random" } }, /curriculum\.eviction/],
    [{ curriculum: { baseline: "task" } }, /curriculum\.baseline: this setting is now update\.advantage \(.*scope=task.*\) \(from argument\)$/],
    [{ update: { normalise: "token" } }, /update\.normalise: this setting is now update\.aggregation \(from argument\)$/],
  ];
  for (const [input, expected] of cases) {
    const error = failure(() => resolveConfig({ argument: input as ConfigInput }));
    t.equal(error.code, "AZR_CONFIG_INVALID", JSON.stringify(input));
    t.match(error.message, expected, JSON.stringify(input));
    t.ok(error.hint, "has a hint");
  }
  const two = failure(() => resolveConfig({ set: ["sede=1"], env: { AZR_THREADS: "many" } }));
  t.match(two.message, /2 faults/);
  t.match(two.message, /sede: unknown setting \(from --set\); did you mean `seed`\?/);
  t.match(two.message, /engine\.threads: .*got "many" \(from env AZR_THREADS\)/);
  t.match(failure(() => resolveConfig({ set: ["seed"] })).message, /needs key=value/);
});

t.test("what is no object, and keys that every object has", async (t) => {
  const refused = (sources: object, message: RegExp) => t.throws(() => resolveConfig(sources), { code: "AZR_CONFIG_INVALID", message }, String(message));
  for (const wrong of [null, 3, "steps", [], () => ({})]) {
    refused({ argument: wrong }, /the argument is no object/);
    refused({ file: { path: "a.json", values: wrong } }, /a\.json is no object/);
    t.throws(() => train(wrong as never), { code: "AZR_CONFIG_INVALID" });
    t.throws(() => sft(wrong as never), { code: "AZR_CONFIG_INVALID" });
  }
  refused({ argument: JSON.parse('{"__proto__": {"steps": 3}}') as object }, /__proto__: unknown setting/);
  refused({ argument: JSON.parse('{"run": {"__proto__": {"keepCheckpoints": 3}}}') as object }, /run\.__proto__: unknown setting/);
  for (const key of ["__proto__", "constructor.prototype", "run.__proto__"]) refused({ set: [`${key}.marked=1`] }, new RegExp(`${key.split(".prototype")[0]!.replaceAll(".", "\\.")}: unknown setting`));
  t.notOk("marked" in {} || "steps" in {}, "and nothing of it reaches other objects");
});

t.test("edit distance", async (t) => {
  const cases: [string, string, number][] = [
    ["", "abc", 3],
    ["seed", "seed", 0],
    ["sede", "seed", 1],
    ["Seed", "seed", 0],
    ["kitten", "sitting", 3],
    ["steps", "step", 1],
  ];
  for (const [left, right, expected] of cases) {
    t.equal(editDistance(left, right), expected, `${left} ${right}`);
    t.equal(editDistance(right, left), expected, `${right} ${left}`);
  }
});

t.test("every preset and every setting is complete", async (t) => {
  for (const name of presetNames) t.ok(configSchema.safeParse(presets[name]).success, `preset ${name}`);
  const demo = resolveConfig({ preset: "demo" }).config;
  t.match(demo, {
    format: "compact",
    steps: 450,
    generation: { temperature: { propose: 1, solve: 0.6 } },
    curriculum: { proposals: 48, references: 1, rollouts: { n: 8, reuse: true }, fidelity: "tuned", deduplicate: true, inputsPerProgram: 8 },
    update: { learningRate: 1.5e-4, betas: [0.9, 0.99], minibatches: 1 },
  });
  t.match(resolveConfig({ preset: "reference" }).config.curriculum, { fidelity: "reference", deduplicate: false, references: 6 });
  const undescribed = (node: Record<string, any>, path: string): string[] =>
    Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
      ...((child as any).description ? [] : [path + key]),
      ...undescribed(child as any, `${path}${key}.`),
    ]);
  t.same(undescribed(configJsonSchema(), ""), [], "every setting has a description");
  const { config, origins } = resolveConfig({ preset: "demo", argument: { run: { name: "x" } } });
  const missing = configKeys().filter((key) => key.split(".").reduce<any>((node, part) => node?.[part], config) === undefined);
  t.same(missing, [], "every setting has a value once a preset and a name are given");
  t.ok(configKeys().every((key) => Object.keys(origins).some((path) => path === key || path.startsWith(`${key}.`))));
});

t.test("the hash covers what changes results and nothing else", async (t) => {
  const base = resolveConfig({ preset: "demo" });
  const same: ConfigInput[] = [{ timeBudgetSeconds: 5 }, { run: { dir: "x", checkpointEvery: 1 } }, { engine: { threads: 1 } }, { executor: { workers: 3 } },
    { executor: { python: "python3.12", allowUntestedPython: true, require: ["landlock"] } }];
  for (const argument of same) t.equal(resolveConfig({ preset: "demo", argument }).hash, base.hash, JSON.stringify(argument));
  const different: ConfigInput[] = [{ seed: 1 }, { steps: 9 }, { engine: { weights: "bf16" } }, { reward: { shuffle: true } }, { executor: { limits: { cpuMs: 900 } } }];
  for (const argument of different) t.not(resolveConfig({ preset: "demo", argument }).hash, base.hash, JSON.stringify(argument));
  const other = resolveConfig({ preset: "demo", argument: { seed: 1, steps: 2, update: { clip: { low: 0.1 } } } }).config;
  t.same(incompatibleSettings(base.config, other).sort(), ["seed", "steps", "update.clip.low"]);
  t.equal(configHash(structuredClone(base.config)), base.hash);
});

t.test("files: every format, found from a folder below, functions and promises", async (t) => {
  const files: [name: string, text: string][] = [
    ["azr.config.json", `{"seed": 7}`],
    ["azr.config.mjs", `export default async ({ command }) => ({ seed: command === "train" ? 7 : 8 });`],
    ["azr.config.ts", `const seed: number = 7; export default Promise.resolve({ seed } satisfies { seed: number });`],
    ["azr.config.mts", `export default { seed: 7 as number };`],
  ];
  for (const [name, text] of files) {
    const root = t.testdir({ [name.replaceAll(".", "-")]: { "package.json": "{}", [name]: text, a: { b: {} } } });
    const folder = join(root, name.replaceAll(".", "-"));
    const { config, origins } = await loadConfig({ cwd: join(folder, "a", "b"), env: {} });
    t.equal(config.seed, 7, name);
    t.equal(origins.seed, `file ${join(folder, name)}`);
  }
  const outer = t.testdir({ "azr.config.json": `{"seed": 7}`, inner: { "package.json": "{}" } });
  t.equal((await loadConfig({ cwd: join(outer, "inner"), env: {} })).config.seed, 0, "the search stops at the first package.json");
  t.equal((await loadConfig({ cwd: outer, file: false, env: {} })).config.seed, 0, "file: false reads none");

  const rejects = async (file: string, text: string | undefined, code: string, message: RegExp) => {
    const folder = join(outer, file.replaceAll(".", "-"));
    await mkdir(folder, { recursive: true });
    if (text !== undefined) await writeFile(join(folder, file), text);
    await t.rejects(loadConfig({ cwd: folder, file, env: {} }), { code, message });
  };
  await rejects("gone.json", undefined, "AZR_CONFIG_NOT_FOUND", /no configuration file/);
  await rejects("broken.json", "{", "AZR_CONFIG_INVALID", /broken\.json could not be read/);
  await rejects("throws.mjs", "throw new Error('oops')", "AZR_CONFIG_INVALID", /oops/);
  await rejects("empty.mjs", "export const seed = 1", "AZR_CONFIG_INVALID", /gives no configuration object/);
  await rejects("typo.json", `{"stepps": 1}`, "AZR_CONFIG_INVALID", /stepps: unknown setting \(from file .*typo\.json\); did you mean `steps`/);
  t.same(defineConfig({ seed: 1 }), { seed: 1 });
});
