// The Python that runs the programs, or the error that says why there is none. Which one it is, scripts/lib/find-python.mjs decides.
import { choosePython, testedPythons } from "../../scripts/lib/find-python.mjs";
import { AzrError } from "../errors.ts";

export { testedMinors } from "../../scripts/lib/find-python.mjs";

export interface PythonChoice {
  /** A path, or a name on PATH. Default: AZR_PYTHON, else the newest tested CPython among python3 and python3.11 to python3.13 on PATH. */
  python?: string | undefined;
  /** Take a version that this package is not tested with as well: when it is named, or when there is no tested one. */
  allowUntestedPython?: boolean | undefined;
}

/**
 * Absolute path of the interpreter to use. Rejects with AZR_EXECUTOR_UNAVAILABLE when there is none, when it is older than 3.11, no CPython or
 * built without the global interpreter lock, and when it is untested and that was not allowed.
 */
export async function findPython({ python: name, allowUntestedPython = false }: PythonChoice = {}): Promise<string> {
  const { python, fault } = await choosePython(name);
  if (fault !== undefined) {
    throw new AzrError("AZR_EXECUTOR_UNAVAILABLE", `The executor needs ${testedPythons}: ${fault.what}.`, {
      hint: "Install one of them, or name it with AZR_PYTHON or the option `python`.",
      details: { python: fault.name },
      cause: fault.cause,
    });
  }
  if (python.tested || allowUntestedPython) return python.path;
  throw new AzrError("AZR_EXECUTOR_UNAVAILABLE", `The executor is not tested with Python ${python.version} (${python.path}), and so does not use it.`, {
    hint: `Install ${testedPythons}, or name one with AZR_PYTHON or the option \`python\`; or allow this one: \`allowUntestedPython\`, executor.allowUntestedPython, --allow-untested-python.`,
    details: { python: python.path, version: python.version },
  });
}
