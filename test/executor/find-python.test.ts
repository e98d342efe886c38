// Which Python runs the programs: a table of machines, each a folder with names that start a real interpreter, pretend to be another or fail.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { findPython, type PythonChoice, testedMinors } from "../../src/executor/find-python.ts";

const root = t.testdir({});
const { PATH, AZR_PYTHON } = process.env;
t.afterEach(() => {
  process.env.PATH = PATH;
  if (AZR_PYTHON === undefined) delete process.env.AZR_PYTHON;
  else process.env.AZR_PYTHON = AZR_PYTHON;
});

/** A script that gives the answer of an interpreter: version, level, implementation, build. Its path is that of the script, so that a choice shows. */
const says = (version: string, { level = "final", implementation = "cpython", build = "locked" } = {}) =>
  `echo "${version.replaceAll(".", " ")} ${level} ${implementation} ${build} $0"`;

let machines = 0;
/** A folder with these names as the whole PATH; `AZR_PYTHON` is unset. */
function machine(names: Record<string, string>): string {
  const folder = join(root, `m${machines++}`);
  mkdirSync(folder);
  for (const [name, body] of Object.entries(names)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  process.env.PATH = folder;
  delete process.env.AZR_PYTHON;
  return folder;
}

const missing = "echo 'pyenv: command not found' >&2; exit 127";

t.test("the newest tested one is taken, python3 among equals, whatever starts first", async (t) => {
  const table: [names: Record<string, string>, expected: string, choice?: PythonChoice][] = [
    [{ python3: says("3.11.7") }, "python3"],
    [{ "python3.11": says("3.11.7") }, "python3.11"],
    [{ python3: says("3.11.7"), "python3.11": says("3.11.9") }, "python3"],
    [{ python3: says("3.11.7"), "python3.13": says("3.13.0"), "python3.12": says("3.12.1") }, "python3.13"],
    [{ python3: says("3.12.1"), "python3.11": says("3.11.7"), "python3.12": says("3.12.9") }, "python3"],
    [{ python3: says("3.11.7"), "python3.13": missing, "python3.12": missing, "python3.11": says("3.11.7") }, "python3"],
    [{ python3: says("3.9.2"), "python3.11": says("3.11.7") }, "python3.11"],
    [{ python3: says("3.14.0"), "python3.12": says("3.12.1") }, "python3.12"],
    [{ python3: says("3.14.0"), "python3.12": says("3.12.1") }, "python3.12", { allowUntestedPython: true }],
    [{ python3: says("3.14.0") }, "python3", { allowUntestedPython: true }],
    [{ python3: says("3.13.0", { level: "candidate" }), "python3.11": says("3.11.7") }, "python3.11"],
    [{ python3: says("3.13.1", { build: "free" }), "python3.13": says("3.13.0") }, "python3.13"],
    [{ python3: says("3.11.9", { implementation: "pypy" }), "python3.11": says("3.11.7") }, "python3.11"],
    [{ python3: "echo nonsense", "python3.12": says("3.12.1") }, "python3.12"],
    [{ python3: `sleep=1; while [ $sleep -lt 20000 ]; do sleep=$((sleep+1)); done; ${says("3.13.0")}`, "python3.13": says("3.13.0") }, "python3"],
    [{ python3: says("3.11.7"), other: says("3.12.1") }, "other", { python: "other" }],
    [{ python3: says("3.11.7"), other: says("3.14.0", { level: "alpha" }) }, "other", { python: "other", allowUntestedPython: true }],
    [{ "python3.14": says("3.14.0"), python3: says("3.11.7") }, "python3", { allowUntestedPython: true }],
  ];
  for (const [names, expected, choice] of table) {
    const folder = machine(names);
    t.equal(await findPython(choice), join(folder, expected), JSON.stringify([names, choice]));
  }
  machine({ python3: says("3.11.7"), other: says("3.12.1") });
  process.env.AZR_PYTHON = "other";
  t.match(await findPython(), /\/other$/, "AZR_PYTHON names one");
  t.match(await findPython({ python: "python3" }), /\/python3$/, "the option comes before it");
  process.env.AZR_PYTHON = "";
  t.match(await findPython(), /\/python3$/, "set to nothing it names none");
});

t.test("what is refused, and why", async (t) => {
  const table: [names: Record<string, string>, message: RegExp, choice?: PythonChoice][] = [
    [{}, /needs CPython 3\.13, 3\.12 or 3\.11: there is no python3\./],
    [{ python3: missing }, /python3 does not start/],
    [{ python3: missing, "python3.12": says("3.10.4") }, /python3\.12 is 3\.10\.4/],
    [{ python3: says("3.10.4") }, /python3 is 3\.10\.4/, { allowUntestedPython: true }],
    [{ python3: says("2.7.18") }, /python3 is 2\.7\.18/, { allowUntestedPython: true }],
    [{ python3: says("4.0.0") }, /python3 is 4\.0\.0/, { allowUntestedPython: true }],
    [{ python3: says("3.11.9", { implementation: "pypy" }) }, /python3 is pypy/, { allowUntestedPython: true }],
    [{ python3: says("3.13.1", { build: "free" }) }, /a build of 3\.13\.1 without the global interpreter lock/, { allowUntestedPython: true }],
    [{ python3: "kill -9 $$", "python3.11": says("3.11.7") }, /python3 could not be started at this time/],
    [{ python3: says("3.14.0") }, /not tested with Python 3\.14\.0 \(\/.*\/python3\)/],
    [{ python3: says("3.13.0", { level: "candidate" }) }, /not tested with Python 3\.13\.0 candidate/],
    [{ python3: says("3.11.7"), other: says("3.14.0") }, /not tested with Python 3\.14\.0/, { python: "other" }],
    [{ python3: says("3.11.7") }, /there is no other/, { python: "other" }],
  ];
  for (const [names, message, choice] of table) {
    machine(names);
    await t.rejects(findPython(choice), { code: "AZR_EXECUTOR_UNAVAILABLE", message, hint: /AZR_PYTHON/ }, JSON.stringify([names, choice]));
  }
  machine({ python3: says("3.14.0") });
  await t.rejects(findPython(), { code: "AZR_EXECUTOR_UNAVAILABLE", hint: /`allowUntestedPython`, executor\.allowUntestedPython, --allow-untested-python/ });
});

t.test("a real interpreter answers the question", async (t) => {
  const real = await findPython();
  const version = execFileSync(real, ["-c", "import sys; print(*sys.version_info[:2])"], { encoding: "utf8" }).split(" ").map(Number);
  t.ok(version[0] === 3 && testedMinors.includes(version[1]!), `${real} is ${version.join(".")}`);
  const folder = machine({});
  const name = `python3.${version[1]}`;
  symlinkSync(real, join(folder, name));
  t.equal(await findPython(), join(folder, name), "and is found by its name");
});
