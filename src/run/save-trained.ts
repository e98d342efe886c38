// What a checkpoint keeps of an engine: the weights, or the adapters where these alone are trained. Engine.load reads both.
import type { Engine } from "../engine/engine.ts";

/** Writes the weights or the adapters into an existing folder, synced to disk. Throws AZR_RUN_FOLDER. */
export function saveTrained(engine: Pick<Engine, "saveAdapter" | "saveModel" | "stats">, folder: string): Promise<void> {
  return engine.stats().lora === undefined ? engine.saveModel(folder) : engine.saveAdapter(folder);
}
