// The house rules that a machine can check: who may import whom, sizes, words that must not occur, and the places
// where two files must agree.

import t from "tap";
import { builtinModules } from "node:module";
import { errorExitCodes } from "../../src/errors.ts";
import { importsOf, projectFiles, read, root } from "./source-tree.ts";

const files = projectFiles();
const sources = files.filter((path) => /^src\/.*\.ts$/.test(path));
const edges = sources.flatMap((from) => importsOf(from).map((edge) => ({ from, ...edge })));
const show = ({ from, specifier }: { from: string; specifier: string }) => `${from} -> ${specifier}`;
const within = (path: string | undefined, ...folders: string[]) => folders.some((folder) => path?.startsWith(`src/${folder}/`));
const packageJson = JSON.parse(read("package.json"));

t.test("the curriculum sees the interfaces of engine and executor only", async (t) => {
  t.ok(sources.length > 50, "the sources were found");
  const seen = new Set(["src/engine/engine.ts", "src/executor/executor.ts", "src/executor/value.ts"]);
  const fromCurriculum = edges.filter(({ from }) => within(from, "curriculum"));
  t.ok(fromCurriculum.length > 10);
  t.same(fromCurriculum.filter(({ target }) => within(target, "engine", "executor") && !seen.has(target!)).map(show), []);
  t.same(fromCurriculum.filter(({ target }) => within(target, "cli", "serve", "sinks", "report", "inspect", "testing")).map(show), []);
});

t.test("engine and executor know nothing above them", async (t) => {
  const above = ["curriculum", "cli", "serve", "run", "sinks", "eval", "report", "config", "inspect", "oversight", "testing"];
  t.same(edges.filter(({ from, target }) => within(from, "engine", "executor") && within(target, ...above)).map(show), []);
  t.same(edges.filter(({ from, target }) => within(from, "engine") && within(target, "executor")).map(show), []);
  t.same(edges.filter(({ from, target }) => within(from, "executor") && within(target, "engine")).map(show), []);
});

t.test("nothing but the command line imports the command line, and the fakes stay with tests and users", async (t) => {
  t.same(edges.filter(({ from, target }) => !within(from, "cli") && within(target, "cli", "serve")).map(show), []);
  t.same(edges.filter(({ from, target }) => !within(from, "testing") && within(target, "testing")).map(show), []);
});

