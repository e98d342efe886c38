// Proves the executor on arm64 without an arm64 machine: cross-compiles it and its tests, and runs them (guest.py) under Debian's own arm64
// kernel in an emulated machine. An emulator of programs alone would not do: the filter of system calls is the kernel's. See README.md.
//   node scripts/arm64/run.mjs FOLDER [--kernel PACKAGE] [--python VERSION] [--sources FILE] [--minutes N]

import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const checkout = resolve(dirname(fileURLToPath(import.meta.url)), "..", "..");
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kernel: { type: "string", default: "linux-image-arm64" },
    python: { type: "string", default: "3.11" },
    sources: { type: "string" },
    minutes: { type: "string", default: "60" },
  },
});
if (positionals.length !== 1) {
  console.error("usage: node scripts/arm64/run.mjs FOLDER [--kernel PACKAGE] [--python VERSION] [--sources FILE] [--minutes N]");
  process.exit(2);
}
const folder = resolve(positionals[0]);
const within = (...names) => join(folder, ...names);

/** Runs a command to its end and gives its output. Throws when it fails. */
function call(command, args, { cwd, show = false } = {}) {
  const output = show ? 2 : "pipe";
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 2 ** 28, stdio: ["ignore", output, output] });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(" ").slice(0, 200)}: ${error?.message ?? `status ${status}\n${(stderr ?? "").slice(-2000)}`}`);
}

function requireTools() {
  const found = (name) => spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
  const tools = { "aarch64-linux-gnu-g++": "g++-aarch64-linux-gnu", "qemu-system-aarch64": "qemu-system-arm", cmake: "cmake", cpio: "cpio" };
  const missing = Object.entries(tools).filter(([name]) => !found(name)).map(([, name]) => name);
  if (!existsSync("/usr/src/googletest/CMakeLists.txt")) missing.push("googletest");
  if (missing.length > 0) throw new Error(`not everything is here; do this: apt-get install --no-install-recommends ${missing.join(" ")}`);
}

/** Fetches the guest's packages for arm64 with lists and caches of their own: the machine's apt stays as it is. Gives the kernel's image. */
function fetchPackages() {
  for (const name of ["lists/partial", "archives/partial", "kernels"]) mkdirSync(within("apt", name), { recursive: true });
  writeFileSync(within("apt", "status"), "");
  const settings = {
    "APT::Architecture": "arm64", "APT::Architectures::": "arm64", "APT::Install-Recommends": "false", "APT::Sandbox::User": "",
    "Dir::State": within("apt"), "Dir::State::status": within("apt", "status"), "Dir::Cache": within("apt"), "Acquire::Languages": "none",
    ...(options.sources === undefined ? {} : { "Dir::Etc::SourceList": resolve(options.sources), "Dir::Etc::SourceParts": "/dev/null" }),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  call("apt-get", [...flags, "update"], { show: true });
  const python = [`python${options.python}-minimal`, `libpython${options.python}-stdlib`];
  call("apt-get", [...flags, "--yes", "--download-only", "install", ...python, "libstdc++6", "busybox-static"]);
  // A package without a number depends on the one that has the kernel.
  const depends = /Depends: (linux-image-\S+)/.exec(call("apt-cache", [...flags, "depends", options.kernel]));
  const name = depends?.[1] ?? options.kernel;
  const kernel = within("apt", "kernels", name);
  if (!existsSync(kernel)) {
    call("apt-get", [...flags, "download", name], { cwd: within("apt", "kernels") });
    const archive = readdirSync(within("apt", "kernels")).find((file) => file.startsWith(`${name}_`));
    call("dpkg-deb", ["--extract", within("apt", "kernels", archive), kernel]);
    rmSync(join(kernel, "usr"), { recursive: true, force: true });
  }
  const boot = join(kernel, "boot");
  return join(boot, readdirSync(boot).find((file) => file.startsWith("vmlinuz")));
}

function crossCompile() {
  const target = {
    CMAKE_SYSTEM_NAME: "Linux", CMAKE_SYSTEM_PROCESSOR: "aarch64", CMAKE_C_COMPILER: "aarch64-linux-gnu-gcc",
    CMAKE_CXX_COMPILER: "aarch64-linux-gnu-g++", CMAKE_BUILD_TYPE: "Release",
  };
  const build = (source, into, settings) => {
    const flags = Object.entries({ ...target, ...settings }).map(([name, value]) => `-D${name}=${value}`);
    call("cmake", ["-S", source, "-B", within(into), ...flags]);
    call("cmake", ["--build", within(into), "--parallel", String(availableParallelism())], { show: true });
  };
  build("/usr/src/googletest", "googletest", { BUILD_GMOCK: "OFF", CMAKE_INSTALL_PREFIX: within("googletest-installed") });
  call("cmake", ["--install", within("googletest")]);
  build(checkout, "build", { AZR_ENGINE: "OFF", AZR_TESTS: "ON", AZR_OUTPUT: within("out"), CMAKE_PREFIX_PATH: within("googletest-installed") });
}

const start = `#!/bin/busybox sh
b=/bin/busybox
if [ ! -e /azr/here ]; then
  # Out of the file system that the kernel starts with, which no process can leave behind, into one as on any machine.
  $b mount -t tmpfs -o size=90% root /new
  for one in azr bin dev etc init lib sbin sys tmp usr; do [ -e /$one ] && $b cp -a /$one /new/; done
  $b mkdir /new/proc
  $b touch /new/azr/here
  exec $b switch_root /new /init
