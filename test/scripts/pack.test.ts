// The published package: what is in it, that it installs offline into an empty folder without running anything, and
// that import and doctor work there with no LibTorch and no addon.

import t from "tap";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildTypescript } from "../../scripts/lib/setup-steps.mjs";
import { packageRoot } from "../../scripts/native-location.mjs";

// Outside the checkout, where nothing can be found that the package does not bring.
const root = mkdtempSync(join(tmpdir(), "azr-pack-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
for (const name of ["tarball", "project", "prime", "home"]) mkdirSync(join(root, name));
const npm = (args: string[], cwd: string) => spawnSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd, encoding: "utf8" });

await buildTypescript(() => {});
const packed = npm(["pack", "--json", "--pack-destination", join(root, "tarball")], packageRoot);
const [{ files: members, filename }] = JSON.parse(packed.stdout) as [{ filename: string; files: { path: string }[] }];
const paths = members.map(({ path }) => path);
const tarball = join(root, "tarball", filename);

t.test("the file list", async (t) => {
  // Each line is a sort of file; a new sort must be added here on purpose.
  const sorts = [
    /^(package\.json|README\.md|LICENSE|CMakeLists\.txt)$/,
    /^src\/.*\.ts$/, /^(src|dist)\/curriculum\/prompts\/[\w-]+\/[\w-]+\.txt$/, /^dist\/.*\.(js|d\.ts)(\.map)?$/,
    /^native\/(engine|cuda|addon|executor)\/[\w.-]+\.(cc|h|inc)$/,
    /^scripts\/([\w-]+\/)*[\w-]+\.(mjs|d\.mts|py)$/, /^scripts\/torch-requirements\.txt$/,
    /^models\/seedling\/[\w.-]+\.(json|jsonl|safetensors|md|gz)$/,
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

/** Installs from npm's cache only; fills the cache with `npm ci` first when it lacks something. */
function installOffline(): { status: number | null; text: string; unreachable?: string } {
  const project = join(root, "project");
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", version: "1.0.0", private: true }));
  const install = () => {
    const { status, stdout, stderr } = npm(["install", "--offline", "--foreground-scripts", tarball], project);
    return { status, text: stdout + stderr };
  };
  const first = install();
  if (first.status === 0 || !/ENOTCACHED/.test(first.text)) return first;
  for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(packageRoot, name), join(root, "prime", name));
  const primed = npm(["ci", "--omit=dev", "--ignore-scripts"], join(root, "prime"));
  return primed.status === 0 ? install() : { ...first, unreachable: primed.stderr };
}

const installed = installOffline();
const skip = installed.unreachable !== undefined && "npm's cache lacks the dependencies and the registry cannot be reached";
const at = join(root, "project", "node_modules", "absolute-zero");
const env = { ...process.env, AZR_HOME: join(root, "home"), LIBTORCH: "", AZR_NATIVE_FOLDER: "", AZR_PYTHON: "", VIRTUAL_ENV: "" };

t.test("installs offline and runs nothing", { skip }, async (t) => {
  t.equal(installed.status, 0, installed.text);
  t.notMatch(installed.text, /gyp|^> /m, "no script ran");
  t.same(readdirSync(join(root, "home")), []);
  t.notOk(existsSync(join(at, "build")));
  t.ok(existsSync(join(root, "project", "node_modules", ".bin", "azr")));
});

t.test("import works with nothing native", { skip }, async (t) => {
  const program = `
    const [main, config, testing] = await Promise.all(["absolute-zero", "absolute-zero/config", "absolute-zero/testing"].map((name) => import(name)));
    process.stdout.write(JSON.stringify([main, config, testing].map((module) => Object.keys(module))));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd: join(root, "project"), env, encoding: "utf8" });
  const [main, config, testing] = JSON.parse(output) as string[][];
  for (const name of ["train", "openEngine", "openExecutor", "defineConfig", "inspect", "AzrError"]) t.ok(main!.includes(name), name);
  t.ok(config!.includes("defineConfig"));
  t.ok(testing!.length > 0);
  const require = execFileSync(process.execPath, ["-p", "typeof require('absolute-zero').train"], { cwd: join(root, "project"), env, encoding: "utf8" });
  t.equal(require.trim(), "function", "CommonJS can require it");
});

t.test("types are found", { skip }, async (t) => {
  const project = join(root, "project");
  mkdirSync(join(project, "code"));
  writeFileSync(join(project, "code", "main.ts"), 'import { defineConfig, train, type Engine } from "absolute-zero";\nexport const run = () => train(defineConfig({}));\nexport type E = Engine;\n');
  const tsc = join(packageRoot, "node_modules", "typescript", "bin", "tsc");
  const options = ["--noEmit", "--module", "nodenext", "--target", "es2022", "--lib", "es2023,esnext.disposable", "--strict", "--skipLibCheck", "--typeRoots", join(packageRoot, "node_modules/@types"), "--types", "node"];
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...options, "code/main.ts"], { cwd: project, encoding: "utf8" });
  t.equal(status, 0, stdout);
});

t.test("the doctor answers", { skip }, async (t) => {
  const doctor = spawnSync(join(root, "project", "node_modules", ".bin", "azr"), ["doctor", "--json"], { cwd: join(root, "project"), env, encoding: "utf8" });
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
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd: join(root, "project"), env, encoding: "utf8" });
  t.match(JSON.parse(output), { code: /^AZR_(TORCH_NOT_FOUND|ADDON_LOAD_FAILED)$/, hint: /azr (torch install|build|doctor)/ });
});
