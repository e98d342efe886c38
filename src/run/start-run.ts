// The life of a run, whatever it does: events and sinks, orderly stops and aborts, how a failure is told, and that everything opened on
// the way is closed. train.ts and sft.ts give the work; what they return is a Run.
import { AzrError } from "../errors.ts";
import type { RunEvent, RunStatus, Sink } from "../events.ts";
import type { Disk } from "./disk.ts";
import { createEventStream } from "./event-stream.ts";
import { createPublisher, type Publisher } from "./publisher.ts";

export interface RunOptions {
  /** Aborts at once: `result` rejects with AZR_ABORTED, the signal's reason as its cause. For an orderly end use `stop()`. */
  signal?: AbortSignal;
  /** Each receives every event; a slow one slows the run. */
  sinks?: readonly Sink[];
  onEvent?: (event: RunEvent) => void;
  /** File operations of the run folder; for tests. */
  disk?: Disk;
}

export interface Run<Result> extends AsyncIterable<RunEvent> {
  /** Settles when the run has ended and all is on disk. Rejects with an AzrError. */
  readonly result: Promise<Result>;
  readonly state: { readonly phase: "starting" | "running" | "stopping" | "ended"; readonly step: number };
  /** The run folder; undefined until it is made (see the `run-start` event). */
  readonly dir: string | undefined;
  /**
   * Ends the run in order, with a checkpoint: after the step under way (`step`, the default), or at once, giving that step up (`now`).
   * Resolves when the run has ended.
   */
  stop(options?: { when?: "step" | "now" }): Promise<void>;
  /** Writes a checkpoint at the end of the step under way and resolves with its folder. */
  checkpoint(): Promise<string>;
  /** `stop({ when: "now" })`; never rejects. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a run and its work tell each other. */
export interface Control {
  /** Stop after the step under way. */
  stopping: boolean;
  /** Waiting calls of `Run.checkpoint()`. */
  checkpoints: { resolve(path: string): void; reject(error: unknown): void }[];
  /** The last finished step. */
  step: number;
}

/** What the work of a run has to do with. */
export interface Stage {
  publisher: Publisher;
  control: Control;
  /** Fires for an abort and for an orderly end at once. */
  signal: AbortSignal;
  /** Whether the signal means an orderly end (`stop({ when: "now" })`) and not an abort. */
  endsOrderly(): boolean;
  /** Seconds from any fixed point. */
  clock(): number;
  /** The folder is there: from now on events go into its log, and it is closed at the end. */
  enter(folder: { dir: string; logs: { events: Parameters<Publisher["attach"]>[0] }; close(): Promise<void> }): void;
  /** Closes it at the end, whatever the end. Returns it. */
  closeLater<Part extends { close(): Promise<void> }>(part: Part): Part;
}

function aborted(signal: AbortSignal): AzrError {
  return new AzrError("AZR_ABORTED", "The run was aborted", { hint: "Go on with it by `azr resume`.", cause: signal.reason });
}

/** Starts the work and gives its Run at once. No process handlers are installed: signals are the caller's. */
export function startRun<Result extends { status: RunStatus }>(options: RunOptions, work: (stage: Stage) => Promise<Result>): Run<Result> {
  const stream = createEventStream();
  const publisher = createPublisher({ sinks: options.sinks ?? [], onEvent: options.onEvent, stream });
  const orderly = new AbortController();
  const signal = options.signal === undefined ? orderly.signal : AbortSignal.any([options.signal, orderly.signal]);
  const control: Control = { stopping: false, checkpoints: [], step: 0 };
  let phase: Run<Result>["state"]["phase"] = "starting";
  let folder: { dir: string; close(): Promise<void> } | undefined;
  const parts: { close(): Promise<void> }[] = [];
  const stage: Stage = {
    publisher,
    control,
    signal,
    endsOrderly: () => orderly.signal.aborted && !options.signal?.aborted,
    clock: () => performance.now() / 1000,
    enter(entered) {
      folder = entered;
      publisher.attach(entered.logs.events);
      if (phase === "starting") phase = "running";
    },
    closeLater(part) {
      parts.push(part);
      return part;
    },
  };

  async function perform(): Promise<Result> {
    // Not before the caller holds the Run.
    await Promise.resolve();
    if (options.signal?.aborted) throw aborted(options.signal);
    try {
      const result = await work(stage);
      publisher.publish({ type: "run-end", status: result.status });
      await publisher.settled();
      await folder?.close();
      return result;
    } catch (error) {
      const failure = explain(error);
      const { code, message, hint } = failure;
      publisher.publish({ type: "run-end", status: "failed", error: { code, message, ...(hint === undefined ? {} : { hint }) } });
      throw failure;
    } finally {
      await publisher.close();
      // After a failure the folder may fail to close for the same reason; the first failure is the one to report.
      await Promise.allSettled([folder?.close(), ...parts.map((part) => part.close())]);
    }
  }
  function explain(error: unknown): AzrError {
    if (options.signal?.aborted && (!AzrError.isInstance(error) || error.code === "AZR_ABORTED")) return aborted(options.signal);
    if (AzrError.isInstance(error)) return error;
    const hint = "This is a fault of the package: please report it with the text above.";
    return new AzrError("AZR_INTERNAL", `The run failed unexpectedly: ${(error as Error)?.message ?? String(error)}`, { hint, cause: error });
  }
  const result = perform();
  const ended = result.then(
    () => end(),
    (error: unknown) => end(error),
  );
  function end(error?: unknown): void {
    phase = "ended";
    const late = new AzrError("AZR_DISPOSED", "The run has ended", { hint: "Ask for a checkpoint while it runs.", cause: error });
    for (const { reject } of control.checkpoints.splice(0)) reject(late);
    stream.end(error);
  }

  return {
    result,
    get state() {
      return { phase, step: control.step };
    },
    get dir() {
      return folder?.dir;
    },
    async stop({ when = "step" } = {}) {
      if (phase !== "ended") phase = "stopping";
      control.stopping = true;
      if (when === "now") orderly.abort(new AzrError("AZR_ABORTED", "The run was stopped"));
      await result;
    },
    checkpoint: () =>
      new Promise((resolve, reject) => {
        if (phase === "ended") reject(new AzrError("AZR_DISPOSED", "The run has ended", { hint: "Its last checkpoint is in `result`." }));
        else control.checkpoints.push({ resolve, reject });
      }),
    [Symbol.asyncIterator]: () => stream.iterate(),
    async [Symbol.asyncDispose]() {
      orderly.abort(new AzrError("AZR_ABORTED", "The run was disposed"));
      control.stopping = true;
      await ended;
    },
  };
}
