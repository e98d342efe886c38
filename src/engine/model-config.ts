// Reads a Hugging Face config.json into the ModelShape that the engine runs, and refuses what it would run differently.
// Used by open.ts and resolve-model.ts; native/engine trusts the shape it gets.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AzrError } from "../errors.ts";
import type { ModelShape } from "./engine.ts";
import { formatFault } from "./families/family.ts";
import { familyOf } from "./families/registry.ts";
import { readGgufModel } from "./gguf-model.ts";
import { isGguf } from "./gguf.ts";
import { readModelText } from "./model-file.ts";
import { ropeFactors } from "./rope-factors.ts";

export interface ModelConfig {
  shape: ModelShape;
  /** Type that the weights were saved in, as written in the file; undefined when it does not say. */
  weightType: string | undefined;
  /** Ids that end a text, from generation_config.json or config.json; empty when neither says. */
  endTokens: number[];
}

/** Far above any model: what is read for each layer stays small. */
const mostLayers = 4096;

const hint = "Compare the file with that of the model's source.";

const deepestValue = 64;

function isDeeper(value: unknown, most: number): boolean {
  const open = [{ value, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value !== "object" || next.value === null) continue;
    if (next.depth > most) return true;
    for (const inner of Object.values(next.value)) open.push({ value: inner as unknown, depth: next.depth + 1 });
  }
  return false;
}

function readJson(path: string): Record<string, any> {
  try {
    const value: unknown = JSON.parse(readModelText(path));
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("it does not hold an object");
    // Quoting such a value in a message would end at the stack's end.
    if (isDeeper(value, deepestValue)) throw new Error(`its values are nested deeper than ${deepestValue}`);
    return value;
  } catch (cause) {
    throw formatFault(`${path} cannot be read: ${(cause as Error).message}`, "Take the file anew from where the model came from.");
  }
}

/**
 * Reads `config.json` (and `generation_config.json`, for end tokens) of a model folder, or the metadata of a GGUF file.
 * @throws AzrError AZR_MODEL_NOT_FOUND (no config.json), AZR_MODEL_FORMAT (broken, or a model the engine does not run)
 */
export function readModelConfig(place: string): ModelConfig {
  return isGguf(place) ? modelConfig(readGgufModel(place).config, {}, place) : readFolderConfig(place);
}

/**
 * The fields of a model folder's config.json; of a model that is more than a language model, those of that part.
 * @throws AzrError AZR_MODEL_FORMAT
 */
export function readConfigFields(folder: string): Record<string, any> {
  const path = join(folder, "config.json");
  const config = readJson(path);
  return familyOf(config, path).languageModel?.(config) ?? config;
}

function readFolderConfig(folder: string): ModelConfig {
  const path = join(folder, "config.json");
  if (!existsSync(path)) {
    throw new AzrError("AZR_MODEL_NOT_FOUND", `There is no config.json in ${folder}.`, {
      hint: "Give --model a folder that holds config.json, tokenizer.json and model.safetensors.",
    });
  }
  const json = readConfigFields(folder);
  const generationPath = join(folder, "generation_config.json");
  const generation = existsSync(generationPath) ? readJson(generationPath) : {};
  return modelConfig(json, generation, path);
}

function modelConfig(json: Record<string, any>, generation: Record<string, any>, path: string): ModelConfig {
  const ends: unknown = generation["eos_token_id"] ?? json["eos_token_id"] ?? [];
  return {
    shape: parseModelConfig(json, path),
    weightType: json["dtype"] ?? json["torch_dtype"],
    endTokens: (Array.isArray(ends) ? ends : [ends]).filter((id) => Number.isInteger(id)),
  };
}

/**
 * The shape in a parsed config.json; `path` is for messages. What all families share is read here, the rest by the family.
 * @throws AzrError AZR_MODEL_FORMAT, naming the field
 */
export function parseModelConfig(config: Record<string, any>, path = "config.json"): ModelShape {
  const family = familyOf(config, path);
  const json: Record<string, any> = { ...family.defaults, ...config };
  const fault = (message: string) => formatFault(message, hint);

  function count(key: string, fallback?: number): number {
    const value = json[key] ?? fallback;
    if (!Number.isSafeInteger(value) || value < 1) throw fault(`${key} in ${path} must be a positive whole number, not ${JSON.stringify(value ?? null)}.`);
    return value;
  }

  const layers = count("num_hidden_layers");
  if (layers > mostLayers) throw fault(`${path} claims ${layers} layers, beyond what any model has.`);
  const hiddenSize = count("hidden_size");
  const heads = count("num_attention_heads");
  const keyValueHeads = count("num_key_value_heads", heads);
  if (json["head_dim"] == null && hiddenSize % heads !== 0) throw fault(`hidden_size ${hiddenSize} in ${path} is not divisible by num_attention_heads ${heads}.`);
  const headSize = count("head_dim", hiddenSize / heads);
  if (headSize % 2 !== 0) throw fault(`The head size ${headSize} in ${path} is odd; rotary embeddings need pairs.`);
  if (heads % keyValueHeads !== 0) throw fault(`num_attention_heads ${heads} in ${path} is not divisible by num_key_value_heads ${keyValueHeads}.`);

  const ropeTheta = json["rope_theta"] ?? json["rope_parameters"]?.rope_theta ?? 10_000;
  const normEpsilon = json["rms_norm_eps"] ?? 1e-6;
  for (const [key, value] of [["rope_theta", ropeTheta], ["rms_norm_eps", normEpsilon]] as const) {
    if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value)) throw fault(`${key} in ${path} must be a positive number, not ${JSON.stringify(value)}.`);
  }
  const activation: unknown = json["hidden_activation"] ?? json["hidden_act"] ?? "silu";
  if (activation !== "silu" && activation !== "gelu_pytorch_tanh") throw fault(`${path} uses the activation ${JSON.stringify(activation)}, which is not supported.`);
  const factors = ropeFactors(json, { headSize, theta: ropeTheta }, path);

  const shape: ModelShape = {
    vocabularySize: count("vocab_size"),
    hiddenSize,
    layers,
    heads,
    keyValueHeads,
    headSize,
    feedForwardSize: count("intermediate_size"),
    ropeTheta,
    normEpsilon,
    tiedHead: json["tie_word_embeddings"] === true,
    maxPositions: count("max_position_embeddings", 2048),
    qkvBias: false,
    qkNorm: false,
    ...(factors === undefined ? {} : { ropeFactors: factors }),
    ...(activation === "silu" ? {} : { activation: "gelu-tanh" }),
  };
  return { ...shape, ...family.read(json, shape, path) };
}
