// The set-up steps of a checkout that are not native: npm packages and the TypeScript build. Each is skipped when
// what it makes is already what it would make now.

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { packageRoot } from "../native-location.mjs";
import { contentHash, listFiles } from "./fingerprint.mjs";
import { withLock } from "./lock.mjs";
import { lastLines, run, runVisible } from "./run.mjs";
import { scriptError } from "./script-error.mjs";

const readJson = (path) => {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
};

/** True when node_modules holds every package of package-lock.json in its locked version. */
export function packagesUpToDate(root = packageRoot) {
  const wanted = readJson(join(root, "package-lock.json"))?.packages;
  const present = readJson(join(root, "node_modules", ".package-lock.json"))?.packages;
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(
    ([path, entry]) => path === "" || entry.optional || present[path]?.version === entry.version,
  );
}

/** Runs `npm ci` when node_modules is missing or does not match the lockfile. */
export async function installPackages(log) {
  if (packagesUpToDate()) return;
  await withLock(`npm:${packageRoot}`, async () => {
    if (packagesUpToDate()) return;
    log("npm packages: npm ci");
    const [command, ...prefix] = process.env.npm_execpath?.endsWith(".js") ? [process.execPath, process.env.npm_execpath] : ["npm"];
    const args = [...prefix, "ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    const { status } = await runVisible(command, args, { cwd: packageRoot });
    if (status !== 0) {
      throw scriptError("AZR_INTERNAL", `npm ci ended with status ${status}; its own words are above.`, {
        hint: "check the network and npm's registry setting (npm config get registry), then run the same command again",
      });
    }
  });
}

function typescriptHash() {
  const inputs = ["src", "tsconfig.json", "tsconfig.build.json", "package-lock.json", "scripts"].map((path) => join(packageRoot, path));
  return contentHash(packageRoot, inputs, { accept: (path) => !path.includes("/scripts/") || path.endsWith(".d.mts") });
}

/** Files of src/ that are data and not TypeScript: copied beside the compiled code. */
function copyAssets(source, target) {
  for (const file of listFiles([source], { accept: (path) => !/\.m?ts$/.test(path) })) {
    const copy = join(target, relative(source, file));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
  }
}

/** Removes what an older source tree left in dist/. */
function removeStale(source, target) {
  const origin = (path) => join(source, relative(target, path));
  for (const file of listFiles([target])) {
    const stem = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(file)?.[1];
    if (stem !== undefined ? !existsSync(`${origin(stem)}.ts`) : !existsSync(origin(file))) rmSync(file);
  }
}

/** Compiles src/ into dist/ and copies its text files, when either changed. */
export async function buildTypescript(log) {
  const [source, target] = [join(packageRoot, "src"), join(packageRoot, "dist")];
  const stampFile = join(packageRoot, "build", "dist.stamp");
  const upToDate = (hash) => existsSync(stampFile) && readFileSync(stampFile, "utf8") === hash && existsSync(target);
  if (upToDate(typescriptHash())) return;
  await withLock(`dist:${packageRoot}`, async () => {
    const hash = typescriptHash();
    if (upToDate(hash)) return;
    log("TypeScript: src/ into dist/");
    rmSync(stampFile, { force: true });
    const compiler = join(packageRoot, "node_modules", "typescript", "bin", "tsc");
    const { status, output } = await run(process.execPath, [compiler, "-p", "tsconfig.build.json"], { cwd: packageRoot });
    if (status !== 0) {
      throw scriptError("AZR_INTERNAL", `The TypeScript build failed:\n${lastLines(output, 20)}`, { hint: "npm run typecheck" });
    }
    removeStale(source, target);
    copyAssets(source, target);
    mkdirSync(dirname(stampFile), { recursive: true });
    writeFileSync(stampFile, hash);
  });
}