t.test("only load-addon.ts loads a native file into this process", async (t) => {
  // inspect/probe-addon.ts names the file too, for a child process to load.
  const allowed = new Set(["src/engine/load-addon.ts", "src/inspect/probe-addon.ts"]);
  const touching = sources.filter((path) => /\.node["'`]|\bdlopen\b/.test(read(path)));
  t.same(touching.filter((path) => !allowed.has(path)), []);
});

t.test("relative imports name their file, packages are declared and used", async (t) => {
  t.same(edges.filter(({ target, specifier }) => target !== undefined && !/\.(ts|mjs)$/.test(specifier)).map(show), []);
  const builtin = new Set(builtinModules.map((name) => `node:${name}`));
  const bare = edges.filter(({ target }) => target === undefined);
  const packageOf = (specifier: string) => specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  const unknown = bare.filter(({ specifier }) => !builtin.has(specifier) && !(packageOf(specifier) in packageJson.dependencies));
  t.same(unknown.map(show), []);
  const users = files.filter((path) => /^(scripts\/.*\.mjs|src\/.*\.ts|CMakeLists\.txt)$/.test(path)).map(read).join("\n");
  t.same(Object.keys(packageJson.dependencies).filter((name) => !users.includes(name)), [], "every dependency is used");
});

t.test("no cycle of value imports", async (t) => {
  const next = new Map<string, string[]>();
  for (const { from, target, typeOnly } of edges) {
    if (!typeOnly && target?.startsWith("src/")) next.set(from, [...(next.get(from) ?? []), target]);
  }
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: string[]): void => {
    if (trail.includes(path)) return void cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
    if (done.has(path)) return;
    for (const target of next.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  sources.forEach((path) => visit(path, []));
  t.same(cycles, []);
});

t.test("files stay small", async (t) => {
  const lines = (path: string) => read(path).split("\n").length - 1;
  const limit = (path: string) => (/\.(cc|h|c)$|^test\//.test(path) ? 450 : 250); // tests: few files, tables of cases
  const code = files.filter((path) => /^(src|scripts|native|test)\/.*\.(ts|mjs|cc|h|c|py)$/.test(path));
  t.same(code.filter((path) => lines(path) > limit(path)).map((path) => `${path}: ${lines(path)} lines`), []);
  const sizes = sources.map(lines).sort((a, b) => a - b);
  const median = sizes[Math.floor(sizes.length / 2)]!;
  t.ok(median <= 110, `the median TypeScript file has ${median} lines`);
});

t.test("no default exports, no marks of unfinished work", async (t) => {
  t.same(sources.filter((path) => /^export default/m.test(read(path))), []);
  const mark = new RegExp(`\\b(${["TO", "FIX"].map((start) => `${start}${start === "TO" ? "DO" : "ME"}`).join("|")})\\b`);
  t.same(files.filter((path) => /\.(ts|mjs|cc|h|py|md|txt)$/.test(path) && mark.test(read(path))), []);
});

t.test("no registry hosts, no paths of one machine", async (t) => {
  const hosts = [["registry", "npmjs", "org"], ["registry", "yarnpkg", "com"], ["pypi", "org"], ["pythonhosted", "org"]];
  const patterns = [...hosts.map((parts) => parts.join("\\.")), `(?<![\\w.-])/${"work"}/`, `(?<![\\w.-])/${"root"}/`, `/tmp/${"azr"}`];
  const forbidden = new RegExp(patterns.join("|"));
  const text = files.filter((path) => !/\.(safetensors|gz|png|bin)$/.test(path));
  t.same(text.filter((path) => forbidden.test(read(path))), []);
  t.notOk(/"resolved"/.test(read("package-lock.json")), "the lockfile names no registry");
});

t.test("nothing runs at install time", async (t) => {
  const atInstall = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];
  t.same(Object.keys(packageJson.scripts).filter((name) => atInstall.includes(name)), []);
  t.equal(packageJson.gypfile, false);
  const locked = JSON.parse(read("package-lock.json")).packages as Record<string, { hasInstallScript?: boolean; dev?: boolean }>;
  t.same(Object.entries(locked).filter(([, entry]) => entry.hasInstallScript && !entry.dev).map(([path]) => path), []);
});

t.test("one description of the native build", async (t) => {
  t.notMatch(read("binding.gyp"), /["']sources["']/, "binding.gyp delegates");
  t.match(read("binding.gyp"), /scripts\/build\.mjs/);
  t.notOk(packageJson.files.includes("binding.gyp"));
  const napi = Number(/NAPI_VERSION=(\d+)/.exec(read("CMakeLists.txt"))?.[1]);
  t.same(packageJson.binary.napi_versions, [napi]);
  t.equal(packageJson.engines.node, ">=20.19");
});

t.test("every error code that is raised is in the list, and every listed code is raised", async (t) => {
  const raising = files.filter((path) => /^(src|scripts|native\/(engine|addon))\/.*\.(ts|mjs|cc|h)$/.test(path) && path !== "src/errors.ts");
  const raised = new Map<string, string>();
  for (const path of raising) {
    for (const [, code] of read(path).matchAll(/["'](AZR_[A-Z_]+)["']/g)) raised.set(code!, path);
  }
  const settings = new Set([...read("CMakeLists.txt").matchAll(/\b(AZR_[A-Z_]+)\b/g)].map(([, name]) => name!));
  const isCode = (name: string) => !settings.has(name) && !/^AZR_(HOME|PYTHON|TORCH_ANY|NATIVE_FOLDER|SEED)$/.test(name);
  t.same([...raised].filter(([code]) => isCode(code) && !(code in errorExitCodes)).map((pair) => pair.join(" in ")), []);
  t.same(Object.keys(errorExitCodes).filter((code) => !raised.has(code)), []);
});

t.test("the checkout is where it should be", async (t) => {
  t.ok(files.includes("package.json") && files.includes("LICENSE"), root);
  t.equal(packageJson.license, "MIT");
});
