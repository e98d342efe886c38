// Merges defaults < preset < file < environment < `--set` < argument into one checked configuration and records the origin of
// each value. Pure: the environment is passed in. load.ts finds and reads the file.
import { createHash } from "node:crypto";
import type * as z from "zod";
import { AzrError } from "../errors.ts";
import { presets } from "./presets.ts";
import { type Config, configSchema, type ConfigInput, presetNames, type PresetName } from "./schema.ts";
import { nearestKey } from "./suggest.ts";
import { leaves, mergeTree, setPath, stableJson, type Tree } from "./tree.ts";

/** A checked configuration, where each of its values came from (dotted path -> origin), and the hash of what changes results. */
export interface ResolvedConfig {
  config: Config;
  origins: Record<string, string>;
  hash: string;
}

export interface ConfigSources {
  preset?: PresetName;
  file?: { path: string; values: ConfigInput };
  /** Environment variables; see `environmentKeys` for those that are read. Default: none. */
  env?: Record<string, string | undefined>;
  /** Texts like `update.learningRate=1e-4`; the right side is JSON, or else taken as a string. */
  set?: string[];
  argument?: ConfigInput;
}

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

// Settings that say where, how long and with what process a run happens; two runs that differ only here give equal steps.
const neutral = /^(preset|steps|timeBudgetSeconds|run\..*|executor\.(workers|python|allowUntestedPython|require))$/;

/** The settings of a run that change its results. The number of steps is one where the step size falls towards the last. */
const decisive = (config: Config): [string, unknown][] =>
  leaves(config as Tree).filter(([path]) => !neutral.test(path) || (path === "steps" && config.update.schedule !== "constant"));

/** Hash of the settings that change results (not where the run lives, how long it goes on, or how many workers it has). */
export function configHash(config: Config): string {
  return createHash("sha256").update(stableJson(Object.fromEntries(decisive(config)))).digest("hex").slice(0, 16);
}

/** Dotted paths of settings that change results and differ between two configurations. */
export function incompatibleSettings(left: Config, right: Config): string[] {
  const other = new Map(leaves(right as Tree));
  return decisive(left)
    .filter(([path, value]) => stableJson(value) !== stableJson(other.get(path)))
    .map(([path]) => path);
}

const scalar = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

function settings(assignments: string[]): Tree {
  const tree: Tree = {};
  for (const assignment of assignments) {
    const at = assignment.indexOf("=");
    if (at < 1) {
      throw new AzrError("AZR_CONFIG_INVALID", `--set needs key=value, got \`${assignment}\``, {
        hint: "Write for example --set update.learningRate=1e-4",
      });
    }
    setPath(tree, assignment.slice(0, at).trim().split("."), scalar(assignment.slice(at + 1).trim()));
  }
  return tree;
}

function environment(env: Record<string, string | undefined>): [name: string, values: Tree][] {
  return Object.entries(environmentKeys).flatMap(([name, path]): [string, Tree][] => {
    const text = env[name];
    if (text === undefined || text === "") return [];
    const tree: Tree = {};
    const numeric = /^(seed|engine\.threads|executor\.workers)$/.test(path);
    setPath(tree, path.split("."), numeric ? scalar(text) : text);
    return [[name, tree]];
  });
}

function describe(issue: z.core.$ZodIssue, tree: Tree, origins: Record<string, string>): string[] {
  const path = issue.path.map(String);
  const originOf = (dotted: string) => {
    const under = Object.keys(origins).find((known) => known === dotted || known.startsWith(`${dotted}.`));
    return under === undefined ? "" : ` (from ${origins[under]})`;
  };
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const dotted = [...path, key].join(".");
      const near = nearestKey(path, key);
      return `${dotted}: unknown setting${originOf(dotted)}${near === undefined ? "" : `; did you mean \`${near}\`?`}`;
    });
  }
  const dotted = path.join(".");
  const value = path.reduce<unknown>((node, key) => (node as Tree | undefined)?.[key], tree);
  const shown = value === undefined ? "" : `, got ${JSON.stringify(value)}`;
  return [`${dotted}: ${issue.message}${issue.code === "custom" ? "" : shown}${originOf(dotted)}`];
}

/**
 * Merges the sources and checks the result.
 * @throws AzrError AZR_CONFIG_INVALID: one line a fault, each with the key, the value, its origin and the nearest right key.
 */
export function resolveConfig(sources: ConfigSources = {}): ResolvedConfig {
  const layers: [origin: string, values: Tree][] = [];
  if (sources.file) layers.push([`file ${sources.file.path}`, sources.file.values as Tree]);
  for (const [name, values] of environment(sources.env ?? {})) layers.push([`env ${name}`, values]);
  if (sources.set?.length) layers.push(["--set", settings(sources.set)]);
  if (sources.argument) layers.push(["argument", sources.argument as Tree]);

  const named = sources.preset ?? layers.map(([, values]) => values.preset).findLast((preset) => preset !== undefined);
  const preset = presetNames.find((name) => name === named);
  const tree: Tree = {};
  const origins: Record<string, string> = {};
  if (preset !== undefined) mergeTree(tree, structuredClone(presets[preset]) as Tree, `preset ${preset}`, origins);
  for (const [origin, values] of layers) mergeTree(tree, values, origin, origins);
  if (named !== undefined) tree.preset = named;

  const parsed = configSchema.safeParse(tree);
  if (!parsed.success) {
    const lines = parsed.error.issues.flatMap((issue) => describe(issue, tree, origins));
    const only = lines.length === 1 ? lines[0]! : `${lines.length} faults\n  ${lines.join("\n  ")}`;
    throw new AzrError("AZR_CONFIG_INVALID", `The configuration is not valid: ${only}`, {
      hint: "Correct the named settings; docs/settings.md lists them all. `--set` takes JSON, as in --set 'kinds=[\"deduction\"]'.",
      details: { faults: lines },
    });
  }
  const config = parsed.data;
  const complete = Object.fromEntries(leaves(config as Tree).map(([path]) => [path, origins[path] ?? "default"]));
  if (named !== undefined) complete.preset ??= "argument";
  return { config, origins: complete, hash: configHash(config) };
}
