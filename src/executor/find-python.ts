// Chooses the Python that runs the programs and asks it who it is, so that shims, virtual environments and versions that will not do
// are seen early.
import { execFile, type ExecFileException } from "node:child_process";
import { promisify } from "node:util";
import { AzrError } from "../errors.ts";

/** Minor versions of CPython 3 that this package is tested with, newest first. */
export const testedMinors: readonly number[] = [13, 12, 11];

/** Names that are looked for when none is given. Of those with the newest tested version the first counts: it is what people mean by Python. */
const candidates = ["python3", ...testedMinors.map((minor) => `python3.${minor}`)];

const testedText = `CPython ${testedMinors.map((minor) => `3.${minor}`).join(", ").replace(/, (?=[^,]*$)/, " or ")}`;

export interface PythonChoice {
  /** A path, or a name on PATH. Default: AZR_PYTHON, else the newest tested CPython among python3 and python3.11 to python3.13 on PATH. */
  python?: string | undefined;
  /** Take a version that this package is not tested with as well: when it is named, or when there is no tested one. */
  allowUntestedPython?: boolean | undefined;
}

interface Python {
  path: string;
  version: string;
  minor: number;
  tested: boolean;
}

interface Fault {
  /** `absent` does not start, `unfit` is the wrong Python, `busy` may be the machine's fault and not that of the Python. */
  kind: "absent" | "unfit" | "busy";
  error: AzrError;
}

const question = [
  "import sys",
  "build = 'free' if 't' in getattr(sys, 'abiflags', '') or not getattr(sys, '_is_gil_enabled', lambda: True)() else 'locked'",
  "print(*sys.version_info[:4], sys.implementation.name, build, sys.executable)",
].join("; ");

const answerMs = 20_000;
const busyCodes = new Set(["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"]);

/**
 * Absolute path of the interpreter to use. Rejects with AZR_EXECUTOR_UNAVAILABLE when there is none, when it is older than 3.11, no CPython or
 * built without the global interpreter lock, and when it is untested and that was not allowed.
 */
export async function findPython({ python = process.env["AZR_PYTHON"], allowUntestedPython = false }: PythonChoice = {}): Promise<string> {
  const names = python ? [python] : candidates;
  const answers = await Promise.all(names.map(ask));
  const faults = answers.filter((answer) => "error" in answer);
  // What is chosen must not hang on how busy the machine is.
  const busy = faults.find(({ kind }) => kind === "busy");
  if (busy !== undefined) throw busy.error;
  const [best] = answers.filter((answer) => "path" in answer).sort((a, b) => Number(b.tested) - Number(a.tested) || b.minor - a.minor);
  if (best === undefined) throw (faults.find(({ kind }) => kind === "unfit") ?? faults[0]!).error;
  if (best.tested || allowUntestedPython) return best.path;
  throw new AzrError("AZR_EXECUTOR_UNAVAILABLE", `The executor is not tested with Python ${best.version} (${best.path}), and so does not use it.`, {
    hint: `Install ${testedText}, or name one with AZR_PYTHON or the option \`python\`; or allow this one: \`allowUntestedPython\`, executor.allowUntestedPython, --allow-untested-python.`,
    details: { python: best.path, version: best.version },
  });
}

async function ask(name: string): Promise<Python | Fault> {
  const fault = (kind: Fault["kind"], what: string, cause?: unknown): Fault => ({
    kind,
    error: new AzrError("AZR_EXECUTOR_UNAVAILABLE", `The executor needs ${testedText}: ${what}.`, {
      hint: "Install one of them, or name it with AZR_PYTHON or the option `python`.",
      details: { python: name },
      cause,
    }),
  });
  let answer: string;
  try {
    answer = (await promisify(execFile)(name, ["-I", "-S", "-c", question], { timeout: answerMs })).stdout.trim();
  } catch (error) {
    const { code, killed, signal } = error as Omit<ExecFileException, "code"> & { code?: string | number };
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
  return { path: path!, version, minor: Number(minor), tested: level === "final" && testedMinors.includes(Number(minor)) };
}
