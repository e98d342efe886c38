// The published package: what is in it, that it installs offline into an empty folder without running anything, that import and
// doctor work there with no LibTorch and no addon, and that the demo runs there with both. pack.slow.test.ts builds the addon there.

import t from "tap";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { nativeFolder, packageRoot, readBuildRecord } from "../../scripts/native-location.mjs";
import { installOffline, pack } from "./support/install.ts";

const { root, tarball, paths } = await pack(t);

t.test("the file list", async (t) => {
  // Each line is a sort of file; a new sort must be added here on purpose.
  const sorts = [
    /^(package\.json|README\.md|LICENSE|CMakeLists\.txt)$/,
    /^src\/.*\.ts$/, /^(src|dist)\/curriculum\/prompts\/[\w-]+\/[\w-]+\.txt$/, /^dist\/.*\.(js|d\.ts)(\.map)?$/,
    /^native\/(engine|cuda|addon|executor)\/[\w.-]+\.(cc|h|inc)$/,
    /^scripts\/([\w-]+\/)*[\w-]+\.(mjs|d\.mts|py)$/, /^scripts\/torch-requirements\.txt$/,
    /^(dist|src)\/oversight\/data\/[\w.-]+\.jsonl$/,
    /^models\/seedling\/(held-out\/)?[\w.-]+\.(json|jsonl|safetensors|md|gz)$/,
  ];
  t.same(paths.filter((path) => !sorts.some((sort) => sort.test(path))), [], "every file is of a known sort");
  t.same(sorts.slice(0, 1).concat(sorts.slice(1, 6)).filter((sort) => !paths.some((path) => sort.test(path))).map(String), [], "every sort is there");
  const needed = ["dist/index.js", "dist/index.d.ts", "dist/cli/main.js", "dist/testing/index.js", "dist/config/index.js", "CMakeLists.txt", "LICENSE",
    "scripts/build.mjs", "scripts/torch.mjs", "scripts/torch-requirements.txt", "scripts/native-location.mjs", "scripts/lib/extract-torch.py",
    "models/seedling/model.safetensors", "models/seedling/tokenizer.json", "models/seedling/config.json", "models/seedling/MODEL_CARD.md"];
  t.same(needed.filter((path) => !paths.includes(path)), []);
  t.same(paths.filter((path) => /binding\.gyp|(^|\/)test\/|\.test\.|^\./.test(path)), [], "no gyp file, no tests, no dot files");
  const compiled = (path: string) => path.replace(/^src/, "dist").replace(/\.ts$/, ".js");
  t.same(paths.filter((path) => /^src\/.*\.ts$/.test(path)).map(compiled).filter((path) => !paths.includes(path)), [], "all of src is compiled");
  t.ok(statSync(tarball).size <= 6e6, `${statSync(tarball).size} bytes`);
});

const { status, text, project, at, env, skip } = installOffline(root, tarball);
const azr = (args: string[], more: Record<string, string> = {}) =>
  spawnSync(join(project, "node_modules", ".bin", "azr"), args, { cwd: project, env: { ...env, ...more }, encoding: "utf8", timeout: 300_000 });

t.test("installs offline and runs nothing", { skip }, async (t) => {
  t.equal(status, 0, text);
  t.notMatch(text, /gyp|^> /m, "no script ran");
  t.same(readdirSync(join(root, "home")), []);
  t.notOk(existsSync(join(at, "build")));
  t.ok(existsSync(join(project, "node_modules", ".bin", "azr")));
});

