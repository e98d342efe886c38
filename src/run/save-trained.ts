// What a checkpoint keeps of an engine: the weights, or the adapters where these alone are trained. Engine.load reads both.
import type { Engine } from "../engine/engine.ts";

/** Writes the weights or the adapters into an existing folder, synced to disk. Throws AZR_RUN_FOLDER. */
export function saveTrained(engine: Pick<Engine, "saveAdapter" | "saveModel" | "stats">, folder: string): Promise<void> {
  return engine.stats().lora === undefined ? engine.saveModel(folder) : engine.saveAdapter(folder);
}

/** The same with the optimizer's moments: all that `Engine.load` needs to go on. Throws AZR_RUN_FOLDER. */
export async function saveState(engine: Pick<Engine, "saveAdapter" | "saveModel" | "saveOptimizer" | "stats">, folder: string): Promise<void> {
  await saveTrained(engine, folder);
  await engine.saveOptimizer(folder);
}
