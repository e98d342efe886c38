// Merges defaults < preset < file < environment < `--set` < argument into one checked configuration and records the origin of
// each value. Pure: the environment is passed in. load.ts finds and reads the file.
import { createHash } from "node:crypto";
import { algorithmNames, algorithms } from "./algorithms.ts";
import { checkSettings, type Layer, layersOf } from "./check.ts";
import { presets } from "./presets.ts";
import { type Preset, readPreset } from "./preset-names.ts";
import { type Config, configSchema, type ConfigInput } from "./schema.ts";
import { leaves, stableJson, type Tree, treeDifferences } from "./tree.ts";

/** A checked configuration, where each of its values came from (dotted path -> origin), and the hash of what changes results. */
export interface ResolvedConfig {
  config: Config;
  origins: Record<string, string>;
  hash: string;
}

export interface ConfigSources {
  preset?: Preset;
  file?: { path: string; values: ConfigInput };
  /** Environment variables; see `environmentKeys` for those that are read. Default: none. */
  env?: Record<string, string | undefined>;
  /** Texts like `update.learningRate=1e-4`; the right side is JSON, or else taken as a string. */
  set?: string[];
  argument?: ConfigInput;
}

/** Settings that earlier versions had, and where what they said is said now. */
const renamed: Record<string, string> = {
  "curriculum.baseline": "update.advantage (token: weights=token; task: scope=task and baseline=leave-one-out)",
  "update.normalise": "update.aggregation",
};

/** The environment variables that set a value. */
export const environmentKeys: Record<string, string> = {
  AZR_PRESET: "preset",
  AZR_MODEL: "model",
  AZR_SEED: "seed",
  AZR_RUN_DIR: "run.dir",
  AZR_THREADS: "engine.threads",
  AZR_WORKERS: "executor.workers",
  AZR_PYTHON: "executor.python",
};

// Settings that say where, how long, how fast and with what process a run happens, and who watches it; two runs that differ only here give equal steps,
// as long as oversight takes nothing out of either.
const neutral = /^(preset|algorithm|steps|timeBudgetSeconds|run\..*|oversight\..*|engine\.threads|update\.maxGap|executor\.(workers|python|allowUntestedPython|require))$/;

/** Whether a run of these settings may go on with another value there. The number of steps is decisive where the step size falls towards the last. */
export const mayChange = (path: string, config: Config): boolean => neutral.test(path) && (path !== "steps" || config.update.schedule === "constant");

/** The settings of a run that change its results. */
const decisive = (config: Config): [string, unknown][] => leaves(config as Tree).filter(([path]) => !mayChange(path, config));

/** Hash of the settings that change results (not where the run lives, how long it goes on, or how many workers it has). */
export function configHash(config: Config): string {
  return createHash("sha256").update(stableJson(Object.fromEntries(decisive(config)))).digest("hex").slice(0, 16);
}

/** Dotted paths of settings that change results and differ between two configurations. */
export function incompatibleSettings(left: Config, right: Config): string[] {
  return treeDifferences(left as Tree, right as Tree).flatMap(({ path }) => (mayChange(path, left) ? [] : [path]));
}

/** A layer that names an algorithm begins with what the name stands for, so it undoes what weaker layers said of it, and its own values count. */
function withAlgorithm([origin, values]: Layer): Layer[] {
  const name = algorithmNames.find((known) => known === values.algorithm);
  return name === undefined ? [[origin, values]] : [[`algorithm ${name}`, { update: structuredClone(algorithms[name]) }], [origin, values]];
}

/**
 * Merges the sources and checks the result.
 * @throws AzrError AZR_CONFIG_INVALID: one line a fault, each with the key, the value, its origin and the nearest right key.
 */
export function resolveConfig(sources: ConfigSources = {}): ResolvedConfig {
  const { preset: asked, ...rest } = sources;
  const layers = layersOf(rest, environmentKeys);
  const named = asked ?? layers.map(([, values]) => values.preset).findLast((preset) => preset !== undefined);
  const parts = typeof named === "string" ? readPreset(named) : "";
  const first: Layer[] = named === undefined ? [] : [["argument", { preset: named }]];
  for (const preset of typeof parts === "string" ? [] : [parts.recipe, parts.size]) {
    if (preset !== undefined) first.push([`preset ${preset}`, structuredClone(presets[preset]) as Tree]);
  }
  const others = layers.map(([origin, values]): Layer => [origin, values.preset === undefined ? values : { ...values, preset: named }]);
  const { config, origins } = checkSettings(configSchema, [...first, ...others].flatMap(withAlgorithm), { page: "docs/settings.md", example: "--set 'kinds=[\"deduction\"]'", renamed });
  return { config, origins, hash: configHash(config) };
}
