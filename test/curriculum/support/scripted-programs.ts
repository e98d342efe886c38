// The programs that the tests of the task kinds know by name, each with one way to behave, and tasks about them.

import type { Task } from "../../../src/curriculum/task.ts";
import { AzrError } from "../../../src/errors.ts";
import type { ScriptedProgram } from "./scripted-executor.ts";

export const plusOne = { run: (input: string) => String(Number(input) + 1) };

export const programs: Record<string, ScriptedProgram> = {
  good: plusOne,
  banned: { analysis: { imports: [{ module: "math", names: [], line: 1, column: 8 }, { module: "os.path", names: [], line: 2, column: 8 }] } },
  "def f(a): return sys": {},
  several: { run: () => "1", analysis: { functions: ["g", "f"] } },
  nested: { analysis: { functions: ["g", "f"], entry: [] } },
  unparsable: { analysis: { ok: false, message: "invalid syntax (line 1)" } },
  raises: { run: () => ({ outcome: "runtime-error", error: "ValueError", message: "no", value: undefined }) },
  loops: { run: () => ({ outcome: "time-limit", value: undefined }) },
  fat: { run: () => ({ outcome: "memory-limit", value: undefined }) },
  chatty: { run: () => ({ outcome: "output-limit", value: undefined }) },
  object: { run: () => ({ outcome: "unrepresentable", value: undefined }) },
  hostile: { run: () => ({ outcome: "violation", value: undefined }) },
  refused: { run: () => ({ outcome: "bad-request", value: undefined, message: "not a literal" }) },
  broken: { run: () => ({ outcome: "sandbox-error", value: undefined }) },
  uncompiled: { run: () => ({ outcome: "compile-error", value: undefined, error: "SyntaxError" }) },
  costly: { run: () => ({ outcome: "ok", value: "1", cpuMs: 251, wallMs: 300 }) },
  delayed: { run: () => ({ outcome: "ok", value: "1", cpuMs: 1, wallMs: 2999 }) },
  affordable: { run: () => ({ outcome: "ok", value: "1", cpuMs: 250, wallMs: 750 }) },
  random: { run: () => "1", deterministic: false },
  long: { run: () => "1".repeat(2001) },
  marker: { run: () => "'<|end|>'" },
  tag: { run: () => "'</answer>'" },
  unavailable: { fails: new AzrError("AZR_EXECUTOR_FAILED", "the sandbox failed three times") },
  disposed: { fails: new AzrError("AZR_DISPOSED", "the executor is closed") },
  second: { run: (input) => (input === "2" ? { outcome: "runtime-error", error: "KeyError", value: undefined } : "1") },
};

export const deduce = (output: string): Task => ({ id: "d", kind: "deduction", program: "good", input: "1", output, origin: { step: 1, parents: [] } });
export const abduce = (program: string, output = "4"): Task => ({ id: "a", kind: "abduction", program, input: "3", output, origin: { step: 1, parents: [] } });
export const induce: Task = {
  id: "i",
  kind: "induction",
  program: "good",
  pairs: [1, 2, 3, 4].map((n) => ({ input: String(n), output: String(n + 1) })),
  shown: 2,
  origin: { step: 1, parents: [] },
};
