// Runs all tests of a checkout: types, GoogleTest binaries, tap files. Ends with `N passed, N failed` (and the number
// skipped when there are any) and exit code 1 when something failed.
//   node scripts/test.mjs [--slow] [--asan] [--jobs N] [FILTER...]     FILTER is a part of a test file's path

import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { build } from "./build.mjs";
import { listFiles } from "./lib/fingerprint.mjs";
import { reportError } from "./lib/script-error.mjs";
import { failedSuite, runAll, runBinary, runTap, runTypecheck, skippedSuite } from "./lib/test-suites.mjs";
import { installLine } from "./lib/toolchain.mjs";
import { packageRoot } from "./native-location.mjs";

const usage = "usage: node scripts/test.mjs [--slow] [--asan] [--jobs N] [FILTER...]\n";

function parse(args) {
  const options = { slow: false, asan: false, jobs: availableParallelism(), filters: [] };
  for (let index = 0; index < args.length; index++) {
    if (args[index] === "--slow") options.slow = true;
    else if (args[index] === "--asan") options.asan = true;
    else if (args[index] === "--jobs") options.jobs = Math.max(1, Number(args[++index]) || 1);
    else if (args[index].startsWith("-")) return undefined;
    else options.filters.push(args[index]);
  }
  return options;
}

/** Files that use both cores by themselves, or measure time, run alone. */
function runsAlone(file) {
  return /openEngine|openExecutor|node:child_process|node:worker_threads|bootstrap|hub-setup/.test(readFileSync(file, "utf8"));
}

function tapFiles({ slow, filters }) {
  const all = listFiles([join(packageRoot, "test")], { accept: (path) => path.endsWith(".test.ts") });
  const chosen = all.filter((file) => file.endsWith(".slow.test.ts") === slow);
  return filters.length === 0 ? chosen : chosen.filter((file) => filters.some((filter) => relative(packageRoot, file).includes(filter)));
}

/** Suites of the GoogleTest binaries, built first. A build that fails is a failed test, and the other suites still run. */
async function nativeSuites({ asan, slow, filters }) {
  const sources = readdirSync(join(packageRoot, "native", "test")).filter((name) => name.endsWith("_test.cc"));
  const names = sources.map((name) => name.slice(0, -3));
  const chosen = filters.length === 0 ? names : names.filter((name) => filters.some((filter) => `native/test/${name}`.includes(filter)));
  if (chosen.length === 0 || slow) return [];
  try {
    const { testFolder } = await build({ tests: true, asan });
    return chosen.map((name) => ({ name: `native/test/${name}`, alone: true, run: () => runBinary(join(testFolder, name), { asan, folder: tmpdir() }) }));
  } catch (error) {
    if (!/GoogleTest was not found/.test(error.message)) return [failedSuite("native build", error)];
    const line = installLine(["gtest"]);
    const skips = chosen.map((name) => skippedSuite(`native/test/${name}`, `GoogleTest is not installed (${line})`));
    if (asan) return skips;
    // The TypeScript tests need the library and the executor all the same.
    return build({}).then(() => skips, (failure) => [...skips, failedSuite("native build", failure)]);
  }
}

async function main(options) {
  const suites = await nativeSuites(options);
  if (!options.asan) {
    if (options.filters.length === 0 && !options.slow) suites.unshift({ name: "types", run: () => runTypecheck(packageRoot) });
    for (const file of tapFiles(options)) {
      suites.push({ name: relative(packageRoot, file), alone: runsAlone(file), run: () => runTap(packageRoot, file) });
    }
  }
  const total = await runAll(suites, options.jobs);
  if (suites.length === 0) {
    process.stderr.write("no test file matches\n");
    total.failed++;
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

const options = parse(process.argv.slice(2));
if (options === undefined) {
  process.stderr.write(usage);
  process.exitCode = 2;
} else {
  await main(options).catch(reportError);
}
