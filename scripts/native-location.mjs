// Where the built native files lie: azr.node, azr-executor, azr-zygote.so and build.json (written by build.mjs).
// Plain Node, no dependencies; src/ and the other scripts import it from the same relative depth.

import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpuFlagsHash } from "./lib/cpu-flags.mjs";
import { contentHash } from "./lib/fingerprint.mjs";

/** The root of this package: a repository checkout or node_modules/absolute-zero. */
export const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** True in a repository checkout: binding.gyp is never part of the published tarball. */
export function isCheckout() {
  return existsSync(join(packageRoot, "binding.gyp"));
}

/** AZR_HOME, or absolute-zero/ in the user's cache folder. */
export function azrHome() {
  if (process.env.AZR_HOME) return process.env.AZR_HOME;
  const cache = process.env.XDG_CACHE_HOME;
  return join(cache && isAbsolute(cache) ? cache : join(homedir(), ".cache"), "absolute-zero");
}

/** The files and folders whose contents decide what a native build produces. */
export function nativeSourcePaths() {
  return ["native/engine", "native/cuda", "native/addon", "native/executor", "CMakeLists.txt"].map((path) =>
    join(packageRoot, path),
  );
}

/** Hex SHA-256 of the native sources. */
export function nativeSourceHash() {
  return contentHash(packageRoot, nativeSourcePaths());
}

let installedFolder;

/**
 * The folder of the native files. AZR_NATIVE_FOLDER overrides it; a checkout uses build/native; an installed
 * package a folder in AZR_HOME named by version, platform, processor features and sources.
 */
export function nativeFolder() {
  if (process.env.AZR_NATIVE_FOLDER) return process.env.AZR_NATIVE_FOLDER;
  if (isCheckout()) return join(packageRoot, "build", "native");
  if (installedFolder === undefined) {
    const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
    const key = `${version}-${process.platform}-${process.arch}-${cpuFlagsHash()}-${nativeSourceHash().slice(0, 12)}`;
    installedFolder = join(azrHome(), "native", key);
  }
  return installedFolder;
}

/** What build.json says of the finished build in `folder`, or undefined when there is none. */
export function readBuildRecord(folder = nativeFolder()) {
  try {
    return JSON.parse(readFileSync(join(folder, "build.json"), "utf8"));
  } catch {
    return undefined;
  }
}
