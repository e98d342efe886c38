// openExecutor: the real Executor. It finds a Python and the native files, and turns requests into supervisor requests,
// with the rules that no process below can decide: what counts as deterministic, what is retried, what is refused unsent.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { AzrError } from "../errors.ts";
import { nativeFolder } from "../../scripts/native-location.mjs";
import type { AnalyseResult, Executor, Limits, MeasuredProgram, Measurement, Provenance, RunOutcome, RunRequest, RunResult } from "./executor.ts";
import { checkExecutorOptions, checkMeasuredPrograms, checkParseRequest, checkProgramText, checkRunRequest } from "./check-request.ts";
import { findPython, type PythonChoice } from "./find-python.ts";
import { type LayerName, layersInForce, requireLayers } from "./layers.ts";
import { defaultLimits, groupInputs, mergeLimits, refusal } from "./limits.ts";
import { valuesEqual } from "./compare-value.ts";
import { orderOfVariant } from "./order-inputs.ts";
import { parseValue } from "./parse-value.ts";
import {
  decodeAnalyseReply, decodeMeasureReply, decodeParseReply, decodeRunReply, encodeAnalyse, encodeMeasure, encodeParse, encodeRun, frameKinds, refusedAnalysis,
  type Hello, type WireRun,
} from "./protocol.ts";
import { rememberAnalyses } from "./remember-analyses.ts";
import { connectSupervisor, type SupervisorRequest } from "./supervisor-client.ts";

export interface ExecutorOptions extends PythonChoice {
  /** Layers of isolation that have to be in force beside those that always have to. Default: none. */
  require?: readonly LayerName[];
  /** Runs at a time. Default: the cores there are. */
  workers?: number;
  /** What holds where a request does not say otherwise. */
  limits?: Partial<Limits>;
  /** Folder with azr-executor and azr-zygote.so. Default: where the build put them. */
  folder?: string;
}

/** Times that a request which ended in `sandbox-error` is tried again. */
const sandboxRetries = 2;
/** Wall limits that the supervisor may spend on a run that other work keeps from its processor: ten a try, three tries. */
const wallExtensions = 30;
const variantsByDeterminism = { once: 0, pair: 1, full: 3 } as const;
const parseAllowanceMs = 100_000;
/** The child has 120 s of processor time, and 360 s that may be drawn out while others have the processor. */
const measureAllowanceMs = 3_600_000;
/** A request's texts have to fit the area of 8 MiB that it travels in. */
const mostMeasuredBytes = 7 * 2 ** 20;

const badRequest = (message: string): RunOutcome => ({ outcome: "bad-request", message, cpuMs: 0, wallMs: 0 });

/** `ok` promises a text that the grammar reads; a program that forges the insides of a value cannot break that promise. */
function checkValue(run: RunOutcome): RunOutcome {
  if (run.value === undefined) return run;
  try {
    parseValue(run.value);
    return run;
  } catch (error) {
    const { cpuMs, wallMs } = run;
    return { outcome: "unrepresentable", message: (error as Error).message.slice(0, 400), cpuMs, wallMs };
  }
}

/** What two executions of one input have to agree in: the value, or the class of the exception. */
const sameResult = (one: RunOutcome, other: RunOutcome): boolean => one.outcome === other.outcome && one.value === other.value && one.error === other.error;

/**
 * Starts the executor: one supervisor with its zygotes, tested before it answers. Rejects with AZR_EXECUTOR_UNAVAILABLE, naming what
 * is missing: the native files, a Python that will do, or a layer of isolation that is required.
 */
