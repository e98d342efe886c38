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

// Who may import whose values. A room is a folder of src/, or one of the files named here, or "top": the other files of src/.
// Order is rank: a room knows only rooms above it in this list. Types may point one room further, as `types` says.
const rooms: Record<string, string[]> = {
  "errors.ts": [],
  "events.ts": [],
  "random.ts": ["errors.ts"],
  "issues.ts": [],
  "jsonl.ts": ["errors.ts", "issues.ts"],
  engine: ["errors.ts"],
  executor: ["errors.ts", "jsonl.ts"],
  curriculum: ["errors.ts", "random.ts", "jsonl.ts", "executor"],
  oversight: ["errors.ts", "executor", "curriculum"],
  config: ["errors.ts", "issues.ts", "executor", "curriculum", "oversight"],
  bench: ["errors.ts", "executor", "engine"],
  inspect: ["errors.ts", "executor"],
  sinks: ["events.ts"],
  "open-model.ts": ["errors.ts", "engine"],
  eval: ["errors.ts", "random.ts", "jsonl.ts", "executor", "curriculum", "open-model.ts"],
  report: ["errors.ts", "events.ts", "jsonl.ts", "eval"],
  run: ["errors.ts", "events.ts", "jsonl.ts", "random.ts", "engine", "executor", "curriculum", "oversight", "config"],
  sft: ["errors.ts", "events.ts", "random.ts", "jsonl.ts", "engine", "curriculum", "config", "run"],
  testing: ["errors.ts", "random.ts", "curriculum", "run"],
  top: ["errors.ts", "events.ts", "jsonl.ts", "random.ts", "engine", "executor", "curriculum", "oversight", "config", "inspect", "open-model.ts", "eval", "report", "run", "sft"],
  cli: ["errors.ts", "jsonl.ts", "executor", "curriculum", "config", "bench", "inspect", "sinks", "open-model.ts", "eval", "report", "run", "sft", "top"],
};
const types: Record<string, string[]> = {
  "events.ts": ["errors.ts", "curriculum"],
  curriculum: ["engine", "config", "events.ts"],
  oversight: ["engine", "events.ts"],
  "open-model.ts": ["curriculum"],
  eval: ["engine"],
  report: ["curriculum"],
  testing: ["engine", "executor", "events.ts"],
  cli: ["events.ts"],
};
const roomOf = (path: string) => {
  const [, first = "", second] = path.split("/");
  return second !== undefined || first in rooms ? first : "top";
};

t.test("arrows between rooms point one way", async (t) => {
  const order = Object.keys(rooms);
  t.same(order.filter((room) => rooms[room]!.some((target) => order.indexOf(target) >= order.indexOf(room))), [], "the list itself has no arrow upwards");
  t.same([...new Set(sources.map(roomOf))].filter((room) => !(room in rooms)), [], "every room is in the list");
  const inside = edges.filter(({ from, target }) => target?.startsWith("src/") && roomOf(from) !== roomOf(target));
  t.ok(inside.length > 100);
  const allowed = ({ from, target, typeOnly }: (typeof inside)[number]) =>
    rooms[roomOf(from)]?.includes(roomOf(target!)) || (typeOnly && types[roomOf(from)]?.includes(roomOf(target!)));
  t.same(inside.filter((edge) => !allowed(edge)).map((edge) => `${show(edge)}${edge.typeOnly ? " (types)" : ""}`), []);
});

t.test("the curriculum sees the interfaces of engine and executor only", async (t) => {
  t.ok(sources.length > 50, "the sources were found");
  const seen = new Set(["src/engine/engine.ts", "src/executor/executor.ts", "src/executor/safety.ts", "src/executor/value.ts"]);
  const fromCurriculum = edges.filter(({ from }) => within(from, "curriculum"));
  t.ok(fromCurriculum.length > 10);
  t.same(fromCurriculum.filter(({ target }) => within(target, "engine", "executor") && !seen.has(target!)).map(show), []);
});

t.test("the set-up scripts need nothing that they set up", async (t) => {
  const scripts = files.filter((path) => /^scripts\/(lib\/)?[\w-]+\.mjs$/.test(path) && !/typescript-hooks/.test(path));
  const reach = new Set<string>();
  const visit = (path: string): void => {
    if (reach.has(path)) return;
    reach.add(path);
    for (const { target } of importsOf(path)) if (target?.startsWith("scripts/")) visit(target);
  };
  visit("scripts/bootstrap.mjs");
  t.ok(reach.has("scripts/lib/toolchain.mjs") && reach.has("scripts/build.mjs"));
  const packages = [...reach].flatMap((path) => importsOf(path).map((edge) => ({ from: path, ...edge }))).filter(({ specifier }) => !/^(node:|\.)/.test(specifier));
  t.same(packages.map(show), [], "no npm package before npm ci has run");
  t.same(scripts.filter((path) => importsOf(path).some(({ target }) => target !== undefined && !target.startsWith("scripts/"))), [], "no compiled code");
});

t.test("the native rooms keep apart", async (t) => {
  const rules: [RegExp, RegExp][] = [
    [/^native\/engine\//, /napi|node_api|json|addon\/|executor\//i],
    [/^native\/addon\//, /<(ATen\/(?!Version\.h)|torch\/)|executor\//], // no mathematics: the version and the exception class are all it needs
    [/^native\/executor\//, /<(ATen|c10|torch)\/|napi|node_api|engine\/|addon\/|Python\.h/],
  ];
  for (const [room, forbidden] of rules) {
    const inRoom = files.filter((path) => room.test(path) && /\.(cc|h)$/.test(path));
    t.ok(inRoom.length > 5, String(room));
    const includes = inRoom.flatMap((path) => [...read(path).matchAll(/^\s*#\s*include\s*(\S+)/gm)].map(([, name]) => `${path} includes ${name}`));
    t.same(includes.filter((text) => forbidden.test(text.split(" includes ")[1]!)), []);
  }
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

t.test("no default exports, no marks of unfinished work, no test that is skipped without a reason", async (t) => {
  t.same(sources.filter((path) => /^export default/m.test(read(path))), []);
  const marks = [["TO", "DO"], ["FIX", "ME"], ["X", "XX"]].map((parts) => parts.join("")).join("|");
  const words = ["place" + "holder", "not " + "implemented", "st" + "ub"].join("|");
  const unfinished = (text: string) => new RegExp(`\\b(${marks})\\b`).test(text) || new RegExp(`\\b(${words})s?\\b`, "i").test(text);
  t.same(files.filter((path) => /\.(ts|mjs|cc|h|inc|py|md|txt)$/.test(path) && unfinished(read(path))), []);
  const bare = new RegExp(`\\b${"skip"}: ?true|\\bt\\.(only|todo)\\(|\\bt\\.skip\\(["'\`]`);
  t.same(files.filter((path) => /^test\/.*\.ts$/.test(path) && bare.test(read(path))), []);
});

t.test("no registry hosts, no paths of one machine", async (t) => {
  const hosts = [["registry", "npmjs", "org"], ["registry", "yarnpkg", "com"], ["pypi", "org"], ["python" + "hosted", "org"]];
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
