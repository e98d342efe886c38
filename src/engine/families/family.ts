// What a family of models adds to the shape that all of them share, read from its config.json. One file each beside this one; registry.ts has
// the list, ../model-config.ts reads what is common.
import { AzrError } from "../../errors.ts";
import type { ModelShape } from "../engine.ts";

export type ConfigFields = Record<string, unknown>;

export interface ModelFamily {
  /** As `architectures` in config.json names it. */
  architecture: string;
  /** As `model_type` does, and the name of the family to people. */
  modelType: string;
  /**
   * Fields of the shape that are this family's own, given those read so far. Throws AZR_MODEL_FORMAT for settings that the engine would run
   * differently; `path` is for messages.
   */
  read(config: ConfigFields, shape: ModelShape, path: string): Partial<ModelShape>;
}

/** The error for a model that cannot be run as its config.json says. */
export function formatFault(message: string, hint: string): AzrError {
  return new AzrError("AZR_MODEL_FORMAT", message, { hint });
}

/** Throws AZR_MODEL_FORMAT when one of these fields is true. */
export function refuseFields(config: ConfigFields, names: string[], path: string): void {
  const found = names.find((name) => config[name] === true);
  if (found !== undefined) throw formatFault(`${path} sets ${found}, which is not supported.`, "Use a model of the family without it; most have none.");
}
