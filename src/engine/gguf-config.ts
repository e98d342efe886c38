// From the metadata of a GGUF file to the fields of a Hugging Face config.json, which model-config.ts then checks as it
// checks any other. Used by gguf-model.ts.
import { closeSync, openSync, readSync } from "node:fs";
import { ggufFault } from "./gguf.ts";
import type { GgufFile } from "./gguf.ts";

interface Architecture {
  /** As in `architectures` and `model_type` of config.json. */
  architecture: string;
  modelType: string;
  /** Fields that the metadata does not have, or names otherwise. */
  more?(config: Record<string, unknown>, number: (key: string) => number | undefined): Record<string, unknown>;
}

/** The GGUF architectures that are known; Mistral and SmolLM2 come as llama. */
export const ggufArchitectures: Record<string, Architecture> = {
  llama: { architecture: "LlamaForCausalLM", modelType: "llama" },
  qwen2: { architecture: "Qwen2ForCausalLM", modelType: "qwen2" },
  qwen3: { architecture: "Qwen3ForCausalLM", modelType: "qwen3" },
  gemma3: {
    architecture: "Gemma3ForCausalLM",
    modelType: "gemma3_text",
    more: (config, number) => ({
      hidden_act: undefined,
      hidden_activation: "gelu_pytorch_tanh",
      // The 27 B model, the only one of 62 layers, scales by its width a head; all others by their head size.
      query_pre_attn_scalar: config["num_hidden_layers"] === 62 ? (config["hidden_size"] as number) / (config["num_attention_heads"] as number) : config["head_dim"],
      sliding_window: number("attention.sliding_window"),
      rope_local_base_freq: shortest(number("rope.freq_base_swa") ?? 10_000),
      // Every sixth layer sees the whole context, unless the file says otherwise.
      layer_types: layerTypes(config["num_hidden_layers"] as number, number("attention.sliding_window_pattern") ?? 6),
    }),
  },
};

const mostLayers = 4096;

function layerTypes(layers: number, period: number): string[] {
  return Array.from({ length: layers }, (_, layer) => ((layer + 1) % period === 0 ? "full_attention" : "sliding_attention"));
}

/** The shortest decimal that a single-precision number stands for: 1e-5 and not 9.999999747378752e-6. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/**
 * The fields of a config.json for the model in a GGUF file.
 * @throws AzrError AZR_MODEL_FORMAT for an architecture that is not known, or metadata that is missing or of a wrong type
 */
