// The doctor on machines where something is missing: every state gives a report, a sentence and a command.

import t from "tap";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { InspectReport } from "../../src/inspect/index.ts";
import { renderReport } from "../../src/inspect/index.ts";
import { packageRoot } from "../../scripts/native-location.mjs";

const loader = `--import=${join(packageRoot, "scripts/lib/typescript-hooks.mjs")}`;
const program = `const { inspect } = await import(${JSON.stringify(join(packageRoot, "src/inspect/index.ts"))}); process.stdout.write(JSON.stringify(await inspect()));`;

/** inspect() in a process with an environment of its own. */
function inspectIn(env: Record<string, string>): InspectReport {
  const { stdout, stderr, status } = spawnSync(process.execPath, [loader, "--input-type=module", "-e", program], {
    cwd: packageRoot, encoding: "utf8", env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as InspectReport;
}

const codes = (report: InspectReport) => report.problems.map(({ code }) => code);
const torchFolder = (version: string) => ({
  lib: { "libtorch_cpu.so": "", "libc10.so": "" },
  include: { ATen: { "ATen.h": "" }, torch: { headeronly: { "version.h": version.split(".").map((n, i) => `#define TORCH_VERSION_${["MAJOR", "MINOR", "PATCH"][i]} ${n}\n`).join("") } } },
});

t.test("an empty machine: nothing found, nothing thrown", async (t) => {
  const root = t.testdir({ bin: {}, home: {}, native: {} });
  const report = inspectIn({ PATH: join(root, "bin"), AZR_HOME: join(root, "home"), AZR_NATIVE_FOLDER: join(root, "native"), LIBTORCH: "", AZR_PYTHON: "", VIRTUAL_ENV: "", CXX: "" });
  t.equal(report.ok, false);
  t.match(report, {
    node: { ok: true, version: process.versions.node },
    libtorch: { found: false, version: null, source: null },
    addon: { built: false, loads: false, upToDate: null },
    executor: { ok: false, layers: null },
    devices: [{ name: "cpu", kind: "cpu", usable: false }],
  });
  t.equal(report.libtorch.attempts.length, 4);
  t.ok(codes(report).includes("AZR_TORCH_NOT_FOUND") && codes(report).includes("AZR_ADDON_BUILD_FAILED") && codes(report).includes("AZR_EXECUTOR_UNAVAILABLE"));
  for (const problem of report.problems) t.ok(problem.what.length > 10 && problem.fix.length > 3, problem.code);
  t.ok(report.disk.freeBytes! > 0);
  const text = renderReport(report);
  t.match(text, /MISS {2}libtorch +not found; looked at:\n +1\. LIBTORCH: not set/);
  t.match(text, /AZR_TORCH_NOT_FOUND: .*\n {2}do: npx azr torch install/);
});

t.test("a LibTorch of the wrong version is named", async (t) => {
  const root = t.testdir({ torch: torchFolder("2.4.0"), home: {}, native: {} });
  const report = inspectIn({ AZR_HOME: join(root, "home"), AZR_NATIVE_FOLDER: join(root, "native"), LIBTORCH: join(root, "torch") });
  t.match(report.problems.find(({ code }) => code === "AZR_TORCH_VERSION"), { what: /2\.4\.0/, fix: /LIBTORCH/ });
});

t.test("an addon that cannot be loaded is a line, not a crash", async (t) => {
  const root = t.testdir({ torch: torchFolder("2.11.0"), home: {} });
  const cases: [string, (path: string) => void, RegExp][] = [
    ["text", (path) => writeFileSync(path, "this is not a library"), /file too short|invalid ELF/],
    ["missing library", (path) => execFileSync("g++", ["-shared", "-fPIC", "-x", "c++", "-", "-o", path, "-Wl,--no-as-needed", `-L${root}`, "-l:libgone.so"], { input: "" }), /libgone\.so/],
    ["abort", (path) => execFileSync("g++", ["-shared", "-fPIC", "-x", "c++", "-", "-o", path], { input: "#include <cstdlib>\n__attribute__((constructor)) void f() { abort(); }" }), /killed by SIGABRT/],
  ];
  execFileSync("g++", ["-shared", "-fPIC", "-x", "c++", "-", "-o", join(root, "libgone.so"), "-Wl,-soname,libgone.so"], { input: "" });
  for (const [name, make, words] of cases) {
    const native = join(root, name.replace(" ", "-"));
    mkdirSync(native);
    make(join(native, "azr.node"));
    writeFileSync(join(native, "azr-executor"), "#!/bin/sh\necho the machine is on fire >&2; exit 1\n");
    chmodSync(join(native, "azr-executor"), 0o755);
    writeFileSync(join(native, "azr-zygote.so"), "");
    writeFileSync(join(native, "build.json"), JSON.stringify({ fingerprint: "old", version: "0.1.0", compiler: "g++", files: ["azr.node"] }));
    const report = inspectIn({ AZR_HOME: join(root, "home"), AZR_NATIVE_FOLDER: native, LIBTORCH: join(root, "torch") });
    t.match(report.addon, { built: true, loads: false, upToDate: false, error: words }, name);
    t.match(report.problems.find(({ code }) => code === "AZR_ADDON_LOAD_FAILED"), { fix: /azr build/ }, name);
    t.match(report.executor, { ok: false, error: /fire/ }, name);
  }
});

t.test("this machine, with what the tests were given", async (t) => {
  const report = inspectIn({});
  t.same(report.problems, [], renderReport(report));
  t.equal(report.ok, true);
  t.match(report, { addon: { built: true, loads: true, upToDate: true }, executor: { ok: true, error: null, layers: { seccomp: true } }, devices: [{ name: "cpu", usable: true }] });
  t.match(renderReport(report), /on {3}seccomp +leaves a program a short list of system calls\n/);
  const layers = { ...report.executor.layers, landlock: false, another: true };
  t.match(renderReport({ ...report, executor: { ...report.executor, layers } }), /off {2}landlock +forbids all files, .*; needs Linux 5\.13 .*\n[^]*on {3}another/);
  t.match(renderReport(report), /Everything that the engine and the executor need is here\.\n$/);
});
