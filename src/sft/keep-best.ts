// The model of the best measurement (validation.keepBest), in the folder `best` of a run. Measurements after a checkpoint come again when the run is cut
// off and resumed, or do not: so the model that the last checkpoint knows stays until the next one, aside, as `best-step-000002`.
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Engine } from "../engine/engine.ts";
import { checkpointName } from "../run/checkpoint.ts";
import type { Disk } from "../run/disk.ts";
import { saveTrained } from "../run/save-trained.ts";

const asideFolder = (dir: string, step: number): string => join(dir, `best-${checkpointName(step)}`);

/** Where the model lies that was measured best in this step. */
export function bestFolder(dir: string, step: number): string {
  const aside = asideFolder(dir, step);
  return existsSync(aside) ? aside : join(dir, "best");
}

export interface KeepBest {
  /** Keeps the model as it is now. */
  keep(): Promise<void>;
  /** A checkpoint is whole that knows of this step's measurement as the best. */
  settle(step: number | undefined): Promise<void>;
}

/** `known`: the step that the checkpoint names which the run goes on from. */
export function createKeepBest(engine: Engine, dir: string, disk: Disk, known: number | undefined): KeepBest {
  const path = join(dir, "best");
  let last = known;
  const moveTo = async (from: string, to: string) => {
    await rm(to, { recursive: true, force: true });
    await rename(from, to);
  };
  return {
    async keep() {
      const temporary = `${path}.${process.pid}.tmp`;
      await disk.makeFolder(temporary);
      await saveTrained(engine, temporary);
      // Where it is aside already, a kill came after that.
      if (last !== undefined && existsSync(path) && !existsSync(asideFolder(dir, last))) await rename(path, asideFolder(dir, last));
      await moveTo(temporary, path);
    },
    async settle(step) {
      if (last !== undefined && existsSync(asideFolder(dir, last))) {
        if (step === last) await moveTo(asideFolder(dir, last), path);
        else await rm(asideFolder(dir, last), { recursive: true });
      }
      last = step;
    },
  };
}