export function ggufConfig(file: GgufFile): Record<string, unknown> {
  const { path, metadata, tensors } = file;
  const name = metadata.get("general.architecture");
  const known = typeof name === "string" && Object.hasOwn(ggufArchitectures, name) ? ggufArchitectures[name] : undefined;
  if (known === undefined) {
    throw ggufFault(path, `holds a model of the architecture ${typeof name === "string" ? JSON.stringify(name) : String(name ?? null)}`, `Known architectures: ${Object.keys(ggufArchitectures).join(", ")}.`);
  }
  const fault = (what: string): Error => ggufFault(path, what);

  function number(key: string): number | undefined {
    const value = metadata.get(`${name}.${key}`);
    if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
    throw fault(`gives ${name}.${key} as ${Array.isArray(value) ? "a list" : JSON.stringify(String(value))}, where one number belongs`);
  }
  function needed(key: string): number {
    const value = number(key);
    if (value === undefined || !Number.isSafeInteger(value) || value < 1) throw fault(`gives ${name}.${key} as ${String(value ?? "nothing")}, where a positive whole number belongs`);
    return value;
  }
  const token = (key: string): number | undefined => {
    const value = metadata.get(`tokenizer.ggml.${key}_token_id`);
    return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  };

  const embedding = tensors.find((tensor) => tensor.name === "token_embd.weight");
  if (embedding?.shape.length !== 2) throw fault("has no table token_embd.weight of embeddings");
  if ((number("expert_count") ?? 0) > 0) throw fault("is a mixture of experts, which the engine does not run");
  const layers = needed("block_count");
  if (layers > mostLayers) throw fault(`claims ${layers} layers`);
  const hidden = needed("embedding_length");
  const heads = needed("attention.head_count");
  const headSize = number("attention.key_length") ?? hidden / heads;
  if (!Number.isSafeInteger(headSize) || headSize < 1) throw fault(`gives ${name}.attention.head_count as ${heads}, which does not divide its ${hidden} values`);
  if ((number("attention.value_length") ?? headSize) !== headSize) throw fault("has values of another size than its keys, which the engine does not run");
  if ((number("rope.dimension_count") ?? headSize) !== headSize) throw fault("turns only a part of each head (rope.dimension_count), which the engine does not run");
  const ends = [...new Set([token("eos"), token("eot")].filter((id) => id !== undefined))];
  const config: Record<string, unknown> = {
    architectures: [known.architecture],
    model_type: known.modelType,
    vocab_size: embedding.shape[0],
    hidden_size: hidden,
    intermediate_size: needed("feed_forward_length"),
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: number("attention.head_count_kv") ?? heads,
    head_dim: headSize,
    hidden_act: "silu",
    max_position_embeddings: needed("context_length"),
    rms_norm_eps: shortest(number("attention.layer_norm_rms_epsilon") ?? 1e-6),
    rope_theta: shortest(number("rope.freq_base") ?? 10_000),
    ...ropeScaling(file, headSize),
    attention_bias: known.modelType === "llama" ? tensors.some((tensor) => tensor.name === "blk.0.attn_q.bias") : undefined,
    tie_word_embeddings: !tensors.some((tensor) => tensor.name === "output.weight"),
    bos_token_id: token("bos"),
    eos_token_id: ends.length > 1 ? ends : ends[0],
    pad_token_id: token("padding"),
  };
  Object.assign(config, known.more?.(config, number));
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

// Scaled rotary embeddings: named in the metadata, or (Llama 3) as the divisor of each frequency in a tensor.
function ropeScaling({ path, metadata, tensors }: GgufFile, headSize: number): Record<string, unknown> {
  const name = metadata.get("general.architecture") as string;
  // Numbers and texts as they are; what else there is in a file no config.json could hold, or has a use for.
  const get = (key: string): number | string | undefined => {
    const value = metadata.get(`${name}.rope.scaling.${key}`);
    return typeof value === "number" || value === undefined ? value : String(value);
  };
  const divisors = tensors.find((tensor) => tensor.name === "rope_freqs.weight");
  if (divisors !== undefined) {
    if (divisors.type !== "F32" || divisors.shape.length !== 1 || divisors.shape[0] !== headSize / 2) throw ggufFault(path, "has a rope_freqs.weight that is not one F32 number for each pair of a head");
    const values = readDivisors(divisors.path, divisors.begin, headSize / 2);
    if (!values.every((value) => value > 0 && Number.isFinite(value))) throw ggufFault(path, "has a rope_freqs.weight with values that are no positive numbers");
    return llama3Scaling(values, Number(metadata.get(`${name}.rope.freq_base`) ?? 10_000)) ?? { rope_factors: values };
  }
  const type = get("type");
  if (type === undefined || type === "none") return {};
  const original = get("original_context_length");
  return {
    rope_scaling: { rope_type: type, factor: get("factor"), ...(original === undefined ? {} : { original_max_position_embeddings: original }) },
  };
}

function readDivisors(path: string, begin: number, count: number): number[] {
  const buffer = Buffer.alloc(count * 4);
  const descriptor = openSync(path, "r");
  try {
    readSync(descriptor, buffer, 0, buffer.length, begin);
  } finally {
    closeSync(descriptor);
  }
  return Array.from({ length: count }, (_, index) => buffer.readFloatLE(index * 4));
}

/** The parameters of Llama 3's scaling that give these divisors; undefined when none do. */
function llama3Scaling(divisors: number[], theta: number): Record<string, unknown> | undefined {
  const scaling = { factor: shortest(Math.max(...divisors)), low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: length } = scaling;
  const same = divisors.every((divisor, index) => {
    const turns = (length * theta ** (-index / divisors.length)) / (2 * Math.PI); // within the original context
    const smooth = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    return Math.abs(divisor * ((1 - smooth) / factor + smooth) - 1) < 1e-4;
  });
  return same ? { rope_scaling: { rope_type: "llama3", ...scaling } } : undefined;
}