fi
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
$b ifconfig lo 127.0.0.1 up
/usr/bin/python${options.python} /azr/guest.py
$b poweroff -f
`;

/** The guest's whole file system, as the kernel wants it. */
function packImage() {
  const image = within("image");
  rmSync(image, { recursive: true, force: true });
  for (const name of ["azr", "dev", "etc", "new", "sys", "tmp"]) mkdirSync(join(image, name), { recursive: true });
  for (const archive of readdirSync(within("apt", "archives")).filter((name) => name.endsWith(".deb"))) {
    call("dpkg-deb", ["--extract", within("apt", "archives", archive), image]);
  }
  // Where all programs and libraries are under /usr, these links belong to a package that is not here.
  for (const name of ["bin", "lib", "sbin"]) if (!existsSync(join(image, name))) symlinkSync(`usr/${name}`, join(image, name));
  for (const name of ["share", "lib/aarch64-linux-gnu/gconv"]) rmSync(join(image, "usr", name), { recursive: true, force: true });
  for (const name of ["azr-executor", "azr-zygote.so", "test"]) cpSync(within("out", name), join(image, "azr", name), { recursive: true });
  for (const name of ["client.py", "guest.py"]) cpSync(join(checkout, "scripts", "arm64", name), join(image, "azr", name));
  cpSync(join(checkout, "test", "executor", "attacks"), join(image, "azr", "attacks"), { recursive: true });
  // Files that attacks try to open.
  writeFileSync(join(image, "etc", "hostname"), "arm64\n");
  writeFileSync(join(image, "etc", "passwd"), "root:x:0:0:root:/:/bin/sh\n");
  writeFileSync(join(image, "etc", "shadow"), "root:*:19000:0:99999:7:::\n", { mode: 0o600 });
  writeFileSync(join(image, "init"), start, { mode: 0o755 });
  call("sh", ["-c", "chmod 1777 tmp && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 > ../image.gz"], { cwd: image });
}

/** Resolves with what the machine wrote. */
function boot(kernel) {
  const machine = ["-M", "virt,gic-version=3", "-cpu", "max,pauth-impdef=on", "-smp", "2", "-m", "2048", "-nographic", "-no-reboot", "-nic", "none"];
  const args = [...machine, "-kernel", kernel, "-initrd", within("image.gz"), "-append", "console=ttyAMA0 quiet panic=-1"];
  return new Promise((done, failed) => {
    const child = spawn("qemu-system-aarch64", args, { stdio: ["ignore", "pipe", 2] });
    const timer = setTimeout(() => child.kill(), Number(options.minutes) * 60_000);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      output += chunk;
      process.stdout.write(chunk);
    });
    child.once("error", failed);
    child.once("close", () => {
      clearTimeout(timer);
      done(output);
    });
  });
}

try {
  requireTools();
  const kernel = fetchPackages();
  crossCompile();
  packImage();
  const output = await boot(kernel);
  const [, failed] = /^arm64: \d+ held, (\d+) failed/m.exec(output) ?? [undefined, "did not end"];
  process.exitCode = failed === "0" ? 0 : 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
