// The families of models that the engine runs. A new one is a file beside this and a line here.
import { formatFault, type ConfigFields, type ModelFamily } from "./family.ts";
import { gemma3, gemma3WithVision } from "./gemma3.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";

export const families: readonly ModelFamily[] = [llama, mistral, qwen2, qwen3, gemma3, gemma3WithVision];

/** The family that a config.json belongs to, by `architectures`, else by `model_type`. Throws AZR_MODEL_FORMAT, naming the known ones. */
export function familyOf({ architectures, model_type: type }: ConfigFields, path: string): ModelFamily {
  const named: unknown = Array.isArray(architectures) ? architectures[0] : type;
  const family = families.find(({ architecture, modelType }) => named === architecture || (!Array.isArray(architectures) && named === modelType));
  if (family !== undefined) return family;
  throw formatFault(
    `${path} describes ${JSON.stringify(named ?? null)}, which the engine does not run.`,
    `Known are ${families.map(({ architecture }) => architecture).join(", ")}.`,
  );
}
