// Builds the native parts with cmake-js against the LibTorch that was found. Skipped when nothing it depends on has
// changed; one build at a time; finished files are renamed into place one by one and build.json comes last.
//   node scripts/build.mjs [--tests] [--asan] [--portable] [--jobs N] [--target NAME] [--force] [--verbose]

import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { cpuFlagsHash } from "./lib/cpu-flags.mjs";
import { contentHash, valueHash } from "./lib/fingerprint.mjs";
import { withLock } from "./lib/lock.mjs";
import { lastLines, run } from "./lib/run.mjs";
import { reportError, scriptError } from "./lib/script-error.mjs";
import { checkBuildTools, findCompiler, repairs } from "./lib/toolchain.mjs";
import { isCheckout, nativeFolder, nativeSourceHash, packageRoot, readBuildRecord } from "./native-location.mjs";
import { ensureTorch, findTorch } from "./torch.mjs";

const require = createRequire(import.meta.url);
const outputs = ["azr.node", "azr-executor", "azr-zygote.so"];
const toStderr = (line) => process.stderr.write(`${line}\n`);

function folders({ asan }) {
  const suffix = asan ? "-asan" : "";
  const finished = nativeFolder();
  const work = isCheckout() ? join(packageRoot, "build", `cmake${suffix}`) : `${finished}.work${suffix}`;
  return { work, out: join(work, "out"), finished: asan ? join(work, "native") : finished, tests: join(work, "out", "test") };
}

/** Everything that a build depends on, as one hash. */
async function fingerprintOf(torch, { tests, asan, portable }) {
  const compiler = await findCompiler();
  const { version } = JSON.parse(readFileSync(require.resolve("node-addon-api/package.json"), "utf8"));
  const parts = { sources: nativeSourceHash(), torch, compiler: compiler?.version, cpu: portable ? "portable" : cpuFlagsHash(), asan: Boolean(asan), addonApi: version };
  if (tests) parts.tests = contentHash(packageRoot, [join(packageRoot, "native", "test")]);
  return valueHash(parts);
}

/** Resolves with {upToDate, folder, record}: whether the finished files are those that a build would give now. */
export async function buildStatus(options = {}) {
  const { finished, work } = folders(options);
  const record = readBuildRecord(finished);
  const whole = record !== undefined && record.files.every((name) => existsSync(join(finished, name)));
  const { torch } = await findTorch();
  if (!whole || torch === undefined) return { upToDate: false, folder: finished, record };
  const upToDate = record.fingerprint === (await fingerprintOf(torch, { ...options, tests: false, portable: record.portable }));
  if (!upToDate || !options.tests) return { upToDate, folder: finished, record };
  const testRecord = readBuildRecord(join(work, "tests-done"));
  return { upToDate: testRecord?.fingerprint === (await fingerprintOf(torch, options)), folder: finished, record };
}

async function requireTools() {
  const problems = (await checkBuildTools()).filter((check) => check.problem);
  if (problems.length === 0) return;
  throw scriptError("AZR_ADDON_BUILD_FAILED", `The native parts cannot be built: ${problems.map((check) => check.problem).join(", ")}.`, {
    hint: repairs(problems).join("\n         "),
  });
}

async function cmakeJs(command, work, args, { verbose, log }) {
  const cli = join(dirname(require.resolve("cmake-js/package.json")), "bin", "cmake-js");
  const all = [cli, command, "--directory", packageRoot, "--out", work, ...args];
  const result = await run(process.execPath, all, { cwd: packageRoot, echo: verbose });
  const file = join(work, `${command}.log`);
  mkdirSync(work, { recursive: true });
  writeFileSync(file, result.output);
  if (result.status !== 0) log(`the full output is in ${file}`);
  return result;
}

function buildFailure(stage, output) {
  const errors = output.split("\n").filter((line) => /\berror\b|Error |undefined reference|FATAL/i.test(line) && !/^ERR! OMG/.test(line));
  return scriptError("AZR_ADDON_BUILD_FAILED", `The native ${stage} failed:\n${errors.slice(0, 6).join("\n") || lastLines(output, 8)}`, {
    hint: "read the lines above; `npx azr doctor` lists the tools that were found",
  });
}

