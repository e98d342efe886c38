// Qwen3, dense: a Llama that norms each head of its queries and keys before it turns them.
import { readOptionalWindows, refuseFields, type ModelFamily } from "./family.ts";

export const qwen3: ModelFamily = {
  architecture: "Qwen3ForCausalLM",
  modelType: "qwen3",
  read(config, shape, path) {
    refuseFields(config, ["attention_bias"], path);
    return { qkNorm: true, ...readOptionalWindows(config, shape, path) };
  },
};
