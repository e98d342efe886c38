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
  /** Fields that config.json may leave out, as transformers fills them in for the family; where they are those of Llama, none. */
  defaults?: ConfigFields;
  /** Where config.json describes more than a language model: what that of its language model alone would say. */
  languageModel?(config: ConfigFields): ConfigFields;
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

/**
 * Windows of the layers that `layer_types` calls sliding_attention or, where config.json has no such list, that `slides` picks; `sliding_window` is
 * their length. Nothing when there are none. Throws AZR_MODEL_FORMAT for another kind of layer, or a window that is no positive whole number.
 */
export function readWindows(config: ConfigFields, { layers, maxPositions }: ModelShape, slides: (layer: number) => boolean, path: string): Pick<ModelShape, "windows"> {
  const { layer_types: given, sliding_window: window } = config;
  const hint = "Compare the file with that of the model's source.";
  const known: unknown[] = ["full_attention", "sliding_attention"];
  const types: unknown = given ?? Array.from({ length: layers }, (_, layer) => known[slides(layer) ? 1 : 0]);
  if (!Array.isArray(types) || types.length !== layers || !types.every((type) => known.includes(type))) {
    throw formatFault(`layer_types in ${path} must be ${layers} of full_attention and sliding_attention, not ${JSON.stringify(given)}.`, hint);
  }
  if (!types.includes("sliding_attention")) return {};
  if (typeof window !== "number" || !Number.isSafeInteger(window) || window < 1) {
    throw formatFault(`sliding_window in ${path} must be a positive whole number, not ${JSON.stringify(window ?? null)}.`, hint);
  }
  return { windows: types.map((type) => (type === "sliding_attention" ? Math.min(window, maxPositions) : 0)) };
}

/** The same for models that have windows only where `use_sliding_window` is true: then in all layers from `max_window_layers` on. */
export function readOptionalWindows(config: ConfigFields, shape: ModelShape, path: string): Pick<ModelShape, "windows"> {
  const window = config["use_sliding_window"] === true ? (config["sliding_window"] === undefined ? 4096 : config["sliding_window"]) : null;
  const { max_window_layers: first = 28 } = config;
  return readWindows({ ...config, sliding_window: window }, shape, (layer) => window !== null && layer >= Number(first), path);
}
