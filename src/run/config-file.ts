// The file config.json of a run folder: written when the run is made, read back and checked against its hash.
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ZodError } from "zod";
import { leaves, stableJson, type Tree } from "../config/tree.ts";
import { AzrError } from "../errors.ts";
import { describeIssues } from "../jsonl.ts";
import { type Disk, nodeDisk, replaceFile } from "./disk.ts";
import type { FolderSettings, LogName, RunForm, RunMethod } from "./form.ts";

/** Checked settings, where each came from, and their hash. */
export interface Resolved<Settings> {
  config: Settings;
  origins: Record<string, string>;
  hash: string;
}

// Files of self-play name no method: there were no others when their format was made.
export const configText = <Settings>({ config, origins, hash }: Resolved<Settings>, method: RunMethod) =>
  `${JSON.stringify({ schema: 1, ...(method === "self-play" ? {} : { method }), hash, config, origins }, null, 2)}\n`;

/** Replaces the values of config.json on going on with a run; new values count as given by argument. */
export async function rewriteRunConfig<Settings extends FolderSettings>(form: RunForm<Settings, LogName>, dir: string, config: Settings, disk: Disk = nodeDisk): Promise<void> {
  const path = join(dir, "config.json");
  const old = JSON.parse(await readFile(path, "utf8")) as { config: Settings; origins: Record<string, string> };
  const before = new Map(leaves(old.config as unknown as Tree));
  const changed = leaves(config as unknown as Tree).filter(([key, value]) => stableJson(value) !== stableJson(before.get(key)));
  const origins = { ...old.origins, ...Object.fromEntries(changed.map(([key]) => [key, "argument"])) };
  await replaceFile(disk, path, configText({ config, origins, hash: form.hash(config) }, form.method));
}

interface ConfigFile {
  method: RunMethod;
  hash: string;
  config: unknown;
}

async function readConfigFile(dir: string): Promise<ConfigFile> {
  const file = JSON.parse(await readFile(join(dir, "config.json"), "utf8")) as Partial<ConfigFile>;
  return { method: file.method ?? "self-play", hash: file.hash ?? "", config: file.config };
}

const notRun = (message: string, cause?: unknown, runs: string[] = []) =>
  new AzrError("AZR_RUN_FOLDER", message, { hint: `Give the folder of a run, for example ${runs.length === 0 ? "runs/demo-seed0" : runs.slice(-5).join(" or ")}.`, cause });

// Whoever names the folder of all runs means one of them.
const runsIn = (dir: string): string[] =>
  existsSync(dir) ? readdirSync(dir).filter((name) => existsSync(join(dir, name, "config.json")) && existsSync(join(dir, name, "events.jsonl"))).map((name) => join(dir, name)) : [];

const told = (cause: unknown): string => (cause instanceof ZodError ? describeIssues(cause) : (cause as Error).message);

/** Throws AZR_RUN_FOLDER for what reading the config.json of a folder threw. */
function refuse(dir: string, cause: unknown): never {
  if (AzrError.isInstance(cause)) throw cause;
  if ((cause as NodeJS.ErrnoException).code === "ENOENT") throw notRun(existsSync(dir) ? `${dir} is not a run folder: it has no config.json` : `There is no run folder ${dir}`, cause, runsIn(dir));
  throw notRun(`${join(dir, "config.json")} cannot be used: ${told(cause)}`, cause instanceof ZodError ? undefined : cause);
}

/** Of which sort a run is. Throws AZR_RUN_FOLDER when there is no config.json or it cannot be read. */
export async function readRunMethod(dir: string): Promise<RunMethod> {
  const { method } = await readConfigFile(dir).catch((cause: unknown) => refuse(dir, cause));
  return method;
}

export interface FoundConfig<Settings> {
  config: Settings;
  /** Whether the values are those that were written. */
  sound: boolean;
}

/** The settings in config.json, whether they are sound or not. Throws AZR_RUN_FOLDER. */
export async function findConfig<Settings extends FolderSettings>(form: RunForm<Settings, LogName>, dir: string): Promise<FoundConfig<Settings>> {
  try {
    const { method, config, hash } = await readConfigFile(dir);
    if (method !== form.method) throw notRun(`${dir} is a run of another sort: ${method} instead of ${form.method}`);
    const parsed = form.parse(config);
    // An earlier version knew fewer settings: then the hash is of these alone, and the others have their defaults.
    return { config: parsed, sound: [form.hash(parsed), form.hash(config as Settings)].includes(hash) };
  } catch (cause) {
    return refuse(dir, cause);
  }
}

export const notSound = (dir: string) => notRun(`${join(dir, "config.json")} cannot be used: its values do not match its hash; was it edited, or written by another version?`);

/** The configuration that a run folder was made with. Throws AZR_RUN_FOLDER when there is none, it cannot be read or is of another sort of run. */
export async function readRunConfig<Settings extends FolderSettings>(form: RunForm<Settings, LogName>, dir: string): Promise<Settings> {
  const { config, sound } = await findConfig(form, dir);
  if (!sound) throw notSound(dir);
  return config;
}

/** The settings that a checkpoint holds. Throws AZR_CHECKPOINT_INCOMPATIBLE. */
export function parseSettings<Settings extends FolderSettings>(form: RunForm<Settings, LogName>, stored: unknown, name: string): Settings {
  try {
    return form.parse(stored);
  } catch (cause) {
    throw new AzrError("AZR_CHECKPOINT_INCOMPATIBLE", `The settings in ${name} are not ones that this version knows: ${told(cause)}`, {
      hint: "Resume it with the version of the package that wrote it.",
      cause,
    });
  }
}
