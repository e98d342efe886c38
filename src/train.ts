// The library's front door to a run: `train` begins one, `resume` goes on with one. Both give a Run at once, which reports by events and
// ends in a result. No process handlers are installed here: signals are the caller's (see src/cli).
import { resolve } from "node:path";
import { type Config, type ConfigInput, configHash, type ResolvedConfig, resolveConfig } from "./config/index.ts";
import { isTree } from "./config/tree.ts";
import { checkSources } from "./run/check-sources.ts";
import { createRunFolder, type OpenedRun } from "./run/folder.ts";
import { type LogName, selfPlayForm } from "./run/form.ts";
import { type GivenParts, openParts, pinnedModel, settledModel } from "./run/open-parts.ts";
import { reopenRun } from "./run/reopen.ts";
import type { OwnOversight } from "./run/oversee.ts";
import { requireReview } from "./run/review.ts";
import { rollingBack } from "./run/roll-back.ts";
import { type LoopState, type RunResult, runSession } from "./run/session.ts";
import { type Run as RunOf, type RunOptions, startRun as start } from "./run/start-run.ts";

export type { RunResult } from "./run/session.ts";

export interface TrainOptions extends GivenParts, RunOptions, OwnOversight {}

export interface ResumeOptions extends TrainOptions {
  /** Settings to change on going on: those that change no result (steps, timeBudgetSeconds, run, workers ...). */
  change?: ConfigInput;
  /** The same as texts: `run.keepCheckpoints=5`. */
  set?: string[];
  /** Name of an earlier checkpoint to go on from (`step-000120`); the default is the latest. Later ones are kept as NAME.set-aside. */
  checkpoint?: string;
  /** Somebody has looked at what oversight paused the run for; without it a paused run does not go on. */
  reviewed?: boolean;
}

export type Run = RunOf<RunResult>;

const isResolved = (config: ConfigInput | ResolvedConfig): config is ResolvedConfig => isTree(config) && "origins" in config && "hash" in config;

/** The configuration with its paths made absolute, so that the run can be gone on with from anywhere. */
function settle(config: Config): Config {
  const { heldOut, seedFile, tasks } = config.curriculum;
  const absolute = (paths: string[]) => paths.map((path) => resolve(path));
  const curriculum = { ...config.curriculum, heldOut: absolute(heldOut), seedFile: seedFile === "" ? "" : resolve(seedFile), tasks: { ...tasks, files: absolute(tasks.files) } };
  const { kl } = config.update;
  const update = { ...config.update, kl: { ...kl, reference: kl.reference === "" ? "" : settledModel(kl.reference) } };
  return { ...config, model: settledModel(config.model), curriculum, update };
}

/**
 * Begins a run in a new folder. The configuration may be partial; the environment and files are not read here (see `loadConfig`).
 * @throws AzrError AZR_CONFIG_INVALID for a wrong configuration, at once; all other failures come by `result`
 */
export function train(config: ConfigInput | ResolvedConfig = {}, options: TrainOptions = {}): Run {
  const resolved = isResolved(config) ? config : resolveConfig({ argument: config });
  const settled = settle(resolved.config);
  return startRun(settled, options, async () => {
    const { kl } = settled.update;
    const reference = kl.reference === "" ? "" : await pinnedModel(kl.reference);
    const pinned = { ...settled, model: await pinnedModel(settled.model), update: { ...settled.update, kl: { ...kl, reference } } };
    const folder = await createRunFolder(selfPlayForm, { config: pinned, origins: resolved.origins, hash: configHash(pinned) }, options.disk);
    return { folder, config: pinned, checkpoint: undefined, journal: [], audit: [] };
  });
}

/**
 * Goes on with a run from its latest checkpoint (from the start when it has none). Equal to a run that was never interrupted, line by
 * line of metrics.jsonl. All failures come by `result`: AZR_RUN_FOLDER, AZR_CHECKPOINT_CORRUPT, AZR_CHECKPOINT_INCOMPATIBLE ...
 */
export function resume(dir: string, options: ResumeOptions = {}): Run {
  return startRun(undefined, options, async () => {
    const { disk, checkpoint, change, set = [], reviewed = false } = options;
    const given = change !== undefined || set.length > 0;
    const settings = (there: Config): Config => resolveConfig({ file: { path: `${dir}/config.json`, values: there }, set, ...(change && { argument: change }) }).config;
    const checkState = ({ oversight }: LoopState) => requireReview(dir, oversight, reviewed);
    return reopenRun<LoopState, Config, LogName>(selfPlayForm, dir, { disk, checkpoint, checkState, settings: given ? settings : undefined });
  });
}

function startRun(planned: Config | undefined, options: TrainOptions, open: () => Promise<OpenedRun<LoopState, Config>>): Run {
  return start(options, async (stage) => {
    // What cannot be read or opened leaves no folder behind.
    if (planned !== undefined) await checkSources(planned);
    const early = planned && stage.closeLater(await openParts(planned, options));
    const opened = await open();
    stage.enter(opened.folder);
    const { engine, proposer, reference, executor, tokenizer, stopTokens } = early ?? stage.closeLater(await openParts(opened.config, options));
    const { publisher, control, signal, clock, endsOrderly } = stage;
    const { monitors, classifier } = options;
    const session = { engine, proposer, reference, executor, codec: tokenizer, stopTokens, publisher, control, signal, clock, endsOrderly, monitors, classifier };
    const rolling = { ...stage, form: selfPlayForm, disk: options.disk, done: opened.checkpoint?.state.rollBacks ?? 0 };
    return rollingBack(opened, rolling, (from, rollBacks) => runSession({ ...from, ...session, rollBacks, configHash: configHash(from.config) }));
  });
}
