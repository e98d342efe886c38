// Llama 2 and 3.x, SmolLM2, and whatever else calls itself LlamaForCausalLM. The rotary scaling of Llama 3.1 is in ../rope-factors.ts.
import { refuseFields, type ModelFamily } from "./family.ts";

export const llama: ModelFamily = {
  architecture: "LlamaForCausalLM",
  modelType: "llama",
  read(config, _shape, path) {
    refuseFields(config, ["attention_bias", "mlp_bias"], path);
    return {};
  },
};
