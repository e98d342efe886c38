// The curated tasks of a sitting: read anew each time, and held against what the run began with.
import { type Curated, openCurated } from "../curriculum/curated.ts";
import type { LoopContext } from "../curriculum/step-context.ts";
import { AzrError } from "../errors.ts";
import type { Executor } from "../executor/executor.ts";

export interface OpenCuratedOptions {
  loop: LoopContext;
  /** The settings of the run, its share of self-play not taken out yet. */
  config: LoopContext["config"];
  /** Checks the tasks, outside the journal. */
  executor: Executor;
  /** What the checkpoint says that the files held; undefined for a run that begins. */
  before: string | undefined;
}

/** @throws AzrError what `openCurated` throws; AZR_CHECKPOINT_INCOMPATIBLE when the files hold other tasks than the run began with */
export async function openRunCurated({ loop, config, executor, before }: OpenCuratedOptions): Promise<Curated | undefined> {
  const curated = await openCurated({ ...loop, config, executor }, { check: before === undefined });
  if (curated === undefined) return undefined;
  if (before !== undefined && before !== curated.checksum) {
    throw new AzrError("AZR_CHECKPOINT_INCOMPATIBLE", `The files of curriculum.tasks do not hold what the run began with (${curated.checksum} instead of ${before})`, {
      hint: "Restore the files, or start a new run from this one's model: azr train --model RUN",
    });
  }
  if (curated.tooLong > 0) {
    loop.emit({ type: "warning", code: "CURATED_TOO_LONG", message: `${curated.tooLong} curated tasks leave the model no room for an answer and are left out` });
  }
  return curated;
}
