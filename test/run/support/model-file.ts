// A model for checkpoints to hold: one short text.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Writes the model into the folder of a checkpoint. */
export const model = (text: string) => async (folder: string) => writeFile(join(folder, "model.safetensors"), text);
