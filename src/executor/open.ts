// openExecutor: the real Executor. It finds a Python and the native files, and turns requests into supervisor requests,
// with the rules that no process below can decide: what counts as deterministic, what is retried, what is refused unsent.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { AzrError } from "../errors.ts";
import { nativeFolder } from "../../scripts/native-location.mjs";
import type { Executor, Limits, RunOutcome, RunRequest, RunResult } from "./executor.ts";
import { parseValue } from "./parse-value.ts";
import { findPython } from "./find-python.ts";
import {
  decodeAnalyseReply, decodeParseReply, decodeRunReply, encodeAnalyse, encodeParse, encodeRun, frameKinds, type WireRun,
} from "./protocol.ts";
import { connectSupervisor } from "./supervisor-client.ts";

export interface ExecutorOptions {
  /** Python that runs the programs, 3.11 or newer: a path or a name on PATH. Default: AZR_PYTHON, else python3. */
  python?: string;
  /** Runs at a time. Default: the cores there are. */
  workers?: number;
  /** What holds where a request does not say otherwise. */
  limits?: Partial<Limits>;
  /** Folder with azr-executor and azr-zygote.so. Default: where the build put them. */
  folder?: string;
}

/** 1 s of processor time, 3 s of wall time, 256 MiB, 64 KiB of result, 64 KiB of source. */
export const defaultLimits: Readonly<Limits> = {
  cpuMs: 1000, wallMs: 3000, memoryBytes: 256 * 1024 * 1024, outputBytes: 64 * 1024, sourceBytes: 64 * 1024,
};

/** Times that a run which ended in `sandbox-error` is tried again. */
const sandboxRetries = 2;
const variantsByDeterminism = { once: 0, pair: 1, full: 3 } as const;
const parseAllowanceMs = 10_000;

function checkLimits(limits: Limits): Limits {
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isSafeInteger(value) && value > 0 && (name === "memoryBytes" || value <= 0xffff_ffff)) continue;
    throw new AzrError("AZR_INPUT_INVALID", `The limit ${name} must be a whole number above 0, not ${value}.`, { details: { [name]: value } });
  }
  return limits;
}

/** `ok` promises a text that the grammar reads; a program that forges the insides of a value cannot break that promise. */
function checkValue(run: RunOutcome): RunOutcome {
  if (run.value === undefined) return run;
  try {
    parseValue(run.value, { maxLength: Infinity });
    return run;
  } catch (error) {
    const { cpuMs, wallMs } = run;
    return { outcome: "unrepresentable", message: (error as Error).message.slice(0, 400), cpuMs, wallMs };
  }
}

/** Why a text cannot be sent, or undefined. */
function refusal(what: string, text: string, limits: Limits): string | undefined {
  if (/\p{Surrogate}/u.test(text)) return `the ${what} is not valid Unicode`;
  const bytes = Buffer.byteLength(text);
  return bytes > limits.sourceBytes ? `the ${what} has ${bytes} bytes; ${limits.sourceBytes} are allowed` : undefined;
}

const badRequest = (message: string): RunOutcome => ({ outcome: "bad-request", message, cpuMs: 0, wallMs: 0 });

/**
 * Starts the executor: one supervisor with its zygotes, tested before it answers. Rejects with AZR_EXECUTOR_UNAVAILABLE, naming what
 * is missing: the native files, a Python of at least 3.11, or a layer of isolation that is required.
 */
