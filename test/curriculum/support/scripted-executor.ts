// An Executor that answers from a script: programs are looked up by their text and "run" as plain functions of the input text.
// It counts what it is asked, so that tests can tell a fast path from a run. Used by the tests of the task kinds.

import { parseValue } from "../../../src/executor/value.ts";
import type { AnalyseResult, Executor, ParseRequest, RunOutcome, RunRequest } from "../../../src/executor/executor.ts";

export interface ScriptedProgram {
  /** From an input text to a value text or a whole outcome. */
  run?: (input: string, request: RunRequest) => string | Partial<RunOutcome>;
  /** What determinism `pair` and `full` report when all runs are ok. Default true. */
  deterministic?: boolean;
  analysis?: Partial<AnalyseResult>;
  /** Thrown by every call about this program. */
  fails?: Error;
}

export interface ScriptedExecutor extends Executor {
  calls: { runs: RunRequest[]; parses: string[]; analyses: string[] };
}

export function scriptedExecutor(programs: Record<string, ScriptedProgram>): ScriptedExecutor {
  const calls: ScriptedExecutor["calls"] = { runs: [], parses: [], analyses: [] };
  const find = (program: string): ScriptedProgram => {
    const found = programs[program];
    if (found === undefined) throw new Error(`the script knows no program ${JSON.stringify(program)}`);
    if (found.fails !== undefined) throw found.fails;
    return found;
  };
  return {
    calls,
    async run(request) {
      calls.runs.push(request);
      const { run = () => "0", deterministic = true } = find(request.program);
      const runs = request.inputs.map((input): RunOutcome => {
        const result = run(input, request);
        const base = { outcome: "ok", cpuMs: 1, wallMs: 1 } as const;
        return typeof result === "string" ? { ...base, value: result } : { ...base, ...result };
      });
      const all = runs.every(({ outcome }) => outcome === "ok");
      const checked = (request.determinism ?? "once") !== "once" && all;
      return { runs, deterministic: checked ? deterministic : null, provenance: { python: "scripted", architecture: "x64", layers: [] } };
    },
    async parse({ text, arguments: asArguments = false }: ParseRequest) {
      calls.parses.push(text);
      if (asArguments) {
        // And for its reading of a call's arguments: a dict, or whole numbers in any spelling, with or without the last comma.
        if (text.startsWith("{")) return { ok: true, value: `(${text},)` };
        const numbers = text.replace(/,$/, "").split(",").map(Number);
        return numbers.some(Number.isNaN) ? { ok: false, message: "not arguments" } : { ok: true, value: `(${numbers.join(", ")},)` };
      }
      // Stands for the child's reading of Python literals that are not canonical: double quotes, repeated set members, (1).
      const canonical = text.replace(/"([^"']*)"/g, "'$1'").replace(/^\{1, 1\}$/, "{1}").replace(/^\((\d+)\)$/, "$1");
      try {
        parseValue(canonical);
        return { ok: true, value: canonical };
      } catch {
        return { ok: false, message: "not a literal" };
      }
    },
    async analyse(program) {
      calls.analyses.push(program);
      const { analysis } = find(program);
      const normalised = `normalised ${program}`;
      return { ok: true, normalised, functions: ["f"], entry: [{ how: "def", line: 1, column: 1 }], imports: [], names: [], statements: 1, ...analysis };
    },
    measure: async (programs) => programs.map(() => null),
    stats: () => ({ python: "scripted", workers: 2, runs: calls.runs.length, sandboxErrors: 0, busySeconds: 0 }),
    async dispose() {},
    async [Symbol.asyncDispose]() {},
  };
}