export async function openExecutor(options: ExecutorOptions = {}): Promise<Executor> {
  checkExecutorOptions(options);
  const ownLimits = mergeLimits(defaultLimits, options.limits);
  const workers = options.workers ?? availableParallelism();
  const folder = options.folder ?? nativeFolder();
  const python = await findPython(options);
  let provenance!: Provenance;
  const accept = (hello: Hello): void => {
    if (hello.variants <= variantsByDeterminism.full) {
      throw new AzrError("AZR_EXECUTOR_UNAVAILABLE", `The supervisor has ${hello.variants} zygotes; telling determinism takes 4.`, {
        hint: "Rebuild the native parts: azr build.",
      });
    }
    requireLayers(options.require ?? [], hello.layers);
    provenance = Object.freeze({ python: hello.python, architecture: process.arch, layers: Object.freeze(layersInForce(hello.layers)) });
  };
  const command = ["--python", python, "--zygote", join(folder, "azr-zygote.so"), "--workers", String(workers)];
  const client = await connectSupervisor({ file: join(folder, "azr-executor"), arguments: command, startMs: 60_000 }, { accept });
  let runs = 0;
  let sandboxErrors = 0;

  /** Repeats a request while the sandbox itself fails: `decode` then gives the reason as text. Throws AZR_EXECUTOR_FAILED in the end. */
  async function ask<T extends object>(request: SupervisorRequest, decode: (reply: Buffer) => T | string): Promise<T> {
    for (let retry = 0; ; retry += 1) {
      const answer = decode(await client.request(request));
      if (typeof answer !== "string") return answer;
      sandboxErrors += 1;
      if (retry < sandboxRetries) continue;
      throw new AzrError("AZR_EXECUTOR_FAILED", `The sandbox itself failed ${retry + 1} times: ${answer}.`, {
        hint: "Nothing was scored. Run `azr doctor`; a machine out of memory or processes does this too.",
      });
    }
  }

  /** The outcomes of one variant's run, in the order of the inputs. `values` are those expected, when they are known. */
  async function execute(wire: WireRun, signal: AbortSignal | undefined, values?: string[]): Promise<RunOutcome[]> {
    const groups = groupInputs(wire.inputs, { ...wire, values }).map((inputs) => ask(
      { kind: frameKinds.run, payload: encodeRun({ ...wire, inputs }), allowanceMs: wire.wallMs * inputs.length * wallExtensions, signal },
      (reply) => {
        const outcomes = decodeRunReply(reply, inputs.length);
        runs += outcomes.length;
        const failed = outcomes.find(({ outcome }) => outcome === "sandbox-error");
        return failed === undefined ? outcomes : (failed.message ?? "it gave no reason");
      },
    ));
    return (await Promise.all(groups)).flat();
  }

  /** Whether every variant, running all inputs in one fork, each in an order of its own, gave what A gave. */
  async function variantsAgree(wire: WireRun, runsOfA: RunOutcome[], variants: number, signal: AbortSignal | undefined): Promise<boolean> {
    const usedByA = runsOfA.reduce((sum, run) => sum + run.cpuMs, 0);
    async function agrees(variant: number, places: number[]): Promise<boolean> {
      const values = places.map((at) => runsOfA[at]!.value ?? "");
      const inputs = places.map((at) => wire.inputs[at]!);
      // A fork has the limit times its inputs. But a variant that needs several times what A needed is not the same run.
      const cpuMs = Math.min(wire.cpuMs, Math.ceil((wire.cpuMs + 4 * usedByA) / places.length));
      const outcomes = await execute({ ...wire, oneFork: true, cpuMs, variant, inputs }, signal, values);
      return outcomes.every((run, at) => sameResult(run, runsOfA[places[at]!]!));
    }
    const forks = Array.from({ length: variants }, (_, index) => index + 1).flatMap((variant) => {
      const order = orderOfVariant(wire.inputs.length, variant, wire.program);
      // The second one has two forks, so that a value which hangs on the company of its input in a fork shows as well.
      const half = Math.ceil(order.length / 2);
      const parts = variant === 2 && order.length > 1 ? [order.slice(0, half), order.slice(half)] : [order];
      return parts.map((places) => agrees(variant, places));
    });
    return (await Promise.all(forks)).every(Boolean);
  }

  let disposed = false;
  const analyseAfresh = async (program: string): Promise<AnalyseResult> => {
    const message = refusal("program", program, ownLimits);
    if (message !== undefined) return refusedAnalysis(message);
    return ask({ kind: frameKinds.analyse, payload: encodeAnalyse(program), allowanceMs: parseAllowanceMs }, decodeAnalyseReply);
  };
  const analyse = rememberAnalyses(analyseAfresh);

  async function measure(programs: readonly MeasuredProgram[]): Promise<(Measurement | null)[]> {
    if (programs.length === 0) return [];
    const payload = encodeMeasure(programs);
    const half = Math.ceil(programs.length / 2);
    if (payload.length > mostMeasuredBytes && half < programs.length) return [...(await measure(programs.slice(0, half))), ...(await measure(programs.slice(half)))];
    return ask({ kind: frameKinds.measure, payload, allowanceMs: measureAllowanceMs }, (reply) => decodeMeasureReply(reply, programs.length));
  }

  function dispose(): Promise<void> {
    disposed = true;
    return client.dispose();
  }

  async function run(request: RunRequest): Promise<RunResult> {
    checkRunRequest(request);
    const { sourceBytes, ...limits } = mergeLimits(ownLimits, request.limits);
    const { sourceBytes: _, ...variantLimits } = mergeLimits({ ...limits, sourceBytes }, request.variantLimits);
    const { program, inputs, determinism = "once", isolation = "input", expected, errors = false, signal } = request;
    const why = refusal("program", program, { ...limits, sourceBytes });
    const refusals = inputs.map((input) => why ?? refusal("input", input, { ...limits, sourceBytes }));
    const sent = inputs.filter((_, index) => refusals[index] === undefined);
    const wire: WireRun = { ...limits, variant: 0, oneFork: isolation === "program", program, inputs: sent };
    const answers = (await execute(wire, signal)).map(checkValue);
    let next = 0;
    const runsOfA = refusals.map((reason) => (reason === undefined ? answers[next++]! : badRequest(reason)));
    const wanted = ({ outcome, value }: RunOutcome, index: number): boolean =>
      outcome === "ok" ? expected === undefined || valuesEqual(expected[index]!, value!) : errors && outcome === "runtime-error";
    const comparable = runsOfA.length > 0 && runsOfA.every(wanted);
    const variants = comparable ? variantsByDeterminism[determinism] : 0;
    const deterministic = variants === 0 ? null : await variantsAgree({ ...wire, ...variantLimits }, runsOfA, variants, signal);
    return { runs: runsOfA, deterministic, provenance };
  }

  return {
    run,
    async parse(request) {
      const { text, arguments: asArguments = false, signal } = checkParseRequest(request);
      const message = refusal("text", text, ownLimits);
      if (message !== undefined) return { ok: false, message };
      const payload = encodeParse(text, asArguments);
      return ask({ kind: frameKinds.parse, payload, allowanceMs: parseAllowanceMs, signal }, decodeParseReply);
    },
    async analyse(program) {
      checkProgramText(program);
      // After the end nothing is answered from memory either.
      return disposed ? analyseAfresh(program) : analyse(program);
    },
    measure: async (programs) => measure(checkMeasuredPrograms(programs)),
    stats() {
      const { python: version, workers: running, layers } = client.hello();
      return { python: version, workers: running, layers, runs, sandboxErrors, busySeconds: client.busySeconds() };
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

export { defaultLimits } from "./limits.ts";
