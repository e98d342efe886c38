// Going back to the last good checkpoint when the numbers of a run are no longer finite (`run.rollBack`). What led there would lead there
// again, so the steps after a roll-back draw from other random streams: new proposals, new answers. The learning rate stays.
import type { Config } from "../config/index.ts";
import { AzrError } from "../errors.ts";
import { derive } from "../random.ts";
import { latestCheckpoint, listCheckpoints } from "./checkpoint.ts";

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
  if (error.code !== "AZR_NUMERICS" && !refused) return undefined;
  const latest = await latestCheckpoint(dir);
  if (latest === undefined || latest !== lastTarget) return latest;
  const all = await listCheckpoints(dir);
  return all[all.indexOf(latest) - 1] ?? latest;
}
