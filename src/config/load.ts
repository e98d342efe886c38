// Finds azr.config.* and reads it: JSON as data, JavaScript by import, TypeScript natively where Node strips types and by jiti
// elsewhere. The values go through resolve.ts like those of every other source.
import { access, readFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { AzrError } from "../errors.ts";
import { type ConfigSources, type ResolvedConfig, resolveConfig } from "./resolve.ts";
import type { ConfigInput } from "./schema.ts";

export interface ConfigContext {
  /** The command that asks: `train`, `demo`, `eval`. */
  command: string;
  mode: string;
}
export type ConfigDefinition =
  | ConfigInput
  | Promise<ConfigInput>
  | ((context: ConfigContext) => ConfigInput | Promise<ConfigInput>);

/** Gives a configuration file its types; returns its argument. */
export const defineConfig = <const Definition extends ConfigDefinition>(definition: Definition): Definition => definition;

/** Names looked for, in this order, in each folder from the working directory up to the first package.json. */
export const configFileNames = ["ts", "mts", "mjs", "js", "json"].map((extension) => `azr.config.${extension}`);

export interface LoadConfigOptions extends Omit<ConfigSources, "file"> {
  /** Where to look. Default: the working directory. */
  cwd?: string;
  /** A file to read instead of looking; false reads none. */
  file?: string | false;
  command?: string;
  mode?: string;
}

const exists = (path: string) => access(path).then(() => true, () => false);

async function findFile(cwd: string): Promise<string | undefined> {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    for (const name of configFileNames) {
      const path = join(folder, name);
      if (await exists(path)) return path;
    }
    if (folder === dirname(folder) || (await exists(join(folder, "package.json")))) return undefined;
  }
}

async function importFile(path: string): Promise<unknown> {
  const extension = extname(path);
  if (extension === ".json") return JSON.parse(await readFile(path, "utf8")) as unknown;
  const stripsTypes = (process as { features: { typescript?: unknown } }).features.typescript;
  if ([".ts", ".mts"].includes(extension) && !stripsTypes) {
    const { createJiti } = await import("jiti");
    return createJiti(import.meta.url, { moduleCache: false }).import(path, { default: true });
  }
  const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  return module.default;
}

async function readValues(path: string, context: ConfigContext): Promise<ConfigInput> {
  let exported: unknown;
  try {
    exported = await importFile(path);
    exported = await (typeof exported === "function" ? exported(context) : exported);
  } catch (cause) {
    throw new AzrError("AZR_CONFIG_INVALID", `${path} could not be read: ${(cause as Error).message}`, {
      hint: "Run the file on its own to see the fault.",
      cause,
    });
  }
  if (typeof exported !== "object" || exported === null || Array.isArray(exported)) {
    throw new AzrError("AZR_CONFIG_INVALID", `${path} gives no configuration object`, {
      hint: `Export one by default: export default defineConfig({ ... }) in ${basename(path)}.`,
    });
  }
  return exported as ConfigInput;
}

/**
 * Reads the named configuration file.
 * @throws AzrError AZR_CONFIG_NOT_FOUND, AZR_CONFIG_INVALID
 */
export async function readConfigFile(path: string, context: ConfigContext): Promise<object> {
  if (await exists(path)) return readValues(path, context);
  throw new AzrError("AZR_CONFIG_NOT_FOUND", `There is no configuration file ${path}`, {
    hint: "Give the path of an azr.config.ts or .json, or leave it out to use the defaults.",
  });
}

/**
 * Finds and reads the configuration file, merges it with the other sources and checks the result. Reads the environment variables
 * of `environmentKeys` unless `env` is given. No file at all is no error unless `file` names one.
 * @throws AzrError AZR_CONFIG_NOT_FOUND, AZR_CONFIG_INVALID
 */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<ResolvedConfig> {
  const { cwd = process.cwd(), file, command = "train", mode = "default", ...sources } = options;
  const path = file === false ? undefined : file === undefined ? await findFile(cwd) : resolve(cwd, file);
  const values = path === undefined ? undefined : await readConfigFile(path, { command, mode });
  return resolveConfig({
    env: process.env,
    ...sources,
    ...(path !== undefined && values !== undefined ? { file: { path, values } } : {}),
  });
}
