// The three sorts of test suite (types, GoogleTest binary, tap file), run with a limit on how many at a time.
// A suite's run() resolves with {passed, failed, skipped, skips, failures}.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { lastLines, run } from "./run.mjs";
import { readGoogleTest } from "./gtest-output.mjs";
import { readTap } from "./tap-output.mjs";

const limitSeconds = 900;
const nothing = { passed: 0, failed: 0, skipped: 0, skips: [], failures: [] };

/** Runs a command in a process group of its own and kills the group after the limit. */
function runLimited(command, args, options) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let [stdout, stderr, timedOut] = ["", "", false];
    const killGroup = () => {
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // the group has already ended
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup();
    }, limitSeconds * 1000);
    process.once("exit", killGroup);
    child.stdout.setEncoding("utf8").on("data", (chunk) => (stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk) => (stderr += chunk));
    child.once("error", (error) => (stderr += error.message));
    child.once("close", (status, signal) => {
      clearTimeout(timer);
      process.removeListener("exit", killGroup);
      const end = timedOut ? `no end within ${limitSeconds} s` : signal ? `killed by ${signal}` : `exit code ${status}`;
      resolve({ status, stdout, stderr, end });
    });
  });
}

/** A whole suite that cannot run here. */
export function skippedSuite(name, reason) {
  return { name, run: async () => ({ ...nothing, skipped: 1, skips: [`${name}: ${reason}`] }) };
}

/** A suite whose preparation failed; the error's code, sentence and hint are the report. */
export function failedSuite(name, error) {
  const text = error?.code ? `${error.code}: ${error.message}${error.hint ? `\nDo this: ${error.hint}` : ""}` : String(error?.stack ?? error);
  return { name, run: async () => ({ ...nothing, failed: 1, failures: [text] }) };
}

/** tsc over src/ and test/: one test. */
export async function runTypecheck(root) {
  const { status, output } = await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.json", "--noEmit"], { cwd: root });
  return status === 0 ? { ...nothing, passed: 1 } : { ...nothing, failed: 1, failures: [lastLines(output, 40)] };
}

/** One tap file. Its TypeScript is stripped by typescript-hooks.mjs, which is two or three times as fast as tap's own loader. */
export async function runTap(root, file) {
  const env = { ...process.env, TAP: "1", TAP_CWD: root, TAP_TIMEOUT: "600" };
  const args = [`--import=${join(root, "scripts", "lib", "typescript-hooks.mjs")}`, "--enable-source-maps", file];
  const { status, stdout, stderr, end } = await runLimited(process.execPath, args, { cwd: root, env });
  const result = readTap(stdout);
  if (result.failed === 0 && (status !== 0 || !result.planned)) {
    result.failed++;
    result.failures.push(`the file ended badly: ${end}\n${lastLines(stdout, 10)}`);
  }
  if (result.failed > 0 && stderr.trim()) result.failures.push(`stderr:\n${lastLines(stderr, 40)}`);
  return result;
}

/** One GoogleTest binary. */
export async function runBinary(path, { asan, folder }) {
  const report = mkdtempSync(join(folder, "azr-gtest-"));
  const env = { ...process.env };
  if (asan) {
    env.ASAN_OPTIONS = "detect_leaks=0"; // LibTorch keeps globals for the life of the process
    env.UBSAN_OPTIONS = "print_stacktrace=1:halt_on_error=1";
  }
  try {
    const { status, stdout, stderr, end } = await runLimited(path, [`--gtest_output=json:${report}/report.json`], { env });
    let result = structuredClone(nothing);
    try {
      result = readGoogleTest(JSON.parse(readFileSync(join(report, "report.json"), "utf8")));
    } catch {
      // it died before it wrote its report: the exit status below says so
    }
    if (status !== 0 && result.failed === 0) {
      result.failed++;
      result.failures.push(`${end}\n${lastLines(stdout, 10)}\n${lastLines(stderr, 60)}`);
    }
    return result;
  } finally {
    rmSync(report, { recursive: true, force: true });
  }
}

function show(name, result, seconds) {
  const counts = `${result.passed} passed${result.failed ? `, ${result.failed} failed` : ""}${result.skipped ? `, ${result.skipped} skipped` : ""}`;
  const lines = [`${result.failed ? "FAIL" : "ok  "} ${name} (${counts}, ${seconds.toFixed(1)} s)`];
  for (const skip of result.skips) lines.push(`     skipped: ${skip}`);
  for (const failure of result.failures) lines.push(failure.replace(/^/gm, "     "));
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** Runs the suites, those with `alone` one by one after the others, and resolves with the summed counts. */
export async function runAll(suites, jobs) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const runOne = async ({ name, run: runSuite }) => {
    const start = performance.now();
    const result = await runSuite().catch((error) => ({ ...nothing, failed: 1, failures: [String(error.stack ?? error)] }));
    show(name, result, (performance.now() - start) / 1000);
    for (const key of Object.keys(total)) total[key] += result[key];
  };
  const work = async (queue) => {
    for (let suite = queue.shift(); suite !== undefined; suite = queue.shift()) await runOne(suite);
  };
  const together = suites.filter((suite) => !suite.alone);
  await Promise.all(Array.from({ length: jobs }, () => work(together)));
  await work(suites.filter((suite) => suite.alone));
  return total;
}
