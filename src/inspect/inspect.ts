// inspect(): gathers the report behind `azr doctor`. It works with no addon, no LibTorch, no compiler and no network;
// the addon is loaded in a child process (probe-addon.ts). render.ts turns the report into text.

import { readFileSync, statfsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { checkBuildTools, checkNode, checkPython } from "../../scripts/lib/toolchain.mjs";
import { azrHome, packageRoot } from "../../scripts/native-location.mjs";
import { findTorch } from "../../scripts/torch.mjs";
import type { FindResult } from "../../scripts/torch.mjs";
import { AzrError } from "../errors.ts";
import { probeAddon } from "./probe-addon.ts";
import { probeDevices } from "./probe-devices.ts";
import { probeExecutor } from "./probe-executor.ts";
import type { AddonReport, InspectReport, Problem } from "./report.ts";

function freeBytes(path: string): number | null {
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    } catch {
      if (folder === dirname(folder)) return null;
    }
  }
}

async function torchReport(): Promise<{ found: FindResult; problem: Problem | undefined }> {
  try {
    const found = await findTorch();
    const problem = { code: "AZR_TORCH_NOT_FOUND", what: "no usable LibTorch was found", fix: "npx azr torch install" };
    return { found, problem: found.torch ? undefined : problem };
  } catch (error) {
    if (!AzrError.isInstance(error)) throw error;
    const attempts = (error.details?.attempts ?? []) as FindResult["attempts"];
    const problem = { code: error.code, what: error.message, fix: error.hint ?? "unset LIBTORCH" };
    return { found: { torch: undefined, source: undefined, attempts }, problem };
  }
}

function addonProblem(addon: AddonReport, torchFound: boolean): Problem | undefined {
  const code = "AZR_ADDON_LOAD_FAILED";
  if (!addon.built) return { code, what: "the native parts are not built", fix: "npx azr build" };
  if (!addon.loads) return { code, what: `the addon does not load: ${addon.error}`, fix: "npx azr build --force" };
  if (torchFound && addon.upToDate === false) {
    return { code: "AZR_ADDON_BUILD_FAILED", what: "the native parts are older than their sources, compiler or LibTorch", fix: "npx azr build" };
  }
  return undefined;
}

/**
 * Looks at Node, toolchain, LibTorch, addon, executor, devices and disk. Never rejects for what it finds: everything
 * that is wrong is in `problems`, each with the command that repairs it; `ok` is true when there is none.
 */
export async function inspect(): Promise<InspectReport> {
  const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string };
  const header = (process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }).header;
  const glibc = header.glibcVersionRuntime ?? null;
  const node = checkNode();
  const [tools, python, torch] = await Promise.all([checkBuildTools(), checkPython(), torchReport()]);
  const addon = await probeAddon(torch.found.torch !== undefined);
  const { hint, ...executor } = await probeExecutor();
  const devices = await probeDevices(addon.loads);
  const supported = process.platform === "linux" && glibc !== null && ["x64", "arm64"].includes(process.arch);

  const problems: Problem[] = [];
  const add = (code: string, what: string, fix: string) => problems.push({ code, what, fix });
  if (!supported) add("AZR_DEVICE_UNAVAILABLE", `${process.platform} ${process.arch} is not supported`, "use Linux with glibc 2.28 or newer on x86-64 or arm64");
  for (const check of [node, ...python]) if (check.problem) add("AZR_EXECUTOR_UNAVAILABLE", check.problem, check.fix ?? "");
  // A machine that has a working build needs no compiler.
  if (!addon.loads || addon.upToDate === false) {
    for (const check of tools) if (check.problem) add("AZR_ADDON_BUILD_FAILED", check.problem, check.fix ?? "");
  }
  if (torch.problem) problems.push(torch.problem);
  const wrongAddon = addonProblem(addon, torch.found.torch !== undefined);
  if (wrongAddon) problems.push(wrongAddon);
  if (!executor.ok && addon.built) add("AZR_EXECUTOR_UNAVAILABLE", executor.error ?? "the executor does not start", hint ?? "npx azr build");

  const { torch: found, source, attempts } = torch.found;
  return {
    ok: problems.length === 0,
    version,
    node: { version: process.versions.node, nodeApi: process.versions.napi ?? "unknown", ok: node.problem === undefined },
    platform: { system: `${process.platform} ${process.arch}`, glibc, cores: availableParallelism(), memoryBytes: totalmem(), ok: supported },
    toolchain: [...tools, ...python].map((check) => ({ tool: check.tool, version: check.version ?? null, ok: check.problem === undefined })),
    libtorch: { found: found !== undefined, version: found?.version ?? null, root: found?.root ?? null, source: source ?? null, cuda: found?.cuda ?? false, attempts },
    addon,
    executor,
    devices,
    disk: { home: azrHome(), freeBytes: freeBytes(azrHome()) },
    problems,
  };
}
