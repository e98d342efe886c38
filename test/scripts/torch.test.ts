// Finding and fetching LibTorch, with small stand-ins for the wheels and for pip's network: what is retried, what is
// left behind, what is refused.

import t from "tap";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../scripts/native-location.mjs";
import { describeTorch, torchVersion } from "../../scripts/torch.mjs";

const script = join(packageRoot, "scripts", "torch.mjs");
const header = (version: string) => {
  const [major, minor, patch] = version.split(".");
  return `#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH ${patch}\n`;
};
const libtorch = (version: string) => ({
  lib: { "libtorch_cpu.so": "", "libc10.so": "" },
  include: { ATen: { "ATen.h": "" }, torch: { headeronly: { "version.h": header(version) } } },
});

interface Ended { status: number | null; stdout: string; stderr: string }
function torchScript(args: string[], env: Record<string, string | undefined>, killAfter?: RegExp): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], { env: { ...process.env, LIBTORCH: undefined, VIRTUAL_ENV: undefined, AZR_NATIVE_FOLDER: "/nonexistent", ...env } });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
      if (killAfter?.test(stderr)) child.kill("SIGKILL");
    });
    child.once("close", (status) => resolve({ status, stdout, stderr }));
  });
}

/** A folder with wheels of the right shape and real (empty) shared libraries in them. */
function makeWheels(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const library = join(folder, "empty.so");
  execFileSync("g++", ["-shared", "-fPIC", "-x", "c++", "-", "-o", library], { input: "extern \"C\" int azr_nothing() { return 0; }\n" });
  const program = `
import sys, zipfile
folder, library, header = sys.argv[1:]
def wheel(name, members):
    with zipfile.ZipFile(f"{folder}/{name}-py3-none-any.whl", "w") as archive:
        for path, content in members.items():
            archive.writestr(path, content)
so = open(library, "rb").read()
wheel("torch-2.11.0", {"torch/lib/libtorch_cpu.so": so, "torch/lib/libc10.so": so, "torch.libs/libgomp-abc123.so.1": so, "torch/lib/libtorch_python.so": so,
      "torch/include/ATen/ATen.h": "", "torch/include/torch/headeronly/version.h": header, "torch/version.py": "", "torch-2.11.0.dist-info/licenses/LICENSE": "words"})
wheel("nvidia_cuda_runtime-13.0.96", {"nvidia/cu13/lib/libcudart.so.13": so, "nvidia/cu13/include/cuda.h": ""})
wheel("nvidia_cuda_cupti-13.0.85", {"nvidia/cu13/lib/libcupti.so.13": so})
`;
  execFileSync("python3", ["-c", program, folder, library, header(torchVersion)]);
}

/** A Python whose \`pip download\` runs the shell text \`download\` ($dest is its target) and which is python3 otherwise. */
function makePython(path: string, download: string): void {
  writeFileSync(path, `#!/usr/bin/env bash
case " $* " in *" pip download "*)
  while [ "$1" != --dest ]; do shift; done; dest="$2"
  ${download}
esac
exec python3 "$@"
`);
  chmodSync(path, 0o755);
}

t.test("describing a LibTorch folder", async (t) => {
  const root = t.testdir({ good: libtorch("2.11.3"), old: libtorch("2.4.0"), headless: { lib: libtorch("2.11.0").lib }, empty: {} });
  t.match(describeTorch(join(root, "good")), { torch: { version: "2.11.3", cuda: false, lib: join(root, "good", "lib") } });
  t.match(describeTorch(join(root, "old")).problem, /2\.4\.0 .* outside the tested line 2\.11/);
  t.match(describeTorch(join(root, "headless")).problem, /ATen\.h is missing/);
  t.match(describeTorch(join(root, "empty")).problem, /libtorch_cpu\.so is missing/);
});

t.test("LIBTORCH is obeyed or refused, never passed over", async (t) => {
  const root = t.testdir({ good: libtorch("2.11.0"), old: libtorch("2.4.0"), home: {} });
  const env = { AZR_HOME: join(root, "home"), AZR_PYTHON: "/bin/false" };
  const good = await torchScript(["locate", "--json"], { ...env, LIBTORCH: join(root, "good") });
  t.equal(JSON.parse(good.stdout).root, join(root, "good"));
  const old = await torchScript(["locate"], { ...env, LIBTORCH: join(root, "old") });
  t.match(old, { status: 3, stdout: "", stderr: /^AZR_TORCH_VERSION: .*2\.4\.0[\s\S]*Do this: / });
  const allowed = await torchScript(["locate"], { ...env, LIBTORCH: join(root, "old"), AZR_TORCH_ANY: "1" });
  t.match(allowed, { status: 0, stdout: /2\.4\.0/ });
  const wrong = await torchScript(["locate"], { ...env, LIBTORCH: join(root, "nowhere") });
  t.match(wrong, { status: 3, stderr: /^AZR_TORCH_NOT_FOUND: / });
});

