// The first use of an installed package: `azr demo` builds the native parts from the tarball's sources into AZR_HOME and runs.
// Minutes of compiling, so not part of `npm test`.

import t from "tap";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { findTorch, torchVersion } from "../../scripts/torch.mjs";
import { installOffline, pack } from "./support/install.ts";

const { torch } = await findTorch();
const { root, tarball } = await pack(t);
const { status, text, project, at, env, skip } = installOffline(root, tarball);
const noTorch = skip || (torch === undefined && "no LibTorch was found: node scripts/torch.mjs install");

t.test("the demo builds what it needs, once", { skip: noTorch, timeout: 1_800_000 }, async (t) => {
  t.equal(status, 0, text);
  const home = join(root, "home");
  const cached = existsSync(join(torch!.root, "torch.json"));
  mkdirSync(join(home, "libtorch"));
  if (cached) symlinkSync(torch!.root, join(home, "libtorch", `${torchVersion}-cpu`));
  const azr = (args: string[]) =>
    spawnSync(join(project, "node_modules", ".bin", "azr"), args, { cwd: project, env: { ...env, ...(cached ? {} : { LIBTORCH: torch!.root }) }, encoding: "utf8" });

  const first = azr(["demo", "--steps", "3", "--tasks-per-kind", "4"]);
  t.equal(first.status, 0, first.stderr);
  t.match(first.stderr, /built once for this machine[\s\S]*native build: library and executor/);
  const [key, ...others] = readdirSync(join(home, "native"));
  t.same(others, [], "no work folder is left");
  t.same(readdirSync(join(home, "native", key!)).sort(), ["azr-executor", "azr-zygote.so", "azr.node", "build.json"]);
  t.notOk(existsSync(join(at, "build")), "nothing is written into the package");

  const second = azr(["demo", "--steps", "1", "--tasks-per-kind", "1"]);
  t.equal(second.status, 0, second.stderr);
  t.notMatch(second.stderr, /native build/);
});
