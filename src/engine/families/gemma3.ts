// Gemma 3, its text half. Beside a Llama: norms that multiply by 1 + w, before and after each half of a layer and over the heads of queries and keys; a
// gate of GELU; embeddings scaled by the root of their width; and layers that look back over a window, with a rotary embedding of their own, in
// between those that see everything (transformers 5.23, models/gemma3).
import { ropeFactors } from "../rope-factors.ts";
import { formatFault, readWindows, refuseFields, type ConfigFields, type ModelFamily } from "./family.ts";

const hint = "Use a Gemma 3 as it was published; none has this.";

interface Rope {
  theta: number;
  factors?: number[];
}

export const gemma3: ModelFamily = {
  architecture: "Gemma3ForCausalLM",
  modelType: "gemma3_text",
  defaults: {
    vocab_size: 262_208,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    hidden_activation: "gelu_pytorch_tanh",
    max_position_embeddings: 131_072,
    tie_word_embeddings: true,
    query_pre_attn_scalar: 256,
    sliding_window: 4096,
  },
  read(config, shape, path) {
    refuseFields(config, ["attention_bias", "use_bidirectional_attention"], path);
    for (const name of ["attn_logit_softcapping", "final_logit_softcapping"]) {
      if (typeof config[name] === "number") throw formatFault(`${path} sets ${name}, which is not supported.`, hint);
    }
    const { query_pre_attn_scalar: scalar, sliding_window_pattern: pattern = 6 } = config;
    for (const [name, value] of Object.entries({ query_pre_attn_scalar: scalar, sliding_window_pattern: pattern })) {
      if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value)) throw formatFault(`${name} in ${path} must be a positive number, not ${JSON.stringify(value)}.`, hint);
    }

    // Newer files have an object for each kind of layer, older ones fields; a rope_scaling is that of the layers that see everything.
    const given = (config["rope_parameters"] ?? {}) as Record<string, ConfigFields | null | undefined>;
    function rope(own: ConfigFields, otherwise: unknown): Rope {
      const theta = own["rope_theta"] ?? otherwise;
      if (typeof theta !== "number" || !(theta > 0) || !Number.isFinite(theta)) throw formatFault(`rope_theta in ${path} must be a positive number, not ${JSON.stringify(theta)}.`, hint);
      const factors = ropeFactors({ rope_parameters: own }, { headSize: shape.headSize, theta }, path);
      return { theta, ...(factors === undefined ? {} : { factors }) };
    }
    const whole = rope({ ...given["full_attention"], ...(config["rope_scaling"] as ConfigFields | null) }, config["rope_theta"] ?? 1_000_000);
    const local = rope({ ...given["sliding_attention"] }, config["rope_local_base_freq"] ?? 10_000);
    return {
      qkNorm: true,
      normOffset: 1,
      postNorms: true,
      embeddingScale: Math.sqrt(shape.hiddenSize),
      attentionScale: 1 / Math.sqrt(scalar as number),
      ropeTheta: whole.theta,
      ...(whole.factors && { ropeFactors: whole.factors }),
      localRope: local,
      ...readWindows(config, shape, (layer) => (layer + 1) % (pattern as number) !== 0, path),
    };
  },
};

/** The larger ones, which see as well: their language model alone is run, and exported. */
export const gemma3WithVision: ModelFamily = {
  ...gemma3,
  architecture: "Gemma3ForConditionalGeneration",
  modelType: "gemma3",
  languageModel: ({ text_config: text, tie_word_embeddings: tied, eos_token_id: end, dtype, torch_dtype: type }) => ({
    ...(text as ConfigFields | undefined),
    ...Object.fromEntries(Object.entries({ tie_word_embeddings: tied, eos_token_id: end, dtype, torch_dtype: type }).filter(([, value]) => value !== undefined)),
    architectures: [gemma3.architecture],
    model_type: gemma3.modelType,
  }),
};
