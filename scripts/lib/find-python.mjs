// Which Python runs the programs: the one rule, for the executor (src/executor/find-python.ts) and for the check of the machine
// (toolchain.mjs). Each is asked who it is, so that shims, virtual environments and versions that will not do are seen early.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Minor versions of CPython 3 that this package is tested with, newest first. */
export const testedMinors = [13, 12, 11];

export const testedPythons = `CPython ${testedMinors.map((minor) => `3.${minor}`).join(", ").replace(/, (?=[^,]*$)/, " or ")}`;

/** Names that are looked for when none is given. Of those with the newest tested version the first counts: it is what people mean by Python. */
const candidates = ["python3", ...testedMinors.map((minor) => `python3.${minor}`)];

const question = [
  "import sys",
  "build = 'free' if 't' in getattr(sys, 'abiflags', '') or not getattr(sys, '_is_gil_enabled', lambda: True)() else 'locked'",
  "print(*sys.version_info[:4], sys.implementation.name, build, sys.executable)",
].join("; ");

const answerMs = 20_000;
const busyCodes = new Set(["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"]);

/**
 * The Python of this name, or else the best of those on PATH. Resolves with {python: {path, version, minor, tested}}, or with {fault: {kind, name,
 * what, cause}}: `absent` does not start, `unfit` is the wrong Python, `busy` may be the machine's fault and not that of the Python.
 */
export async function choosePython(name = process.env.AZR_PYTHON) {
  const answers = await Promise.all((name ? [name] : candidates).map(ask));
  const faults = answers.filter(({ fault }) => fault !== undefined);
  // What is chosen must not hang on how busy the machine is.
  const busy = faults.find(({ fault }) => fault.kind === "busy");
  if (busy !== undefined) return busy;
  const [best] = answers.filter(({ python }) => python !== undefined).sort(({ python: a }, { python: b }) => Number(b.tested) - Number(a.tested) || b.minor - a.minor);
  return best ?? faults.find(({ fault }) => fault.kind === "unfit") ?? faults[0];
}

async function ask(name) {
  const fault = (kind, what, cause) => ({ fault: { kind, name, what, cause } });
  let answer;
  try {
    answer = (await promisify(execFile)(name, ["-I", "-S", "-c", question], { timeout: answerMs })).stdout.trim();
  } catch (error) {
    const { code, killed, signal } = error;
    if (killed) return fault("busy", `${name} gave no answer within ${answerMs / 1000} seconds`, error);
    if (signal === "SIGKILL" || busyCodes.has(String(code))) return fault("busy", `${name} could not be started at this time`, error);
    return fault("absent", code === "ENOENT" ? `there is no ${name}` : `${name} does not start`, error);
  }
  const match = /^(\d+) (\d+) (\d+) (\w+) (\w+) (\w+) (\/.*)$/.exec(answer);
  if (match === null) return fault("unfit", `${name} answers nothing that makes sense`);
  const [, major, minor, patch, level, implementation, build, path] = match;
  const version = `${major}.${minor}.${patch}${level === "final" ? "" : ` ${level}`}`;
  if (implementation !== "cpython") return fault("unfit", `${name} is ${implementation}`);
  if (Number(major) !== 3 || Number(minor) < Math.min(...testedMinors)) return fault("unfit", `${name} is ${version}`);
  if (build !== "locked") return fault("unfit", `${name} is a build of ${version} without the global interpreter lock, on which the executor relies`);
  return { python: { path, version, minor: Number(minor), tested: level === "final" && testedMinors.includes(Number(minor)) } };
}
