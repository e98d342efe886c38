// The pieces of the set-up scripts that need neither network nor compiler: distribution names, lockfile comparison,
// locks between processes, and the reading of test results.

import t from "tap";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
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
  t.equal(installLine(["pip"], { osRelease: debian, root: false }), "sudo apt-get install -y python3-pip");
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
