// Packs this checkout and installs the tarball into an empty folder from npm's cache, outside the checkout, where nothing can be
// found that the package does not bring.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { buildTypescript } from "../../../scripts/lib/setup-steps.mjs";
import { packageRoot } from "../../../scripts/native-location.mjs";

const npm = (args: string[], cwd: string) => spawnSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd, encoding: "utf8" });

/** A temporary folder with the package's tarball in it, and the paths inside the tarball. */
export async function pack(t: Pick<Test, "teardown">): Promise<{ root: string; tarball: string; paths: string[] }> {
  const root = mkdtempSync(join(tmpdir(), "azr-pack-"));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  for (const name of ["tarball", "project", "prime", "home"]) mkdirSync(join(root, name));
  await buildTypescript(() => {});
  const packed = npm(["pack", "--json", "--pack-destination", join(root, "tarball")], packageRoot);
  if (packed.status !== 0) throw new Error(`npm pack failed: ${packed.stderr}`);
  const [{ files, filename }] = JSON.parse(packed.stdout) as [{ filename: string; files: { path: string }[] }];
  return { root, tarball: join(root, "tarball", filename), paths: files.map(({ path }) => path) };
}

export interface Installed {
  /** npm's exit status and what it said. */
  status: number | null;
  text: string;
  project: string;
  /** The installed package. */
  at: string;
  /** An environment in which only the package's own places are looked at. */
  env: NodeJS.ProcessEnv;
  /** For tap: why nothing could be installed, or false. */
  skip: false | string;
}

/** Installs from npm's cache only; fills the cache with `npm ci` first when it lacks something. */
export function installOffline(root: string, tarball: string): Installed {
  const project = join(root, "project");
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", version: "1.0.0", private: true }));
  const env = { ...process.env, AZR_HOME: join(root, "home"), LIBTORCH: "", AZR_NATIVE_FOLDER: "", AZR_PYTHON: "", VIRTUAL_ENV: "" };
  const install = (skip: false | string): Installed => {
    const { status, stdout, stderr } = npm(["install", "--offline", "--foreground-scripts", tarball], project);
    return { status, text: stdout + stderr, project, at: join(project, "node_modules", "absolute-zero"), env, skip };
  };
  const first = install(false);
  if (first.status === 0 || !/ENOTCACHED/.test(first.text)) return first;
  for (const name of ["package.json", "package-lock.json", ".npmrc"]) copyFileSync(join(packageRoot, name), join(root, "prime", name));
  const { status, stderr } = npm(["ci", "--omit=dev", "--ignore-scripts"], join(root, "prime"));
  const why = stderr.trim().split("\n")[0];
  return install(status !== 0 && `npm's cache lacks the dependencies and the registry cannot be reached (${why})`);
}
