// Qwen2 and Qwen2.5, Coder included: a Llama with biases on the projections of queries, keys and values.
import { readOptionalWindows, type ModelFamily } from "./family.ts";

export const qwen2: ModelFamily = {
  architecture: "Qwen2ForCausalLM",
  modelType: "qwen2",
  read: (config, shape, path) => ({ qkvBias: true, ...readOptionalWindows(config, shape, path) }),
};
