// Settings from several sources, merged and checked against a schema: what the configurations of all commands have in common. A fault is
// told with the key, the value, where that came from and the nearest right key. resolve.ts (self-play) and src/sft use it.
import type * as z from "zod";
import { AzrError } from "../errors.ts";
import { issueText } from "../issues.ts";
import { nearestKey } from "./suggest.ts";
import { isTree, leaves, mergeTree, setPath, type Tree } from "./tree.ts";

/** Values and where they come from. */
export type Layer = [origin: string, values: Tree];

export interface SettingSources {
  file?: { path: string; values: object };
  /** Environment variables. Default: none. */
  env?: Record<string, string | undefined>;
  /** Texts like `update.learningRate=1e-4`; the right side is JSON, or else taken as a string. */
  set?: string[];
  argument?: object;
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

function environment(env: Record<string, string | undefined>, keys: Record<string, string>): [name: string, values: Tree][] {
  return Object.entries(keys).flatMap(([name, path]): [string, Tree][] => {
    const text = env[name];
    if (text === undefined || text === "") return [];
    const tree: Tree = {};
    const numeric = /^(seed|engine\.threads|executor\.workers)$/.test(path);
    setPath(tree, path.split("."), numeric ? scalar(text) : text);
    return [[name, tree]];
  });
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodType, tree: Tree, origins: Record<string, string>, renamed: Record<string, string>): string[] {
  const path = issue.path.map(String);
  const originOf = (dotted: string) => {
    const under = Object.keys(origins).find((known) => known === dotted || known.startsWith(`${dotted}.`));
    return under === undefined ? "" : ` (from ${origins[under]})`;
  };
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const dotted = [...path, key].join(".");
      if (Object.hasOwn(renamed, dotted)) return `${dotted}: this setting is now ${renamed[dotted]}${originOf(dotted)}`;
      const near = nearestKey(schema, path, key);
      return `${dotted}: unknown setting${originOf(dotted)}${near === undefined ? "" : `; did you mean \`${near}\`?`}`;
    });
  }
  const dotted = path.join(".");
  const value = path.reduce<unknown>((node, key) => (node as Tree | undefined)?.[key], tree);
  const shown = value === undefined ? "" : `, got ${JSON.stringify(value)}`;
  return [`${dotted}: ${issueText(issue)}${issue.code === "custom" ? "" : shown}${originOf(dotted)}`];
}

// What is no object has no settings: it would pass for a configuration of defaults.
function requireTree(values: unknown, from: string): Tree {
  if (isTree(values)) return values;
  throw new AzrError("AZR_CONFIG_INVALID", `The configuration from ${from} is no object of settings`, { hint: "Write for example { steps: 10 }." });
}

/** The sources as layers, the weakest first: file, environment (`keys` names the variables and what they set), `--set`, argument. */
export function layersOf({ file, env, set, argument }: SettingSources, keys: Record<string, string>): Layer[] {
  const layers: Layer[] = [];
  if (file) layers.push([`file ${file.path}`, requireTree(file.values, file.path)]);
  for (const [name, values] of environment(env ?? {}, keys)) layers.push([`env ${name}`, values]);
  if (set?.length) layers.push(["--set", settings(set)]);
  if (argument !== undefined) layers.push(["argument", requireTree(argument, "the argument")]);
  return layers;
}

/** What a fault tells beside itself: the page of all settings, an example of `--set`, and what settings of earlier versions are called now. */
export interface SettingHelp {
  page: string;
  example: string;
  renamed?: Record<string, string>;
}

/**
 * Merges layers, later ones over earlier ones, and checks the result.
 * @throws AzrError AZR_CONFIG_INVALID: one line a fault
 */
export function checkSettings<Schema extends z.ZodType>(schema: Schema, layers: readonly Layer[], help: SettingHelp): { config: z.output<Schema>; origins: Record<string, string> } {
  const tree: Tree = {};
  const origins: Record<string, string> = {};
  for (const [origin, values] of layers) mergeTree(tree, values, origin, origins);
  const parsed = schema.safeParse(tree);
  if (!parsed.success) {
    const lines = parsed.error.issues.flatMap((issue) => describe(issue, schema, tree, origins, help.renamed ?? {}));
    const only = lines.length === 1 ? lines[0]! : `${lines.length} faults\n  ${lines.join("\n  ")}`;
    throw new AzrError("AZR_CONFIG_INVALID", `The configuration is not valid: ${only}`, {
      hint: `Correct the named settings; ${help.page} lists them all. \`--set\` takes JSON, as in ${help.example}.`,
      details: { faults: lines },
    });
  }
  const complete = leaves(parsed.data as Tree).map(([path]) => [path, origins[path] ?? "default"]);
  return { config: parsed.data, origins: Object.fromEntries(complete) };
}
