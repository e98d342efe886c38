// What a configuration names besides a model: task kinds and files of tasks. Looked at before a run has a folder, so that a
// misspelt name leaves nothing behind.
import type { Config } from "../config/index.ts";
import { readCurated } from "../curriculum/curated.ts";
import { kindNamed } from "../curriculum/kinds/registry.ts";
import { readTaskFile } from "../curriculum/task-file.ts";
import { readSeeds } from "./seeds.ts";

/** Throws what the first name that leads nowhere gives: AZR_CONFIG_INVALID for a kind, AZR_INPUT_INVALID for a file. */
export async function checkSources({ kinds, curriculum }: Config): Promise<void> {
  kinds.forEach(kindNamed);
  await readCurated(curriculum.tasks.files);
  for (const path of curriculum.heldOut) await readTaskFile(path);
  if (curriculum.seedFile !== "") await readSeeds(curriculum.seedFile);
}
