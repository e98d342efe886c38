// Finds the Python that runs the programs and asks it who it is, so that shims, virtual environments and old versions are seen early.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { AzrError } from "../errors.ts";

const question = "import sys; print(*sys.version_info[:3], sys.implementation.name, sys.executable)";

/**
 * Absolute path of the interpreter that `name` (a path, or a name on PATH; AZR_PYTHON, else python3, when absent) starts. Rejects with AZR_EXECUTOR_UNAVAILABLE when it does
 * not start, is older than 3.11, or is not CPython.
 */
export async function findPython(name: string = process.env["AZR_PYTHON"] || "python3"): Promise<string> {
  const fail = (what: string, cause?: unknown): AzrError =>
    new AzrError("AZR_EXECUTOR_UNAVAILABLE", `The executor needs CPython 3.11 or newer: ${what}.`, {
      hint: "Install python3, or name one with AZR_PYTHON or the option `python`.",
      details: { python: name },
      cause,
    });
  let answer: string;
  try {
    answer = (await promisify(execFile)(name, ["-I", "-S", "-c", question], { timeout: 20_000 })).stdout.trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw fail(code === "ENOENT" ? `there is no ${name}` : `${name} does not start`, error);
  }
  const match = /^(\d+) (\d+) (\d+) (\w+) (\/.*)$/.exec(answer);
  if (match === null) throw fail(`${name} answers nothing that makes sense`);
  const [, major, minor, patch, implementation, path] = match;
  if (implementation !== "cpython") throw fail(`${name} is ${implementation}`);
  if (Number(major) !== 3 || Number(minor) < 11) throw fail(`${name} is ${major}.${minor}.${patch}`);
  return path!;
}
