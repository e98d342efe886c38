// The journal: every answer of the executor is appended to journal.jsonl before the run uses it. A run that goes on after a kill
// reads back the answers of the steps that were cut off, so that no verdict can come out differently the second time. Within a
// step the journal also answers a repeated question without asking the executor again.
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { AnalyseResult, Executor, Measurement, ParseRequest, ParseResult, Provenance, RunRequest, RunResult } from "../executor/executor.ts";
import type { AppendLog } from "./append-log.ts";

type Call = "run" | "parse" | "analyse" | "measure";
type Result = RunResult | ParseResult | AnalyseResult | (Measurement | null)[];

/** One line of journal.jsonl. */
export interface JournalEntry {
  step: number;
  call: Call;
  /** Hash of the request: program, inputs, limits, mode. */
  key: string;
  result: Omit<RunResult, "provenance"> | Exclude<Result, RunResult>;
  /** What stood around this run and those on the lines after it. Told by the first run of a step, and by one before which it changed. */
  provenance?: Provenance;
}

export interface JournaledExecutor extends Executor {
  /** Tells which step the following requests belong to, unless they say; answers of earlier steps are forgotten. */
  beginStep(step: number): void;
  /** The same executor for the requests of one step, this or the next. */
  ofStep(step: number): Executor;
  /** Requests since the start that were answered from the journal or from an equal request of the same step. */
  repeated(): number;
}

/** Programs whose analysis is kept from step to step. It is a function of the text alone, so it needs no line a step. */
const keptAnalyses = 8192;

const requestKey = (call: Call, request: unknown): string =>
  createHash("sha256").update(JSON.stringify([call, request])).digest("hex").slice(0, 24);

/**
 * The entries after a byte offset, and the offset at which they end. A last line that a kill cut off is left out.
 * Entries are few enough to hold: those of the steps since the last checkpoint.
 */
export async function readJournal(path: string, from: number): Promise<{ entries: JournalEntry[]; end: number }> {
  const handle = await open(path, "r").catch(() => undefined);
  if (handle === undefined) return { entries: [], end: 0 };
  try {
    const size = (await handle.stat()).size;
    const start = Math.min(from, size);
    const bytes = Buffer.alloc(size - start);
    await handle.read(bytes, 0, bytes.length, start);
    const end = bytes.lastIndexOf(0x0a) + 1;
    const entries: JournalEntry[] = [];
    let position = 0;
    for (const line of bytes.subarray(0, end).toString("utf8").split("\n")) {
      if (line === "") continue;
      try {
        entries.push(JSON.parse(line) as JournalEntry);
      } catch {
        // A torn line in the middle (the machine lost power between two writes): nothing after it can be trusted.
        return { entries, end: start + position };
      }
      position += Buffer.byteLength(line) + 1;
    }
    return { entries, end: start + end };
  } finally {
    await handle.close();
  }
}

/** Wraps an executor so that its answers go through the journal. Disposal of the wrapper leaves the executor open. */
export function journaledExecutor(executor: Executor, log: AppendLog, recorded: JournalEntry[] = []): JournaledExecutor {
  const earlier = new Map<number, Map<string, Result>>();
  let around: Provenance | undefined;
  for (const { step, call, key, result, provenance = around } of recorded) {
    around = provenance;
    const ofStep = earlier.get(step) ?? new Map<string, Result>();
    earlier.set(step, ofStep.set(call + key, call === "run" ? ({ ...result, provenance } as RunResult) : (result as Result)));
  }
  /** What the last line of a run told, and for which step. */
  let told: { step: number; provenance: Provenance } | undefined;
  let step = 0;
  const answers = new Map<number, Map<string, Promise<unknown>>>();
  let repeats = 0;
  const analyses = new Map<string, Promise<AnalyseResult>>();

  function analyse(ofStep: number, program: string): Promise<AnalyseResult> {
    const known = analyses.get(program);
    if (known !== undefined) repeats += 1;
    const analysis = known ?? ask(ofStep, "analyse", program, () => executor.analyse(program));
    // What was used longest ago is first, and leaves first.
    analyses.delete(program);
    analyses.set(program, analysis);
    if (analyses.size > keptAnalyses) analyses.delete(analyses.keys().next().value!);
    if (known === undefined) analysis.catch(() => analyses.delete(program));
    return analysis;
  }

  function entry(ofStep: number, call: Call, key: string, result: Result): JournalEntry {
    if (!("provenance" in result)) return { step: ofStep, call, key, result };
    const { provenance, ...rest } = result;
    const known = told?.step === ofStep && told.provenance === provenance;
    told = { step: ofStep, provenance };
    return { step: ofStep, call, key, result: rest, ...(known ? {} : { provenance }) };
  }

  function ask<One extends Result>(ofStep: number, call: Call, request: object | string, work: () => Promise<One>): Promise<One> {
    const key = requestKey(call, request);
    const asked = answers.get(ofStep) ?? new Map<string, Promise<unknown>>();
    answers.set(ofStep, asked);
    const known = asked.get(call + key);
    if (known !== undefined) {
      repeats += 1;
      return known as Promise<One>;
    }
    const before = earlier.get(ofStep)?.get(call + key);
    const answer = before === undefined ? record() : Promise.resolve(before as One);
    if (before !== undefined) repeats += 1;
    asked.set(call + key, answer);
    return answer;

    async function record(): Promise<One> {
      try {
        const result = await work();
        log.append(entry(ofStep, call, key, result));
        await log.flush();
        return result;
      } catch (error) {
        // A failure is no verdict: the next request asks again.
        asked.delete(call + key);
        throw error;
      }
    }
  }

  /** `at` tells whose step a request is. */
  const face = (at: () => number): Executor => ({
    run: ({ signal, ...request }: RunRequest) => ask(at(), "run", request, () => executor.run(signal ? { ...request, signal } : request)),
    parse: ({ signal, ...request }: ParseRequest) => ask(at(), "parse", request, () => executor.parse(signal ? { ...request, signal } : request)),
    analyse: (program) => analyse(at(), program),
    measure: (programs) => ask(at(), "measure", programs, () => executor.measure(programs)),
    stats: () => executor.stats(),
    dispose: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  });

  return {
    beginStep(next) {
      step = next;
      for (const past of [answers, earlier]) for (const known of past.keys()) if (known < next) past.delete(known);
    },
    ofStep: (one) => face(() => one),
    repeated: () => repeats,
    ...face(() => step),
  };
}
