// The exports that check_export.py lets transformers read, and that test/engine/export.test.ts makes again to compare the files.
//   node --import ./scripts/lib/typescript-hooks.mjs test/truth/export-cases.ts FOLDER     makes them, with the models they are of
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { seedlingFolder } from "../../src/engine/resolve-model.ts";
import { exportModel } from "../../src/export-model.ts";
import { readTruth, writeModelFolder } from "./model-folder.ts";

export const exportCases = [
  { name: "seedling-f32", of: "seedling", dtype: "f32" },
  { name: "seedling-bf16", of: "seedling", dtype: "bf16" },
  { name: "seedling-f16", of: "seedling", dtype: "f16" },
  { name: "seedling-shards", of: "seedling", dtype: "f32", maxShardBytes: 600_000 },
  { name: "qwen2-f32", of: "qwen2", dtype: "f32" },
  { name: "gemma3-f32", of: "gemma3", dtype: "f32" },
  { name: "llama3-shards", of: "llama3", dtype: "bf16", maxShardBytes: 6000 },
] as const;

/** Makes an export under `folder` and answers the SHA-256 of its weights, their index and config.json. */
export async function makeExport({ name, of, ...options }: (typeof exportCases)[number], folder: string): Promise<Record<string, string>> {
  const original = join(folder, of);
  if (of !== "seedling") {
    mkdirSync(original, { recursive: true });
    writeModelFolder(original, readTruth(of));
  }
  const out = join(folder, name);
  await exportModel({ model: of === "seedling" ? seedlingFolder() : original, out, threads: 1, ...options });
  const files = readdirSync(out).filter((file) => /^(model|config)/.test(file)).sort();
  return Object.fromEntries(files.map((file) => [file, createHash("sha256").update(readFileSync(join(out, file))).digest("hex")]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const one of exportCases) await makeExport(one, process.argv[2]!);
}