export async function openExecutor(options: ExecutorOptions = {}): Promise<Executor> {
  const ownLimits = checkLimits({ ...defaultLimits, ...options.limits });
  const workers = options.workers ?? availableParallelism();
  const folder = options.folder ?? nativeFolder();
  const python = await findPython(options.python ?? process.env.AZR_PYTHON ?? "python3");
  const client = await connectSupervisor({
    file: join(folder, "azr-executor"),
    arguments: ["--python", python, "--zygote", join(folder, "azr-zygote.so"), "--workers", String(workers)],
    startMs: 60_000,
  });
  if (client.hello().variants <= variantsByDeterminism.full) {
    await client.dispose();
    throw new AzrError("AZR_EXECUTOR_UNAVAILABLE", `The supervisor has ${client.hello().variants} zygotes; telling determinism takes 4.`, {
      hint: "Rebuild the native parts: azr build.",
    });
  }
  let runs = 0;
  let sandboxErrors = 0;

  /** One request to the supervisor; repeated while the sandbox itself fails. Throws AZR_EXECUTOR_FAILED when it goes on failing. */
  async function execute(wire: WireRun, signal: AbortSignal | undefined): Promise<RunOutcome[]> {
    const payload = encodeRun(wire);
    const allowanceMs = wire.oneFork ? wire.wallMs : wire.wallMs * wire.inputs.length;
    for (let retry = 0; ; retry += 1) {
      const reply = await client.request({ kind: frameKinds.run, payload, allowanceMs, signal });
      const outcomes = decodeRunReply(reply, wire.inputs.length);
      runs += outcomes.length;
      const failed = outcomes.filter(({ outcome }) => outcome === "sandbox-error");
      sandboxErrors += failed.length;
      if (failed.length === 0) return outcomes;
      if (retry < sandboxRetries) continue;
      throw new AzrError("AZR_EXECUTOR_FAILED", `The sandbox itself failed ${retry + 1} times: ${failed[0]!.message ?? "it gave no reason"}.`, {
        hint: "Nothing was scored. Run `azr doctor`; a machine out of memory or processes does this too.",
      });
    }
  }

  /** Whether every variant, running all inputs in one fork in reverse order, gave the values that A gave. */
  async function replaysAgree(wire: WireRun, runsOfA: RunOutcome[], variants: number, signal: AbortSignal | undefined): Promise<boolean> {
    const replay: WireRun = {
      ...wire,
      oneFork: true,
      inputs: wire.inputs.toReversed(),
      // One fork has the limit of all inputs; but a replay that needs several times what A needed is not the same run.
      cpuMs: Math.min(wire.cpuMs * wire.inputs.length, Math.ceil(wire.cpuMs + 4 * runsOfA.reduce((sum, run) => sum + run.cpuMs, 0))),
      wallMs: wire.wallMs * wire.inputs.length,
    };
    const expected = runsOfA.map(({ value }) => value).reverse();
    const replays = await Promise.all(
      Array.from({ length: variants }, (_, index) => execute({ ...replay, variant: index + 1 }, signal)),
    );
    return replays.every((outcomes) => outcomes.every((run, index) => run.outcome === "ok" && run.value === expected[index]));
  }

  async function run(request: RunRequest): Promise<RunResult> {
    const limits = checkLimits({ ...ownLimits, ...request.limits });
    const { program, inputs, determinism = "once", isolation = "input", signal } = request;
    const programRefusal = refusal("program", program, limits);
    const refusals = inputs.map((input) => programRefusal ?? refusal("input", input, limits));
    const sent = inputs.filter((_, index) => refusals[index] === undefined);
    const oneFork = isolation === "program";
    const scale = oneFork ? Math.max(sent.length, 1) : 1;
    const wire: WireRun = {
      variant: 0, oneFork, program, inputs: sent, cpuMs: limits.cpuMs * scale, wallMs: limits.wallMs * scale,
      memoryBytes: limits.memoryBytes, outputBytes: limits.outputBytes,
    };
    const answers = sent.length === 0 ? [] : (await execute(wire, signal)).map(checkValue);
    let next = 0;
    const runsOfA = refusals.map((why) => (why === undefined ? answers[next++]! : badRequest(why)));
    const comparable = runsOfA.length > 0 && runsOfA.every(({ outcome }) => outcome === "ok");
    if (determinism === "once" || !comparable) return { runs: runsOfA, deterministic: null };
    const single = { ...wire, cpuMs: limits.cpuMs, wallMs: limits.wallMs };
    return { runs: runsOfA, deterministic: await replaysAgree(single, runsOfA, variantsByDeterminism[determinism], signal) };
  }

  const executor: Executor = {
    run,
    async parse({ text, arguments: asArguments = false, signal }) {
      const why = refusal("text", text, ownLimits);
      if (why !== undefined) return { ok: false, message: why };
      const payload = encodeParse(text, asArguments);
      return decodeParseReply(await client.request({ kind: frameKinds.parse, payload, allowanceMs: parseAllowanceMs, signal }));
    },
    async analyse(program) {
      const why = refusal("program", program, ownLimits);
      if (why !== undefined) return { ok: false, message: why, normalised: "", functions: [], topLevelFunctions: [], imports: [], statements: 0 };
      const payload = encodeAnalyse(program);
      return decodeAnalyseReply(await client.request({ kind: frameKinds.analyse, payload, allowanceMs: parseAllowanceMs }));
    },
    stats() {
      const { python: version, workers: running, layers } = client.hello();
      return { python: version, workers: running, layers, runs, sandboxErrors, busySeconds: client.busySeconds() };
    },
    dispose: () => client.dispose(),
    [Symbol.asyncDispose]: () => client.dispose(),
  };
  return executor;
}

