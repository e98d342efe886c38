// The pieces of the set-up scripts that need neither network nor compiler: distribution names, what a machine without tools is told,
// lockfile comparison, locks between processes, and the reading of test results.

import t from "tap";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readGoogleTest } from "../../scripts/lib/gtest-output.mjs";
import { packagesUpToDate } from "../../scripts/lib/setup-steps.mjs";
import { readTap } from "../../scripts/lib/tap-output.mjs";
import { checkNode, installLine, packageManager } from "../../scripts/lib/toolchain.mjs";
import { packageRoot } from "../../scripts/native-location.mjs";

t.test("install lines by distribution", async (t) => {
  const debian = 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n';
  const cases: [string, string, string][] = [
    [debian, "apt", "apt-get install -y g++ cmake"],
    ['ID=linuxmint\nID_LIKE="ubuntu debian"\n', "apt", "apt-get install -y g++ cmake"],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf", "dnf install -y gcc-c++ cmake"],
    ["ID=fedora\n", "dnf", "dnf install -y gcc-c++ cmake"],
    ["ID=alpine\n", "apk", "apk add g++ cmake"],
    ['ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "zypper", "zypper install -y gcc-c++ cmake"],
    ["ID=arch\n", "pacman", "pacman -S --noconfirm gcc cmake"],
    ["ID=somethingelse\n", "apt", "apt-get install -y g++ cmake"],
  ];
  for (const [osRelease, manager, line] of cases) {
    t.equal(packageManager(osRelease), manager);
    t.equal(installLine(["compiler", "cmake"], { osRelease, root: true }), line);
  }
  const all = ["compiler", "cmake", "make", "python", "pip", "gtest"];
  t.equal(installLine(all, { osRelease: debian, root: false }), "sudo apt-get install -y g++ cmake make python3 python3-pip libgtest-dev");
  t.equal(installLine(all, { osRelease: "ID=fedora\n", root: false }), "sudo dnf install -y gcc-c++ cmake make python3.11 python3-pip gtest-devel");
});

t.test("a fresh clone on a machine without the tools: one sentence, one line to paste, nothing begun", async (t) => {
  const shims: Record<string, string> = {
    "g++": 'echo "g++ (Debian 12.2.0) 12.2.0"', cmake: 'echo "cmake version 3.25.1"', make: 'echo "GNU Make 4.3"',
    python3: 'case "$*" in *pip*) echo "pip 23.0 from here";; *) echo "3 11 2 final cpython locked $0";; esac',
  };
  const cases: { name: string; change: Record<string, string | null>; says: RegExp; line: string }[] = [
    { name: "no compiler", change: { "g++": null }, says: /no C\+\+ compiler \(g\+\+ or clang\+\+\) was found\./, line: installLine(["compiler"]) },
    { name: "no cmake", change: { cmake: null }, says: /cmake was not found\./, line: installLine(["cmake"]) },
    { name: "no pip", change: { python3: 'case "$*" in *pip*) exit 1;; *) echo "3 11 2 final cpython locked $0";; esac' }, says: /python3 has no pip\./, line: installLine(["pip"]) },
    { name: "no Python", change: { python3: null }, says: /CPython 3\.13, 3\.12 or 3\.11 is needed: there is no python3\./, line: installLine(["python", "pip"]) },
    { name: "nothing", change: { "g++": null, cmake: null, make: null, python3: null }, says: /there is no python3; no C\+\+ compiler .*; cmake .*; neither make nor ninja was found\./, line: installLine(["python", "pip", "compiler", "cmake", "make"]) },
    { name: "an old Python beside a new one", change: { python3: shims["python3"]!.replace("3 11 2", "3 9 2"), "python3.12": 'echo "3 12 1 final cpython locked $0"', cmake: null }, says: /lacks what the set-up needs: cmake was not found\./, line: installLine(["cmake"]) },
    { name: "old cmake", change: { cmake: 'echo "cmake version 3.16.3"' }, says: /cmake 3\.16\.3 is too old \(3\.18 is needed\)\./, line: "python3 -m pip install --user cmake" },
    { name: "old compiler", change: { "g++": 'echo "g++ (Debian 10.2.1-6) 10.2.1"' }, says: /10\.2\.1 is too old for C\+\+20/, line: "install g++ 11 or newer and set CXX to it" },
    { name: "old Python", change: { python3: 'case "$*" in *pip*) echo "pip 23.0";; *) echo "3 9 2 final cpython locked $0";; esac' }, says: /CPython 3\.13, 3\.12 or 3\.11 is needed: python3 is 3\.9\.2\./, line: "install Python 3.11 or newer and set AZR_PYTHON to it" },
  ];
  const clone = t.testdir({ clone: {}, bin: {} });
  for (const name of ["scripts", "package.json", "package-lock.json", "binding.gyp"]) cpSync(join(packageRoot, name), join(clone, "clone", name), { recursive: true });
  for (const [index, { name, change, says, line }] of cases.entries()) {
    const bin = join(clone, "bin", String(index));
    mkdirSync(bin);
    for (const [tool, script] of Object.entries({ ...shims, ...change })) {
      if (script !== null) writeFileSync(join(bin, tool), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const env = { PATH: bin, HOME: clone };
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(clone, "clone", "scripts", "bootstrap.mjs"), "demo"], { env, encoding: "utf8" });
    t.equal(status, 3, `${name}: exit code`);
    t.equal(stdout, "", name);
    t.match(stderr, says, `${name}: the sentence`);
    t.equal(stderr.trim().split("\n").length, 2, `${name}: ${stderr}`);
    t.ok(stderr.endsWith(`Do this: ${line}\n`), `${name}: ${stderr}`);
    t.notOk(existsSync(join(clone, "clone", "node_modules")), `${name}: nothing was installed`);
  }
});

t.test("Node versions", async (t) => {
  for (const good of ["20.19.0", "20.20.2", "22.0.0", "100.1.0"]) t.equal(checkNode(good).problem, undefined, good);
  for (const bad of ["20.18.9", "18.20.0", "9.99.0"]) t.match(checkNode(bad).problem, /too old/, bad);
});

t.test("node_modules is compared with the lockfile", async (t) => {
  const lock = (packages: object) => JSON.stringify({ packages });
  const wanted = { "": { version: "1.0.0" }, "node_modules/a": { version: "1.2.3" }, "node_modules/b": { version: "2.0.0", optional: true } };
  const root = t.testdir({ "package-lock.json": lock(wanted), node_modules: {} });
  const hidden = join(root, "node_modules", ".package-lock.json");
  t.equal(packagesUpToDate(root), false, "no record of an install");
  writeFileSync(hidden, lock({ "node_modules/a": { version: "1.2.3" } }));
  t.equal(packagesUpToDate(root), true, "optional packages may be absent");
  writeFileSync(hidden, lock({ "node_modules/a": { version: "1.2.4" } }));
  t.equal(packagesUpToDate(root), false, "another version");
  writeFileSync(hidden, lock({ "node_modules/a": {} }).slice(0, 20));
  t.equal(packagesUpToDate(root), false, "a broken record");
});

t.test("a lock keeps processes apart and dies with its owner", async (t) => {
  const key = `test-${process.pid}`;
  const program = `
    import { withLock } from ${JSON.stringify(join(packageRoot, "scripts/lib/lock.mjs"))};
    import { setTimeout as sleep } from "node:timers/promises";
    const [key, ms] = process.argv.slice(1);
    await withLock(key, async () => { console.log("in"); await sleep(Number(ms)); console.log("out"); }, { onWait: () => console.log("wait") });`;
  const start = (ms: number) => spawn(process.execPath, ["--input-type=module", "-e", program, key, String(ms)], { stdio: ["ignore", "pipe", "inherit"] });
  const says = (child: ReturnType<typeof start>, word: string) =>
    new Promise<void>((resolve, reject) => {
      let text = "";
      child.stdout!.on("data", (chunk) => (text += chunk).includes(word) && resolve());
      child.once("close", () => reject(new Error(`ended before it said ${word}`)));
    });
  const first = start(60_000);
  await says(first, "in");
  const second = start(0);
  await says(second, "wait");
  const entered = says(second, "out");
  first.kill("SIGKILL");
  await entered;
  t.pass("the second went on when the first was killed");
});

t.test("reading TAP", async (t) => {
  const text = [
    "TAP version 14", "# Subtest: good", "    ok 1 - inner", "    ok 2 - left out # SKIP needs a GPU", "    1..2", "ok 1 - good # time=2ms", "",
    "# Subtest: bad", "    not ok 1 - numbers", "      ---", "      diff: |", "        not ok 9 - only text", "      ...", "    1..1", "not ok 2 - bad # time=1ms",
    "ok 3 - bare", "ok 4 - whole # SKIP no network", "1..4", "",
  ].join("\n");
  const result = readTap(text);
  t.match(result, { passed: 2, failed: 1, skipped: 2, planned: true });
  t.same(result.skips, ["left out: needs a GPU", "whole: no network"]);
  t.match(result.failures[0], /numbers[\s\S]*only text/);
  t.match(readTap("TAP version 14\nok 1 - a\n"), { passed: 1, planned: false }, "a file that died early has no plan");
});

t.test("reading GoogleTest", async (t) => {
  const report = {
    testsuites: [{
      name: "Cache",
      testsuite: [
        { name: "Keeps", status: "RUN", result: "COMPLETED" },
        { name: "Drops", status: "RUN", result: "COMPLETED", failures: [{ failure: "cache_test.cc:12\n  wrong" }] },
        { name: "OnGpu", status: "RUN", result: "SKIPPED", skipped: [{ message: "no GPU" }] },
        { name: "Disabled", status: "NOTRUN", result: "SUPPRESSED" },
      ],
    }],
  };
  t.same(readGoogleTest(report), {
    passed: 1, failed: 1, skipped: 1, skips: ["Cache.OnGpu: no GPU"], failures: ["Cache.Drops\ncache_test.cc:12\n  wrong"],
  });
});