t.test("import works with nothing native", { skip }, async (t) => {
  const program = `
    const [main, config, testing] = await Promise.all(["absolute-zero", "absolute-zero/config", "absolute-zero/testing"].map((name) => import(name)));
    process.stdout.write(JSON.stringify([main, config, testing].map((module) => Object.keys(module))));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd: project, env, encoding: "utf8" });
  const [main, config, testing] = JSON.parse(output) as string[][];
  for (const name of ["train", "openEngine", "openExecutor", "defineConfig", "inspect", "AzrError"]) t.ok(main!.includes(name), name);
  t.ok(config!.includes("defineConfig"));
  t.ok(testing!.length > 0);
  const require = execFileSync(process.execPath, ["-p", "typeof require('absolute-zero').train"], { cwd: project, env, encoding: "utf8" });
  t.equal(require.trim(), "function", "CommonJS can require it");
});

t.test("types are found", { skip }, async (t) => {
  mkdirSync(join(project, "code"));
  writeFileSync(join(project, "code", "main.ts"), 'import { defineConfig, train, type Engine } from "absolute-zero";\nexport const run = () => train(defineConfig({}));\nexport type E = Engine;\n');
  const tsc = join(packageRoot, "node_modules", "typescript", "bin", "tsc");
  const options = ["--noEmit", "--module", "nodenext", "--target", "es2022", "--lib", "es2023,esnext.disposable", "--strict", "--skipLibCheck", "--typeRoots", join(packageRoot, "node_modules/@types"), "--types", "node"];
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...options, "code/main.ts"], { cwd: project, encoding: "utf8" });
  t.equal(status, 0, stdout);
});

t.test("the doctor answers", { skip }, async (t) => {
  const doctor = azr(["doctor", "--json"]);
  t.ok([0, 3].includes(doctor.status!), `exit code ${doctor.status}: ${doctor.stderr}`);
  const report = JSON.parse(doctor.stdout);
  for (const key of ["ok", "node", "libtorch", "addon", "executor", "devices"]) t.ok(key in report, key);
  t.equal(report.ok, false);
  t.equal(report.addon.built, false);
  t.match(report.addon.folder, new RegExp(`^${join(root, "home", "native")}/`));
  t.ok(report.problems.some(({ fix }: { fix: string }) => fix === "npx azr build"));
});

t.test("the engine says what is missing", { skip }, async (t) => {
  const program = 'import { openEngine } from "absolute-zero"; await openEngine({ model: "seedling" }).catch((error) => process.stdout.write(JSON.stringify({ code: error.code, hint: error.hint })));';
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd: project, env, encoding: "utf8" });
  t.match(JSON.parse(output), { code: /^AZR_(TORCH_NOT_FOUND|ADDON_LOAD_FAILED)$/, hint: /azr (torch install|build|doctor)/ });
});

t.test("a command that needs LibTorch names the one that fetches it", { skip }, async (t) => {
  // A Python without torch, so that nothing is found.
  const failed = azr(["demo", "--steps", "1"], { AZR_PYTHON: "/bin/false" });
  t.equal(failed.status, 3);
  t.match(failed.stderr, /AZR_TORCH_NOT_FOUND: [\s\S]*own cache: [\s\S]*npx azr torch install/);
  t.equal(failed.stdout, "");
});

const record = readBuildRecord();
const noBuild = skip || (record?.torch === undefined && "this checkout has no native build to take along: npm run build makes it");

t.test("with LibTorch and the native parts there, the demo runs", { skip: noBuild }, async (t) => {
  const LIBTORCH = record!.torch!.root;
  const { addon } = JSON.parse(azr(["doctor", "--json"], { LIBTORCH }).stdout);
  mkdirSync(dirname(addon.folder), { recursive: true });
  cpSync(nativeFolder(), addon.folder, { recursive: true });
  const after = JSON.parse(azr(["doctor", "--json"], { LIBTORCH }).stdout);
  t.match(after, { ok: true, problems: [], addon: { loads: true, upToDate: true }, executor: { ok: true } });
  const demo = azr(["demo", "--steps", "3", "--tasks-per-kind", "4", "--json"], { LIBTORCH });
  t.equal(demo.status, 0, demo.stderr);
  const lines = demo.stdout.trim().split("\n").map((line) => JSON.parse(line));
  const result = lines.at(-1);
  t.match(result, { type: "demo-result", seed: 0, steps: 3, overall: { n: 12 } });
  t.equal(lines.filter(({ type }) => type === "step-end").length, 3);
  t.ok(existsSync(result.report) && result.report.startsWith(project), "the report is in the project, where the command ran");
});
