// Groups of parameters by pattern, resolved to a learning rate and a weight decay for each parameter of a model. open.ts asks for them at each update.
import { AzrError } from "../errors.ts";
import type { OptimizerSettings, ParameterGroup } from "./engine.ts";
import { requireNumber } from "./arguments.ts";

export interface ResolvedGroups {
  /** [parameters]: what multiplies the learning rate. */
  learningRateScales: Float32Array;
  /** [parameters] */
  weightDecays: Float32Array;
}

const invalid = (message: string): AzrError => new AzrError("AZR_INPUT_INVALID", message, { hint: "`azr inspect model --json` and the file's tensors tell the names." });

function pattern({ match }: ParameterGroup): RegExp {
  if (typeof match !== "string" || match === "") throw invalid("A parameter group has no pattern to match.");
  try {
    return new RegExp(match, "u");
  } catch (cause) {
    throw invalid(`The pattern of a parameter group is no regular expression: ${(cause as Error).message}`);
  }
}

/** The request that native code takes, with what the groups say; `native` as nativeUpdateRequest makes it. */
export function withGroups(native: object, groups: ResolvedGroups | undefined): object {
  return groups === undefined ? native : { ...native, optimizer: { ...(native as { optimizer: object }).optimizer, ...groups } };
}

/**
 * For each of `names` what its group says, or the settings themselves; undefined without groups.
 * @throws AzrError AZR_INPUT_INVALID for a pattern that is none or that no name has, and numbers below zero
 */
export function resolveGroups({ groups, weightDecay }: Pick<OptimizerSettings, "groups" | "weightDecay">, names: readonly string[]): ResolvedGroups | undefined {
  if (groups === undefined || groups.length === 0) return undefined;
  const tests = groups.map(pattern);
  const unused = tests.findIndex((test) => !names.some((name) => test.test(name)));
  if (unused !== -1) throw invalid(`No parameter's name has the pattern ${groups[unused]!.match} of a parameter group; names are like ${names[1]}.`);
  const resolved = { learningRateScales: new Float32Array(names.length).fill(1), weightDecays: new Float32Array(names.length).fill(weightDecay) };
  names.forEach((name, at) => {
    const group = groups[tests.findIndex((test) => test.test(name))];
    if (group === undefined) return;
    const { match, learningRateScale = 1, weightDecay: decay = weightDecay } = group;
    resolved.learningRateScales[at] = requireNumber(`learningRateScale of the group ${match}`, learningRateScale, 0);
    resolved.weightDecays[at] = requireNumber(`weightDecay of the group ${match}`, decay, 0);
  });
  return resolved;
}
