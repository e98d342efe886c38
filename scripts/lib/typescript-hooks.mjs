// Lets Node import the TypeScript of this checkout as it is: types are stripped once a file and kept in build/transpiled under
// a hash of the source. Only for tests and development (`node --import scripts/lib/typescript-hooks.mjs`); users get dist/.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import module, { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { packageRoot } from "../native-location.mjs";

const require = createRequire(import.meta.url);
const folder = join(packageRoot, "build", "transpiled");
const { version } = require("typescript/package.json");

/** JavaScript of one TypeScript file, with its source map inside. */
function transpile(path) {
  const text = readFileSync(path, "utf8");
  const kept = join(folder, `${createHash("sha256").update(`${version}\0${path}\0${text}`).digest("hex")}.mjs`);
  try {
    return readFileSync(kept, "utf8");
  } catch {
    // seen for the first time
  }
  const ts = require("typescript"); // half a second to load, so only when needed
  const { outputText } = ts.transpileModule(text, {
    fileName: path,
    compilerOptions: { target: "es2022", module: "esnext", verbatimModuleSyntax: true, isolatedModules: true, inlineSourceMap: true, inlineSources: true },
  });
  mkdirSync(folder, { recursive: true });
  const part = `${kept}.${process.pid}`;
  writeFileSync(part, outputText);
  renameSync(part, kept);
  return outputText;
}

/** Node's `load` hook: answers for .ts files outside node_modules. */
export function load(url, context, nextLoad) {
  if (!/^file:.*\.ts$/.test(url) || url.includes("/node_modules/")) return nextLoad(url, context);
  return { format: "module", source: transpile(fileURLToPath(url)), shortCircuit: true };
}

if (module.registerHooks) module.registerHooks({ load });
else if (isMainThread) module.register(import.meta.url); // Node 20 runs hooks in a thread, which evaluates this file again
