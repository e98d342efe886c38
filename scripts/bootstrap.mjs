// From a fresh clone to a running command, in plain Node with no dependencies:
//   node scripts/bootstrap.mjs demo [arguments of azr demo] | test [arguments of test.mjs] | build
//   ... | attack [arguments of attacks.ts] | soak [RUNS, or --train and arguments of test/run/soak.ts] | fuzz [arguments of fuzz.ts]
// Order: tools on the machine, npm packages, LibTorch and native build, TypeScript build; each skipped when up to date.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { buildTypescript, installPackages, packagesUpToDate } from "./lib/setup-steps.mjs";
import { reportError, scriptError } from "./lib/script-error.mjs";
import { checkBuildTools, checkNode, checkPython, repairs } from "./lib/toolchain.mjs";
import { packageRoot } from "./native-location.mjs";

const hooks = `--import=${join(packageRoot, "scripts", "lib", "typescript-hooks.mjs")}`;
const log = (line) => process.stderr.write(`${line}\n`);

/** Stops with one sentence a missing tool and the line that installs all of them. */
async function checkMachine() {
  const checks = [checkNode(), ...(await checkPython()), ...(await checkBuildTools())];
  const problems = checks.filter((check) => check.problem);
  if (problems.length === 0) return;
  throw scriptError("AZR_ADDON_BUILD_FAILED", `This machine lacks what the set-up needs: ${problems.map((check) => check.problem).join("; ")}.`, {
    hint: repairs(problems).join("\n         "),
  });
}

async function setUp(options) {
  const start = performance.now();
  const node = checkNode();
  if (node.problem) throw scriptError("AZR_ADDON_BUILD_FAILED", `${node.problem}.`, { hint: node.fix });
  if (!packagesUpToDate()) {
    await checkMachine();
    await installPackages(log);
  }
  const { build, buildStatus } = await import("./build.mjs"); // needs the npm packages
  if (options.native !== false && !(await buildStatus({})).upToDate) {
    await checkMachine();
    await build({ log });
  }
  await buildTypescript(log);
  log(`set-up: ready after ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** Hands the terminal to a Node script and ends with its exit code. Signals reach it by themselves (same group). */
function handOver(script, args, nodeArgs = []) {
  const child = spawn(process.execPath, [...nodeArgs, join(packageRoot, script), ...args], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
  }
  child.once("error", reportError);
  child.once("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}

async function main([command, ...args]) {
  if (command === "build") {
    await setUp({});
  } else if (command === "demo") {
    await setUp({});
    handOver("dist/cli/main.js", ["demo", ...args]);
  } else if (command === "test") {
    // A whole run builds everything, tests included, in one go (test.mjs); a part of it needs the library and the executor.
    const part = args.some((value, index) => value === "--slow" || (!value.startsWith("-") && args[index - 1] !== "--jobs"));
    await setUp({ native: part && !args.includes("--asan") });
    handOver("scripts/test.mjs", args);
  } else if (command === "attack" || command === "soak") {
    await setUp({});
    const everywhere = args.includes("--everywhere");
    const training = command === "soak" && args.includes("--train");
    const script = training ? "run/soak" : `executor/${command === "soak" ? "soak" : everywhere ? "attacks-everywhere" : "attacks"}`;
    handOver(`test/${script}.ts`, args.filter((value) => value !== "--everywhere" && value !== "--train"), [hooks]);
  } else if (command === "fuzz") {
    await setUp({ native: false });
    const { build } = await import("./build.mjs");
    const { folder } = await build({ asan: true, log });
    handOver("test/engine/fuzz.ts", ["--sanitized", folder, ...args], [hooks]);
  } else {
    log("usage: node scripts/bootstrap.mjs demo | test | attack | soak | fuzz | build");
    process.exitCode = 2;
  }
}

await main(process.argv.slice(2)).catch(reportError);
