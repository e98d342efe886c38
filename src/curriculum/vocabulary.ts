// Whether a model's vocabulary can carry the tasks of a format: the compact format names roles and blocks by tokens of their own, and where
// one is missing the model would be fed its letters, which mean nothing to it.
import { AzrError } from "../errors.ts";
import type { Format } from "./format.ts";
import type { TextCodec } from "./sample.ts";

/** Throws AZR_CONFIG_INVALID, naming the first kind with a marker that is no single token of the vocabulary. */
export function checkVocabulary(format: Format, kinds: Iterable<string>, codec: TextCodec): void {
  const isToken = (marker: string): boolean => {
    const tokens = codec.encode(marker);
    return tokens.length === 1 && codec.decode(tokens) === marker;
  };
  for (const kind of kinds) {
    const missing = (format.markers?.(kind) ?? []).filter((marker) => !isToken(marker));
    if (missing.length === 0) continue;
    throw new AzrError("AZR_CONFIG_INVALID", `The model's vocabulary cannot carry tasks of kind ${kind} in the format ${format.name}: it has no token ${missing.join(", ")}.`, {
      hint: `Leave ${kind} out of \`kinds\`, or use \`format: paper\` with a model that reads prose.`,
    });
  }
}
