// How models stretch the rotary embedding to longer contexts: numbers that divide its frequencies, one for each pair of a head's values.
// Used by model-config.ts; native code applies them.
import { formatFault, type ConfigFields } from "./families/family.ts";

interface Rope {
  headSize: number;
  theta: number;
}

const hint = "Supported are plain rotary embeddings, and those scaled the ways named linear and llama3.";

/** Far above any model; a list of factors is made for each pair of a head. */
const largestHalf = 2048;

/**
 * The factors that `rope_scaling` or `rope_parameters` of a config.json ask for, or undefined where there is no scaling. `rope_factors` gives
 * them outright, as GGUF files do. Llama 3.1 (type llama3): frequencies with wavelengths above the original context are divided by `factor`, those
 * well below it are kept, and between them it goes over smoothly (transformers, modeling_rope_utils.py).
 * @throws AzrError AZR_MODEL_FORMAT for another type, or numbers that make no sense
 */
export function ropeFactors(config: ConfigFields, { headSize, theta }: Rope, path: string): number[] | undefined {
  const half = headSize / 2;
  if (half > largestHalf) throw formatFault(`${path} has heads of ${headSize} values, beyond what any model has.`, hint);
  const explicit = config["rope_factors"];
  if (explicit !== undefined && explicit !== null) {
    if (Array.isArray(explicit) && explicit.length === half && explicit.every((factor) => Number.isFinite(factor) && factor > 0)) return explicit as number[];
    throw formatFault(`${path} has rotary factors that are not ${half} positive numbers.`, hint);
  }
  // Newer files keep all rotary settings in one object; "default" there means no scaling.
  const scaling = (config["rope_parameters"] ?? config["rope_scaling"]) as ConfigFields | null | undefined;
  const type = scaling?.["rope_type"] ?? scaling?.["type"] ?? "default";
  const share = scaling?.["partial_rotary_factor"] ?? config["partial_rotary_factor"] ?? 1;
  if (share !== 1) throw formatFault(`${path} turns only a part of each head (partial_rotary_factor ${JSON.stringify(share)}), which is not supported.`, hint);
  if (type === "default") return undefined;

  function positive(key: string): number {
    const value = scaling![key];
    if (typeof value === "number" && value > 0 && Number.isFinite(value)) return value;
    throw formatFault(`${key} of the rotary scaling in ${path} must be a positive number, not ${JSON.stringify(value ?? null)}.`, hint);
  }

  if (type === "linear") return new Array<number>(half).fill(positive("factor"));
  if (type !== "llama3") throw formatFault(`${path} scales its rotary embeddings by ${JSON.stringify(type)}, which is not supported.`, hint);
  const [factor, low, high, context] = [positive("factor"), positive("low_freq_factor"), positive("high_freq_factor"), positive("original_max_position_embeddings")];
  if (high <= low) throw formatFault(`high_freq_factor of the rotary scaling in ${path} must be above low_freq_factor.`, hint);
  return Array.from({ length: half }, (_, pair) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * pair) / headSize);
    if (wavelength < context / high) return 1;
    if (wavelength > context / low) return factor;
    const kept = (context / wavelength - low) / (high - low);
    return 1 / ((1 - kept) / factor + kept);
  });
}