t.test("nothing found lists every place", async (t) => {
  const root = t.testdir({});
  const { status, stderr } = await torchScript(["locate"], { AZR_HOME: root, AZR_PYTHON: "/bin/false" });
  t.equal(status, 3);
  for (const part of ["1. LIBTORCH: not set", "2. last build: no finished build", "3. active Python: /bin/false failed", "4. own cache:", "Do this: npx azr torch install"]) {
    t.ok(stderr.includes(part), part);
  }
});

t.test("a fetch retries, extracts the five libraries, and repairs a damaged copy", async (t) => {
  const root = t.testdir({});
  const [wheels, home, python] = [join(root, "wheels"), join(root, "home"), join(root, "python")];
  makeWheels(wheels);
  makePython(python, `echo try >> ${root}/tries; [ "$(wc -l < ${root}/tries)" -lt 3 ] && { echo half > "$dest/torch.whl.part"; exit 1; }; cp ${wheels}/*.whl "$dest"; exit 0`);
  const env = { AZR_HOME: home, AZR_PYTHON: python };
  const made = await torchScript(["install"], env);
  t.equal(made.status, 0, made.stderr);
  t.match(made.stderr, /about 544 MB to download[\s\S]*attempt 2 of 3[\s\S]*attempt 3 of 3/);
  const folder = join(home, "libtorch", `${torchVersion}-cpu`);
  t.same(readdirSync(join(folder, "lib")).sort(), ["libc10.so", "libcudart.so.13", "libcupti.so.13", "libgomp-abc123.so.1", "libtorch_cpu.so"]);
  t.same(readdirSync(join(home, "libtorch")), [`${torchVersion}-cpu`], "nothing else is left");
  t.equal(readFileSync(join(folder, "licenses", "torch-2.11.0-LICENSE"), "utf8"), "words");
  t.match(await torchScript(["install"], env), { status: 0, stderr: "" }, "a second time does nothing");

  truncateSync(join(folder, "lib", "libc10.so"), 10);
  t.match((await torchScript(["locate"], env)).stderr, /own cache: .*libc10\.so is damaged/);
  t.match(await torchScript(["install"], env), { status: 0 });
  t.match(await torchScript(["locate"], env), { status: 0, stdout: new RegExp(`${torchVersion} is at`) });
});

t.test("a fetch that fails or is killed leaves nothing that could be taken for a LibTorch", async (t) => {
  const root = t.testdir({});
  const [wheels, home, python] = [join(root, "wheels"), join(root, "home"), join(root, "python")];
  makeWheels(wheels);
  makePython(python, "echo 'ERROR: no network' >&2; exit 1");
  const env = { AZR_HOME: home, AZR_PYTHON: python };
  const failed = await torchScript(["install"], env);
  t.match(failed, { status: 3, stderr: /no network[\s\S]*AZR_TORCH_NOT_FOUND: pip could not download LibTorch \(attempt 3[\s\S]*Do this: / });
  t.same(readdirSync(join(home, "libtorch")), []);

  makePython(python, `echo downloading >&2; cp ${wheels}/*.whl "$dest"; sleep 2; exit 0`);
  await torchScript(["install"], env, /downloading/);
  t.notOk(existsSync(join(home, "libtorch", `${torchVersion}-cpu`)), "killed while downloading");
  makePython(python, `cp ${wheels}/*.whl "$dest"; exit 0`);
  t.match(await torchScript(["install"], env), { status: 0 });
  t.same(readdirSync(join(home, "libtorch")), [`${torchVersion}-cpu`], "the leftovers are gone");
});

t.test("two fetches at once share one download", async (t) => {
  const root = t.testdir({});
  const [wheels, home, python] = [join(root, "wheels"), join(root, "home"), join(root, "python")];
  makeWheels(wheels);
  makePython(python, `echo try >> ${root}/tries; sleep 1; cp ${wheels}/*.whl "$dest"; exit 0`);
  const env = { AZR_HOME: home, AZR_PYTHON: python };
  const both = await Promise.all([torchScript(["install"], env), torchScript(["install"], env)]);
  t.same(both.map(({ status }) => status), [0, 0]);
  t.equal(readFileSync(join(root, "tries"), "utf8"), "try\n");
  t.match(both.map(({ stderr }) => stderr).join(""), /another process is fetching it, waiting/);
});

t.test("no pip, no room to write: one sentence and what to do", async (t) => {
  const root = t.testdir({ file: "not a folder" });
  t.match(await torchScript(["install"], { AZR_HOME: join(root, "home"), AZR_PYTHON: "/bin/false" }), { status: 3, stderr: /AZR_TORCH_NOT_FOUND: .*-m pip` does not run[\s\S]*Do this: install pip/ });
  t.match(await torchScript(["install"], { AZR_HOME: join(root, "file") }), { status: 3, stderr: /AZR_TORCH_NOT_FOUND: .*cannot be written[\s\S]*Do this: set AZR_HOME/ });
});