async function compile(torch, options, { work, out }) {
  const { tests, asan, portable, target, verbose, log } = options;
  const define = {
    AZR_TORCH_LIB: torch.lib, AZR_TORCH_INCLUDE: torch.include, AZR_OUTPUT: out,
    AZR_TESTS: tests ? "ON" : "OFF", AZR_SANITIZE: asan ? "ON" : "OFF", AZR_PORTABLE: portable ? "ON" : "OFF",
  };
  const args = Object.entries(define).map(([name, value]) => `--CD${name}=${value}`);
  let configured = await cmakeJs("configure", work, args, options);
  if (configured.status !== 0 && existsSync(join(work, "CMakeCache.txt"))) {
    rmSync(work, { recursive: true, force: true }); // a cache of a moved checkout or another cmake: start clean, once
    configured = await cmakeJs("configure", work, args, options);
  }
  if (configured.status !== 0) throw buildFailure("configuration", configured.output);
  const byMemory = Math.max(1, Math.floor(totalmem() / 1.5e9)); // LibTorch's headers take over 1 GB a compiler
  const jobs = options.jobs ?? Math.min(availableParallelism(), byMemory);
  const targetArgs = target ? ["--target", target] : [];
  let built = await cmakeJs("build", work, ["--parallel", String(jobs), ...targetArgs], options);
  if (built.status !== 0 && /Killed|internal compiler error|std::bad_alloc|virtual memory exhausted/.test(built.output)) {
    log("native build: the compiler ran out of memory, trying again with one job");
    built = await cmakeJs("build", work, ["--parallel", "1", ...targetArgs], options);
  }
  if (built.status !== 0) throw buildFailure("build", built.output);
}

function writeRecord(folder, record) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, ".build.json"), `${JSON.stringify(record, null, 2)}\n`, { flush: true });
  renameSync(join(folder, ".build.json"), join(folder, "build.json"));
}

function publish(out, finished) {
  mkdirSync(finished, { recursive: true });
  rmSync(join(finished, "build.json"), { force: true });
  const files = outputs.filter((name) => existsSync(join(out, name)));
  for (const name of files) {
    copyFileSync(join(out, name), join(finished, `.${name}`));
    renameSync(join(finished, `.${name}`), join(finished, name)); // processes that run the old file keep it
  }
  return files;
}

/**
 * Builds what is out of date and resolves with {folder, testFolder, record, built}. Options: tests, asan, portable,
 * jobs, target, force, verbose, log. LibTorch is fetched when there is none.
 * Errors: AZR_TORCH_NOT_FOUND, AZR_TORCH_VERSION, AZR_ADDON_BUILD_FAILED.
 */
export async function build(input = {}) {
  const options = { log: toStderr, ...input };
  const { log } = options;
  const torch = await ensureTorch({ log });
  const place = folders(options);
  const result = (record, built) => ({ folder: place.finished, testFolder: place.tests, record, built });
  const work = async () => {
    if (!options.force && !options.target) {
      const status = await buildStatus(options);
      if (status.upToDate) return result(status.record, false);
    }
    await requireTools();
    log(`native build: ${options.target ?? (options.tests ? "library, executor and tests" : "library and executor")}, against LibTorch ${torch.version}`);
    const fingerprint = await fingerprintOf(torch, { ...options, tests: false });
    const testFingerprint = await fingerprintOf(torch, options);
    await compile(torch, options, place);
    const files = publish(place.out, place.finished);
    const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
    const compiler = (await findCompiler())?.version ?? "unknown";
    const record = { fingerprint: options.target ? "partial" : fingerprint, version, torch, compiler, portable: Boolean(options.portable), files };
    writeRecord(place.finished, record);
    if (options.tests) writeRecord(join(place.work, "tests-done"), { ...record, fingerprint: testFingerprint, files: [] });
    if (!isCheckout()) rmSync(place.work, { recursive: true, force: true });
    return result(record, true);
  };
  return withLock(`build:${place.work}`, work, { onWait: () => log("native build: another process is building, waiting") });
}

function parse(args) {
  const value = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
  const jobs = Number(value("--jobs") ?? value("-j"));
  const flag = (name) => args.includes(`--${name}`);
  return { tests: flag("tests"), asan: flag("asan"), portable: flag("portable"), force: flag("force"), verbose: flag("verbose"), target: value("--target"), ...(jobs > 0 && { jobs }) };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  build(parse(process.argv.slice(2))).then(
    ({ folder, built }) => toStderr(built ? `native build: done, ${folder}` : `native build: up to date, ${folder}`),
    reportError,
  );
}
