// Where LibTorch may be: LIBTORCH, the one the last build used, the active Python's torch, our cache.
// Every miss is recorded, for the error message and for `azr doctor`. Nothing is imported or loaded here.

import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { azrHome, readBuildRecord } from "../native-location.mjs";
import { run } from "./run.mjs";
import { scriptError } from "./script-error.mjs";

/** The version that is fetched, built, tested and measured. Its minor line is accepted wherever it is found. */
export const torchVersion = "2.11.0";

/** The folder of our own copy. */
export function cachedTorchFolder() {
  return join(azrHome(), "libtorch", `${torchVersion}-cpu`);
}

function readVersion(root, include) {
  try {
    const text = readFileSync(join(include, "torch", "headeronly", "version.h"), "utf8");
    const part = (name) => new RegExp(`#define TORCH_VERSION_${name} (\\d+)`).exec(text)?.[1];
    const parts = [part("MAJOR"), part("MINOR"), part("PATCH")];
    if (parts.every((value) => value !== undefined)) return parts.join(".");
  } catch {
    // An older layout: the two files below carry the version too.
  }
  for (const name of ["version.py", "build-version"]) {
    try {
      const version = /(\d+\.\d+\.\d+)/.exec(readFileSync(join(root, name), "utf8"))?.[1];
      if (version !== undefined) return version;
    } catch {
      // not this layout
    }
  }
  return undefined;
}

/** Looks at one LibTorch. Returns {torch} or {problem: sentence, version?}. */
export function describeTorch(root, { lib = join(root, "lib"), include = join(root, "include") } = {}) {
  for (const name of ["libtorch_cpu.so", "libc10.so"]) {
    if (!existsSync(join(lib, name))) return { problem: `${join(lib, name)} is missing` };
  }
  if (!existsSync(join(include, "ATen", "ATen.h"))) return { problem: `${join(include, "ATen/ATen.h")} is missing` };
  const version = readVersion(root, include);
  if (version === undefined) return { problem: `no version found in ${root}` };
  const minor = (text) => text.split(".").slice(0, 2).join(".");
  if (minor(version) !== minor(torchVersion) && process.env.AZR_TORCH_ANY !== "1") {
    return { problem: `version ${version} at ${root} is outside the tested line ${minor(torchVersion)}`, version };
  }
  return { torch: { root, lib, include, version, cuda: existsSync(join(lib, "libtorch_cuda.so")) } };
}

/** Our copy is whole when every library still has the size that was recorded when it was made. */
export function describeCachedTorch(root = cachedTorchFolder()) {
  let record;
  try {
    record = JSON.parse(readFileSync(join(root, "torch.json"), "utf8"));
  } catch {
    return { problem: `${root} holds no finished copy` };
  }
  for (const [name, size] of Object.entries(record.libraries)) {
    const path = join(root, "lib", name);
    if (!existsSync(path) || statSync(path).size !== size) return { problem: `${path} is damaged` };
  }
  return describeTorch(root);
}

/** The Python whose torch counts: AZR_PYTHON, `python` of an active virtual environment, python3. */
export function activePython() {
  if (process.env.AZR_PYTHON) return process.env.AZR_PYTHON;
  if (process.env.VIRTUAL_ENV) return join(process.env.VIRTUAL_ENV, "bin", "python");
  return "python3";
}

async function pythonTorch() {
  const python = activePython();
  const program =
    "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')";
  const { status, output, missing } = await run(python, ["-c", program]);
  if (missing) return { problem: `${python} was not found` };
  if (status !== 0) return { problem: `${python} failed: ${output.trim().split("\n").at(-1)}` };
  const root = output.trim().split("\n").at(-1);
  return root ? describeTorch(root) : { problem: `${python} has no torch` };
}

/**
 * Resolves with {torch, source, attempts}; `torch` is undefined when no source has a usable one.
 * An unusable explicit choice (`explicit` or LIBTORCH) is an error at once: AZR_TORCH_NOT_FOUND or AZR_TORCH_VERSION.
 */
export async function findTorch({ explicit } = {}) {
  const attempts = [];
  const chosen = explicit ?? process.env.LIBTORCH;
  if (chosen) {
    const lib = process.env.LIBTORCH_LIB || join(chosen, "lib");
    const include = process.env.LIBTORCH_INCLUDE || join(chosen, "include");
    const { torch, problem, version } = describeTorch(chosen, { lib, include });
    if (torch) return { torch, source: "LIBTORCH", attempts };
    attempts.push({ source: "LIBTORCH", result: problem });
    throw scriptError(
      version ? "AZR_TORCH_VERSION" : "AZR_TORCH_NOT_FOUND",
      `The LibTorch that LIBTORCH names cannot be used: ${problem}.`,
      {
        hint: version
          ? `point LIBTORCH at version ${torchVersion}, unset it, or set AZR_TORCH_ANY=1 to try this one`
          : "point LIBTORCH at a folder with lib/ and include/, or unset it",
        details: { attempts },
      },
    );
  }
  attempts.push({ source: "LIBTORCH", result: "not set" });
  const sources = [
    ["last build", () => {
      const recorded = readBuildRecord()?.torch;
      return recorded ? describeTorch(recorded.root, recorded) : { problem: "no finished build" };
    }],
    ["active Python", pythonTorch],
    ["own cache", () => describeCachedTorch()],
  ];
  for (const [source, look] of sources) {
    const { torch, problem } = await look();
    if (torch) {
      attempts.push({ source, result: `${torch.version} at ${torch.root}` });
      return { torch, source, attempts };
    }
    attempts.push({ source, result: problem });
  }
  return { torch: undefined, source: undefined, attempts };
}
