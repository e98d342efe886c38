// Mistral: a Llama whose first version looks back over a window of positions, in every layer.
import { readWindows, type ModelFamily } from "./family.ts";

export const mistral: ModelFamily = {
  architecture: "MistralForCausalLM",
  modelType: "mistral",
  defaults: { sliding_window: 4096 },
  read(config, shape, path) {
    const { layer_types: _types, ...own } = config; // transformers passes over them here
    return readWindows(own, shape, () => config["sliding_window"] !== null, path);
  },
};
