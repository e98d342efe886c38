// Fetches LibTorch into our cache: pip downloads three wheels (the user's own index, proxy and certificate settings
// apply; hashes are required), the CPU slice is extracted beside the final place, tried, and renamed. A half-made
// folder is never visible, whatever kills the process; leftovers of a killed fetch are removed by the next one.

import { mkdirSync, readdirSync, renameSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { packageRoot } from "../native-location.mjs";
import { withLock } from "./lock.mjs";
import { lastLines, run, runVisible } from "./run.mjs";
import { scriptError } from "./script-error.mjs";
import { activePython, cachedTorchFolder, describeCachedTorch, torchVersion } from "./torch-find.mjs";

/** What a fetch costs, for the sentence that announces it. */
export const torchSizes = { downloadBytes: 544e6, diskBytes: 522e6, temporaryBytes: 1.2e9 };

const chooseYourOwn = `set LIBTORCH to a folder with LibTorch ${torchVersion} (lib/ and include/)`;
const platforms = Array.from({ length: 12 }, (_, index) => `manylinux_2_${28 - index}_x86_64`);

function notFound(message, hint, cause) {
  return scriptError("AZR_TORCH_NOT_FOUND", message, { hint, cause });
}

function checkMachine(folder) {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw notFound(`LibTorch is fetched on Linux x86-64 only, this is ${process.platform} ${process.arch}.`, chooseYourOwn);
  }
  const glibc = process.report?.getReport?.().header.glibcVersionRuntime;
  const [major, minor] = (glibc ?? "0.0").split(".").map(Number);
  if (major < 2 || (major === 2 && minor < 28)) {
    throw notFound(`LibTorch needs glibc 2.28 or newer, this machine has ${glibc ?? "another C library"}.`, "use a glibc based distribution");
  }
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < torchSizes.temporaryBytes) {
    const free = Math.round((bavail * bsize) / 1e6);
    throw notFound(`Fetching LibTorch takes 1.2 GB in ${folder} for a while, and ${free} MB are free.`, "free some space, or set AZR_HOME to a folder on a larger disk");
  }
}

function folderBytes(folder) {
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      bytes += entry.isDirectory() ? folderBytes(path) : statSync(path).size;
    }
  } catch {
    // pip moves files while we look; the next look counts again
  }
  return bytes;
}

/** Without a terminal pip shows no bar: a line each 10 % from the bytes that have arrived. */
function watchDownload(folder, log) {
  if (process.stderr.isTTY) return () => {};
  let shown = 0;
  const timer = setInterval(() => {
    const tenths = Math.min(9, Math.floor((folderBytes(folder) / torchSizes.downloadBytes) * 10));
    if (tenths > shown) log(`LibTorch: ${(shown = tenths) * 10} % downloaded`);
  }, 1000);
  timer.unref();
  return () => clearInterval(timer);
}

async function downloadWheels(part, log) {
  const python = activePython();
  const pip = await run(python, ["-m", "pip", "--version"]);
  if (pip.status !== 0) {
    throw notFound(`LibTorch is fetched with pip, and \`${python} -m pip\` does not run.`, "install pip for this Python (Debian: apt-get install python3-pip), or set AZR_PYTHON", lastLines(pip.output, 1));
  }
  const wheels = join(part, "wheels");
  const temporary = join(part, "tmp");
  const args = ["-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir", "--no-input",
    "--disable-pip-version-check", "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "abi3", "--abi", "none",
    ...[...platforms, "manylinux2014_x86_64"].flatMap((name) => ["--platform", name]),
    "--dest", wheels, "--requirement", join(packageRoot, "scripts", "torch-requirements.txt")];
  const env = { ...process.env, TMPDIR: temporary, PIP_REQUIRE_VIRTUALENV: "0" };
  for (let attempt = 1; ; attempt++) {
    mkdirSync(wheels, { recursive: true });
    mkdirSync(temporary, { recursive: true });
    const stopWatching = watchDownload(part, log);
    const { status, signal } = await runVisible(python, args, { env });
    stopWatching();
    if (status === 0) return { python, wheels };
    rmSync(temporary, { recursive: true, force: true });
    if (signal === "SIGINT" || attempt === 3) {
      throw notFound(`pip could not download LibTorch (attempt ${attempt} ended with ${signal ?? `status ${status}`}; its own words are above).`,
        `check the network, the proxy and pip's index settings (pip config list) and run \`npx azr torch install\` again, or ${chooseYourOwn}`);
    }
    log(`LibTorch: the download broke off, attempt ${attempt + 1} of 3`);
  }
}

async function checkLoads(python, folder) {
  const library = join(folder, "lib", "libtorch_cpu.so");
  const linked = await run("ldd", [library]);
  const absent = linked.output.split("\n").filter((line) => line.includes("not found")).map((line) => line.trim());
  if (!linked.missing && absent.length > 0) {
    throw notFound(`The fetched LibTorch needs libraries that are not here: ${absent.join("; ")}.`, "install them, or " + chooseYourOwn);
  }
  const loaded = await run(python, ["-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", library]);
  if (loaded.status !== 0) {
    throw notFound(`The fetched LibTorch does not load: ${lastLines(loaded.output, 1)}`, chooseYourOwn);
  }
}

async function fetchUnderLock(folder, log) {
  const parent = dirname(folder);
  checkMachine(parent);
  const part = join(parent, `.part-${hostname()}`);
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  try {
    log(`LibTorch ${torchVersion} is fetched once: about ${Math.round(torchSizes.downloadBytes / 1e6)} MB to download, ` +
      `${Math.round(torchSizes.diskBytes / 1e6)} MB on disk, into ${folder}`);
    const { python, wheels } = await downloadWheels(part, log);
    log("LibTorch: extracting the CPU libraries and the headers");
    const made = join(part, "new");
    const extracted = await run(python, [join(packageRoot, "scripts", "lib", "extract-torch.py"), wheels, made]);
    if (extracted.status !== 0) {
      throw notFound(`Extracting LibTorch failed: ${lastLines(extracted.output, 1)}`, "check the free disk space and run `npx azr torch install` again");
    }
    await checkLoads(python, made);
    const record = { version: torchVersion, ...JSON.parse(lastLines(extracted.output, 1)) };
    writeFileSync(join(made, "torch.json"), `${JSON.stringify(record, null, 2)}\n`, { flush: true });
    rmSync(folder, { recursive: true, force: true });
    renameSync(made, folder);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** Makes sure that our cache holds LibTorch and resolves with its description. Errors: AZR_TORCH_NOT_FOUND. */
export async function installTorch({ log = (line) => process.stderr.write(`${line}\n`), force = false } = {}) {
  const folder = cachedTorchFolder();
  try {
    mkdirSync(dirname(folder), { recursive: true });
  } catch (error) {
    throw notFound(`The cache folder ${dirname(folder)} cannot be written: ${error.message}`, "set AZR_HOME to a folder of yours", error);
  }
  return withLock(`torch:${folder}`, async () => {
    const present = describeCachedTorch(folder);
    if (present.torch && !force) return present.torch;
    await fetchUnderLock(folder, log);
    const { torch, problem } = describeCachedTorch(folder);
    if (!torch) throw notFound(`LibTorch was fetched and is not whole: ${problem}.`, "run `npx azr torch install` again");
    return torch;
  }, { onWait: () => log("LibTorch: another process is fetching it, waiting") });
}
