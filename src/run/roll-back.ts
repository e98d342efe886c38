// Going back to the last good checkpoint when the numbers of a run are no longer finite, or oversight says so (`run.rollBack`). What led there would lead there
// again, so the steps after a roll-back draw from other random streams: new proposals, new answers, or data in another order. The learning
// rate stays. train.ts and sft.ts run their sessions by it.
import type { Config } from "../config/index.ts";
import { AzrError } from "../errors.ts";
import { derive } from "../random.ts";
import { latestCheckpoint, listCheckpoints } from "./checkpoint.ts";
import type { Disk } from "./disk.ts";
import { openRunFolder, type OpenedRun, type RunFolder } from "./folder.ts";
import type { FolderSettings, LogName, RunForm } from "./form.ts";
import type { Stage } from "./start-run.ts";

/** The settings that the loop works with after so many roll-backs. */
export function rolledBackConfig(config: Config, rollBacks: number): Config {
  return rollBacks === 0 ? config : { ...config, seed: derive(config.seed, "roll-back", rollBacks) };
}

/**
 * Where to go back to after this failure, or undefined where it ends the run. The latest checkpoint, or, when the run has come no further since it
 * went back to that one, the one before: its weights may be what is wrong.
 */
export async function rollBackTarget(error: unknown, dir: string, { left, lastTarget }: { left: number; lastTarget: string | undefined }): Promise<string | undefined> {
  if (left <= 0 || !AzrError.isInstance(error)) return undefined;
  // Weights that are not finite are refused on loading.
  const refused = lastTarget !== undefined && error.code === "AZR_MODEL_FORMAT";
  const watched = error.code === "AZR_OVERSIGHT" && error.details?.["action"] === "roll-back";
  if (error.code !== "AZR_NUMERICS" && !refused && !watched) return undefined;
  const latest = await latestCheckpoint(dir);
  if (latest === undefined || latest !== lastTarget) return latest;
  const all = await listCheckpoints(dir);
  return all[all.indexOf(latest) - 1] ?? latest;
}

export interface RollingBackOptions<Settings extends FolderSettings, Name extends LogName> extends Pick<Stage, "publisher" | "signal"> {
  /** As in Stage. */
  enter(folder: RunFolder<Name>): void;
  form: RunForm<Settings, Name>;
  disk: Disk | undefined;
  /** Roll-backs of earlier sittings. */
  done: number;
}

/** Runs a session, and again from the checkpoint that a failure takes the run back to, as often as `run.rollBack` allows. */
export async function rollingBack<State, Settings extends FolderSettings & { run: { rollBack: number } }, Name extends LogName, Result>(
  first: OpenedRun<State, Settings, Name>,
  { form, disk, done, publisher, signal, enter }: RollingBackOptions<Settings, Name>,
  session: (opened: OpenedRun<State, Settings, Name>, rollBacks: number) => Promise<Result>,
): Promise<Result> {
  let opened = first;
  let lastTarget: string | undefined;
  for (let rollBacks = done; ; rollBacks += 1) {
    try {
      return await session(opened, rollBacks);
    } catch (error) {
      const { folder, config } = opened;
      const target = signal.aborted ? undefined : await rollBackTarget(error, folder.dir, { left: config.run.rollBack - rollBacks, lastTarget });
      if (target === undefined) throw error;
      lastTarget = target;
      await folder.close();
      opened = await openRunFolder<State, Settings, Name>(form, folder.dir, { disk, checkpoint: target });
      enter(opened.folder);
      publisher.publish({ type: "warning", code: "ROLLED_BACK", message: `${(error as Error).message}: the run goes on from ${target} with other random choices` });
    }
  }
}
