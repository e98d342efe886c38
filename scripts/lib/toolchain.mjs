// What must be on the machine before anything is built: compiler, cmake, make or ninja, Python with pip.
// Each check gives one finding; a missing tool comes with the install line of this distribution.

import { readFileSync } from "node:fs";
import { choosePython, testedPythons } from "./find-python.mjs";
import { run } from "./run.mjs";
import { activePython } from "./torch-find.mjs";

const packages = {
  apt: { compiler: "g++", cmake: "cmake", make: "make", python: "python3", pip: "python3-pip", gtest: "libgtest-dev" },
  dnf: { compiler: "gcc-c++", cmake: "cmake", make: "make", python: "python3.11", pip: "python3-pip", gtest: "gtest-devel" },
  apk: { compiler: "g++", cmake: "cmake", make: "make", python: "python3", pip: "py3-pip", gtest: "gtest-dev" },
  pacman: { compiler: "gcc", cmake: "cmake", make: "make", python: "python", pip: "python-pip", gtest: "gtest" },
  zypper: { compiler: "gcc-c++", cmake: "cmake", make: "make", python: "python311", pip: "python311-pip", gtest: "gtest" },
};
const install = { apt: "apt-get install -y", dnf: "dnf install -y", apk: "apk add", pacman: "pacman -S --noconfirm", zypper: "zypper install -y" };
const families = { debian: "apt", ubuntu: "apt", fedora: "dnf", rhel: "dnf", centos: "dnf", amzn: "dnf", alpine: "apk", arch: "pacman", suse: "zypper", opensuse: "zypper" };

/** The package manager of the distribution that an os-release text describes; apt when it names none we know. */
export function packageManager(osRelease) {
  const field = (name) => new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(osRelease)?.[1] ?? "";
  const names = [field("ID"), ...field("ID_LIKE").split(" ")];
  return names.map((name) => families[name] ?? families[name.split("-")[0]]).find(Boolean) ?? "apt";
}

/** The line that installs the given tools (keys of `packages`) on this machine. */
export function installLine(tools, { osRelease, root = process.getuid?.() === 0 } = {}) {
  let text = osRelease ?? "";
  try {
    text ||= readFileSync("/etc/os-release", "utf8");
  } catch {
    // not every image has one
  }
  const manager = packageManager(text);
  return `${root ? "" : "sudo "}${install[manager]} ${tools.map((tool) => packages[manager][tool]).join(" ")}`;
}

function atLeast(version, wanted) {
  const numbers = (text) => text.split(".").map(Number);
  const [have, want] = [numbers(version), numbers(wanted)];
  for (let index = 0; index < want.length; index++) {
    if ((have[index] ?? 0) !== want[index]) return (have[index] ?? 0) > want[index];
  }
  return true;
}

async function versionOf(command, pattern) {
  const { status, output } = await run(command, ["--version"]);
  return status === 0 ? (pattern.exec(output)?.[1] ?? output.split("\n")[0]) : undefined;
}

/** Compiler to use: CXX, else g++, else clang++. Resolves with {command, version (first line)} or undefined. */
export async function findCompiler() {
  for (const command of [process.env.CXX, "g++", "clang++"].filter(Boolean)) {
    const version = await versionOf(command, /^(.*)$/m);
    if (version !== undefined) return { command, version };
  }
  return undefined;
}

/** What repairs all problems of the given checks: one install line for everything that is missing, then the other advice. */
export function repairs(checks) {
  const missing = checks.flatMap((check) => check.missing ?? []);
  const others = checks.filter((check) => check.problem && !check.missing).map((check) => check.fix);
  return [...(missing.length > 0 ? [installLine([...new Set(missing)])] : []), ...new Set(others)];
}

/** Checks of the native build: [{tool, version?, problem?, fix?, missing?}]; `missing` are tools for installLine(). */
export async function checkBuildTools() {
  const [cmake, compiler, make, ninja] = await Promise.all([
    versionOf("cmake", /version (\S+)/),
    findCompiler(),
    versionOf("make", /Make (\S+)/),
    versionOf("ninja", /^(\S+)/),
  ]);
  const missing = [!compiler && "compiler", !cmake && "cmake", !make && !ninja && "make"].filter(Boolean);
  const fix = missing.length > 0 ? installLine(missing) : undefined;
  const gccMajor = Number(/^g\+\+.*?(\d+)\.\d+/.exec(compiler?.version ?? "")?.[1] ?? 99);
  return [
    compiler === undefined
      ? { tool: "compiler", problem: "no C++ compiler (g++ or clang++) was found", fix, missing: ["compiler"] }
      : gccMajor < 11
        ? { tool: "compiler", version: compiler.version, problem: `${compiler.version} is too old for C++20 (11 is needed)`, fix: "install g++ 11 or newer and set CXX to it" }
        : { tool: "compiler", version: compiler.version },
    cmake === undefined
      ? { tool: "cmake", problem: "cmake was not found", fix, missing: ["cmake"] }
      : atLeast(cmake, "3.18")
        ? { tool: "cmake", version: cmake }
        : { tool: "cmake", version: cmake, problem: `cmake ${cmake} is too old (3.18 is needed)`, fix: "python3 -m pip install --user cmake" },
    make || ninja
      ? { tool: "make", version: ninja ? `ninja ${ninja}` : `make ${make}` }
      : { tool: "make", problem: "neither make nor ninja was found", fix, missing: ["make"] },
  ];
}

/** Checks of the Python that runs the programs, and of pip for the LibTorch fetch (of the active Python, which decides what pip reads). */
export async function checkPython() {
  const [{ python, fault }, active] = [await choosePython(), activePython()];
  const pip = await run(active, ["-m", "pip", "--version"]);
  const pipVersion = /^pip (\S+)/.exec(pip.output)?.[1];
  const absent = fault?.kind === "absent";
  const fix = absent ? installLine(["python", "pip"]) : fault?.kind === "unfit" ? "install Python 3.11 or newer and set AZR_PYTHON to it" : "try again when the machine is less busy";
  return [
    fault === undefined ? { tool: "python", version: python.version } : { tool: "python", problem: `${testedPythons} is needed: ${fault.what}`, fix, ...(absent && { missing: ["python", "pip"] }) },
    pip.status === 0 ? { tool: "pip", version: pipVersion } : { tool: "pip", problem: `${active} has no pip`, fix: installLine(["pip"]), missing: ["pip"] },
  ].slice(0, absent ? 1 : 2);
}

/** The check of the running Node. */
export function checkNode(version = process.versions.node) {
  return atLeast(version, "20.19")
    ? { tool: "node", version }
    : { tool: "node", version, problem: `Node ${version} is too old, 20.19 or newer is needed`, fix: "install Node 20.19 or newer from nodejs.org or with your version manager" };
}
