// An Executor without a Python: it runs the subset of mini-python.ts and records its calls. Answers can be delayed in a shuffled order,
// to show that nothing depends on what finishes first.
import type { AnalyseResult, Executor, ExecutorStats, MeasuredProgram, Measurement, ParseRequest, ParseResult, Provenance, RunOutcome, RunRequest, RunResult } from "../executor/executor.ts";
import { createRandom } from "../random.ts";
import { miniLiteral, MiniError, normaliseMini, parseMini, runMini } from "./mini-python.ts";

export interface FakeExecutorOptions {
  /** Seeds a random delay of each answer, in turns of the event loop; without it answers come at once. */
  delaySeed?: number;
  /** Replaces the outcome of a call, or throws in its place: a scripted fault. Undefined = the usual answer. */
  override?: (call: FakeExecutorCall, index: number) => RunResult | undefined;
  /** Version of Python that it claims to run. Default `none`. */
  python?: string;
}

export type FakeExecutorCall =
  | { method: "run"; request: RunRequest }
  | { method: "parse"; request: ParseRequest }
  | { method: "analyse"; program: string }
  | { method: "measure"; programs: readonly MeasuredProgram[] };

export interface FakeExecutor extends Executor {
  /** Every call so far, in order. */
  readonly calls: FakeExecutorCall[];
}

const times = { cpuMs: 1, wallMs: 1 };

function runOne(program: string, input: string, clock: number): RunOutcome {
  try {
    return { outcome: "ok", value: String(runMini(parseMini(program), miniLiteral(input), clock)), ...times };
  } catch (error) {
    if (!(error instanceof MiniError)) throw error;
    const { name, message } = error;
    return { outcome: name === "SyntaxError" ? "compile-error" : "runtime-error", error: name, message, ...times };
  }
}

function analyse(program: string): AnalyseResult {
  try {
    const parsed = parseMini(program);
    const entry: AnalyseResult["entry"] = parsed.name === "f" ? [{ how: "def", line: 1, column: 1 }] : [];
    const statements = parsed.lines.length;
    return { ok: true, normalised: normaliseMini(parsed), functions: [parsed.name], entry, imports: [], names: [], statements };
  } catch (error) {
    if (!(error instanceof MiniError)) throw error;
    return { ok: false, message: error.message, normalised: "", functions: [], entry: [], imports: [], names: [], statements: 0 };
  }
}

/** Made-up measures: by lines and characters. */
function measure({ program, references }: MeasuredProgram): Measurement {
  const lines = program.trimEnd().split("\n").length;
  const other = references.filter((reference) => reference !== program).length;
  return { cognitive: lines, cyclomatic: lines, effort: 100 * program.length, volume: program.length, halstead: Math.min(1, lines / 10), distance: references.length === 0 ? null : other / references.length };
}

/** A scripted Executor over a subset of Python. */
export function fakeExecutor({ delaySeed, override, python = "none" }: FakeExecutorOptions = {}): FakeExecutor {
  const calls: FakeExecutorCall[] = [];
  const delays = delaySeed === undefined ? undefined : createRandom(delaySeed, "delay");
  const provenance: Provenance = { python, architecture: "none", layers: [] };
  let runs = 0;

  async function answer<Result>(call: FakeExecutorCall, work: () => Result): Promise<Result> {
    const index = calls.push(call) - 1;
    for (let turns = delays?.integer(5) ?? 0; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
    return (override?.(call, index) as Result | undefined) ?? work();
  }
  const executor: FakeExecutor = {
    calls,
    run: (request) =>
      answer({ method: "run", request }, () => {
        const { program, inputs, determinism = "once", errors = false } = request;
        runs += inputs.length;
        const first = inputs.map((input) => runOne(program, input, 1));
        const comparable = determinism !== "once" && first.every(({ outcome }) => outcome === "ok" || (errors && outcome === "runtime-error"));
        const again = inputs.map((input) => runOne(program, input, 2));
        const deterministic = comparable ? again.every(({ value, error }, at) => value === first[at]!.value && error === first[at]!.error) : null;
        return { runs: first, deterministic, provenance };
      }),
    parse: (request) =>
      answer({ method: "parse", request }, (): ParseResult => {
        const text = request.text.trim();
        return /^(-?\d+|\[[-\d, ]*\]|'[^']*'|None|True|False)$/.test(text) ? { ok: true, value: text } : { ok: false, message: "not a literal" };
      }),
    analyse: (program) => answer({ method: "analyse", program }, () => analyse(program)),
    measure: (programs) => answer({ method: "measure", programs }, () => programs.map(measure)),
    stats: (): ExecutorStats => ({ python, workers: 1, runs, sandboxErrors: 0, busySeconds: 0 }),
    dispose: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
  return executor;
}
