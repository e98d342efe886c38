// The library's front door to a run: `train` begins one, `resume` goes on with one. Both give a Run at once, which reports by events and
// ends in a result. No process handlers are installed here: signals are the caller's (see src/cli).
import { resolve } from "node:path";
import { type Config, type ConfigInput, configHash, incompatibleSettings, type ResolvedConfig, resolveConfig } from "./config/index.ts";
import { AzrError } from "./errors.ts";
import type { RunEvent, Sink } from "./events.ts";
import { checkSources } from "./run/check-sources.ts";
import { createEventStream } from "./run/event-stream.ts";
import { createRunFolder, openRunFolder, rewriteRunConfig, type OpenedRun } from "./run/folder.ts";
import { type GivenParts, openParts, pinnedModel, settledModel } from "./run/open-parts.ts";
import { createPublisher } from "./run/publisher.ts";
import { type Control, type LoopState, type RunResult, runSession } from "./run/session.ts";
import type { Disk } from "./run/disk.ts";

export type { RunResult } from "./run/session.ts";

export interface TrainOptions extends GivenParts {
  /** Aborts at once: `result` rejects with AZR_ABORTED, the signal's reason as its cause. For an orderly end use `stop()`. */
  signal?: AbortSignal;
  /** Each receives every event; a slow one slows the run. */
  sinks?: readonly Sink[];
  onEvent?: (event: RunEvent) => void;
  /** File operations of the run folder; for tests. */
  disk?: Disk;
}

export interface ResumeOptions extends TrainOptions {
  /** Settings to change on going on: those that change no result (steps, timeBudgetSeconds, run, workers ...). */
  change?: ConfigInput;
}

export interface Run extends AsyncIterable<RunEvent> {
  /** Settles when the run has ended and all is on disk. Rejects with an AzrError. */
  readonly result: Promise<RunResult>;
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

const isResolved = (config: ConfigInput | ResolvedConfig): config is ResolvedConfig => "origins" in config && "hash" in config;

/** The configuration with its paths made absolute, so that the run can be gone on with from anywhere. */
function settle(config: Config): Config {
  const { heldOut, seedFile } = config.curriculum;
  const curriculum = { ...config.curriculum, heldOut: heldOut.map((path) => resolve(path)), seedFile: seedFile === "" ? "" : resolve(seedFile) };
  return { ...config, model: settledModel(config.model), curriculum };
}

/**
 * Begins a run in a new folder. The configuration may be partial; the environment and files are not read here (see `loadConfig`).
 * @throws AzrError AZR_CONFIG_INVALID for a wrong configuration, at once; all other failures come by `result`
 */
export function train(config: ConfigInput | ResolvedConfig = {}, options: TrainOptions = {}): Run {
  const resolved = isResolved(config) ? config : resolveConfig({ argument: config });
  const settled = settle(resolved.config);
  return startRun(settled, options, async () => {
    const pinned = { ...settled, model: await pinnedModel(settled.model) };
    const folder = await createRunFolder({ config: pinned, origins: resolved.origins, hash: configHash(pinned) }, options.disk);
    return { folder, config: pinned, checkpoint: undefined, journal: [] };
  });
}

/**
 * Goes on with a run from its latest checkpoint (from the start when it has none). Equal to a run that was never interrupted, line by
 * line of metrics.jsonl. All failures come by `result`: AZR_RUN_FOLDER, AZR_CHECKPOINT_CORRUPT, AZR_CHECKPOINT_INCOMPATIBLE ...
 */
export function resume(dir: string, options: ResumeOptions = {}): Run {
  return startRun(undefined, options, async () => {
    const opened = await openRunFolder<LoopState>(dir, options.disk);
    if (options.change === undefined) return opened;
    try {
      const { config } = resolveConfig({ file: { path: `${dir}/config.json`, values: opened.config }, argument: options.change });
      const differing = incompatibleSettings(opened.config, config);
      if (differing.length > 0) {
        throw new AzrError("AZR_CHECKPOINT_INCOMPATIBLE", `A run cannot be resumed with other values of ${differing.join(", ")}`, {
          hint: "Leave these settings as they were, or start a new run from this one's model: --set model=RUN.",
          details: { settings: differing },
        });
      }
      await rewriteRunConfig(opened.folder.dir, config, options.disk);
      return { ...opened, config };
    } catch (error) {
      await opened.folder.close();
      throw error;
    }
  });
}

function aborted(signal: AbortSignal): AzrError {
  return new AzrError("AZR_ABORTED", "The run was aborted", { hint: "Go on with it by `azr resume`.", cause: signal.reason });
}

function startRun(planned: Config | undefined, options: TrainOptions, open: () => Promise<OpenedRun<LoopState>>): Run {
  const stream = createEventStream();
  const publisher = createPublisher({ sinks: options.sinks ?? [], onEvent: options.onEvent, stream });
  const orderly = new AbortController();
  const signal = options.signal === undefined ? orderly.signal : AbortSignal.any([options.signal, orderly.signal]);
  const control: Control = { stopping: false, checkpoints: [], step: 0 };
  let phase: Run["state"]["phase"] = "starting";
  let dir: string | undefined;

  async function perform(): Promise<RunResult> {
    // Not before the caller holds the Run.
    await Promise.resolve();
    if (options.signal?.aborted) throw aborted(options.signal);
    // What cannot be read or opened leaves no folder behind.
    if (planned !== undefined) await checkSources(planned);
    const early = planned && (await openParts(planned, options));
    let parts = early;
    let opened: OpenedRun<LoopState> | undefined;
    try {
      opened = await open();
      const { folder, config } = opened;
      dir = folder.dir;
      parts ??= await openParts(config, options);
      publisher.attach(folder.logs.events);
      if (phase === "starting") phase = "running";
      const { engine, proposer, executor, tokenizer, stopTokens } = parts;
      const session = { engine, proposer, executor, codec: tokenizer, stopTokens, publisher, control, signal, clock: () => performance.now() / 1000 };
      const orderlyEnd = () => orderly.signal.aborted && !options.signal?.aborted;
      const result = await runSession({ ...opened, ...session, configHash: configHash(config), endsOrderly: orderlyEnd });
      publisher.publish({ type: "run-end", status: result.status });
      await publisher.settled();
      await folder.close();
      return result;
    } catch (error) {
      const failure = explain(error);
      const { code, message, hint } = failure;
      publisher.publish({ type: "run-end", status: "failed", error: { code, message, ...(hint === undefined ? {} : { hint }) } });
      throw failure;
    } finally {
      await publisher.close();
      // After a failure the folder may fail to close for the same reason; the first failure is the one to report.
      await Promise.allSettled([opened?.folder.close(), parts?.close()]);
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
      return dir;
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
