// Mistral: a Llama whose first version looks back over a window of positions. Within the window both are the same, so that is how far this goes.
import type { ModelFamily } from "./family.ts";

export const mistral: ModelFamily = {
  architecture: "MistralForCausalLM",
  modelType: "mistral",
  read({ sliding_window: window }, { maxPositions }) {
    return typeof window === "number" && window > 0 ? { maxPositions: Math.min(maxPositions, window) } : {};
  },
};
