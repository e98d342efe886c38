// The model in a GGUF file: its parts joined when it is split, its config as a Hugging Face config.json would say it
// (gguf-config.ts), and its tensors under Hugging Face names with what must be undone on the way. Used by model-config.ts
// and weights.ts.
import { basename, dirname, join } from "node:path";
import type { AzrError } from "../errors.ts";
import { ggufConfig } from "./gguf-config.ts";
import { ggufFault, readGguf } from "./gguf.ts";
import type { GgufFile, GgufTensor } from "./gguf.ts";

export interface GgufModelTensor extends Omit<GgufTensor, "name"> {
  /** The Hugging Face name. */
  name: string;
  /** Rows of a head, where its rotary pairs lie side by side; 0 where rows are in the order of Hugging Face. */
  pairedRows: number;
  /** What is to be added to each value. */
  shift: number;
}

export interface GgufModel extends GgufFile {
  /** The fields of a Hugging Face config.json. */
  config: Record<string, unknown>;
}

/**
 * Reads the model in a GGUF file, with all parts of a split one.
 * @throws AzrError AZR_MODEL_NOT_FOUND, AZR_MODEL_FORMAT (broken, or an architecture that is not known)
 */
export function readGgufModel(path: string): GgufModel {
  const file = joinParts(readGguf(path));
  return { ...file, config: ggufConfig(file) };
}

// A model may be split into NAME-00001-of-00003.gguf and so on; the first part holds the metadata.
function joinParts(first: GgufFile): GgufFile {
  const { path, metadata } = first;
  const count = metadata.get("split.count") ?? 0;
  if (typeof count !== "number" || count < 2) return first;
  const name = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/.exec(basename(path));
  const fault = (what: string, hint: string): AzrError => ggufFault(path, what, hint);
  if (name === null || Number(name[3]) !== count) throw fault(`is one of ${count} parts but is not named so`, `Name the parts NAME-00001-of-${String(count).padStart(5, "0")}.gguf and so on, as they were made.`);
  if (metadata.get("split.no") !== 0) throw fault("is not the first of its parts", `Give the first part: ${name[1]}-00001-of-${name[3]}.gguf`);
  const tensors = [...first.tensors];
  const names = new Set(tensors.map((tensor) => tensor.name));
  for (let part = 2; part <= count; part++) {
    const other = readGguf(join(dirname(path), `${name[1]}-${String(part).padStart(5, "0")}-of-${name[3]}.gguf`));
    if (other.metadata.get("split.no") !== part - 1 || other.metadata.get("split.count") !== count) throw ggufFault(other.path, `is not part ${part} of ${count}`);
    for (const tensor of other.tensors) {
      if (names.has(tensor.name)) throw ggufFault(other.path, `has the tensor ${JSON.stringify(tensor.name)}, which another part has too`);
      names.add(tensor.name);
      tensors.push(tensor);
    }
  }
  const expected = metadata.get("split.tensors.count");
  if (expected !== undefined && expected !== tensors.length) throw fault(`and its parts hold ${tensors.length} tensors where ${String(expected)} belong`, "Download all parts of the model again.");
  return { ...first, tensors };
}

const whole: Record<string, string> = {
  token_embd: "model.embed_tokens",
  output_norm: "model.norm",
  output: "lm_head",
};

const inLayer: Record<string, string> = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

// Gemma has norms before and after each half of a layer.
const inGemmaLayer: Record<string, string> = {
  ...inLayer,
  ffn_norm: "pre_feedforward_layernorm",
  post_attention_norm: "post_attention_layernorm",
  post_ffw_norm: "post_feedforward_layernorm",
};

/** The Hugging Face name of a tensor; undefined for one that is no weight of the model (such as rope_freqs.weight). */
export function huggingFaceName(name: string, architecture: string): string | undefined {
  const parts = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name);
  if (parts === null) return undefined;
  const [, layer, stem, kind] = parts as unknown as [string, string | undefined, string, string];
  const names = layer === undefined ? whole : architecture === "gemma3" ? inGemmaLayer : inLayer;
  if (!Object.hasOwn(names, stem)) return undefined;
  return `${layer === undefined ? "" : `model.layers.${Number(layer)}.`}${names[stem]}.${kind}`;
}

/** The weights of a GGUF model under their Hugging Face names. Throws AZR_MODEL_FORMAT for a name that comes twice. */
export function ggufTensors({ path, metadata, tensors, config }: GgufModel): Map<string, GgufModelTensor> {
  const architecture = metadata.get("general.architecture") as string;
  const found = new Map<string, GgufModelTensor>();
  for (const tensor of tensors) {
    const name = huggingFaceName(tensor.name, architecture);
    if (name === undefined) continue;
    if (found.has(name)) throw ggufFault(path, `has two tensors for ${name}`);
    // Converters of the Llama family put the two halves of each rotary pair into adjacent rows, and those of Gemma store
    // the factor 1 + w of a norm.
    const paired = architecture === "llama" && /\.[qk]_proj\.(weight|bias)$/.test(name);
    const shift = architecture === "gemma3" && /norm\.weight$/.test(name) ? -1 : 0;
    found.set(name, { ...tensor, name, pairedRows: paired ? (config["head_dim"] as number) : 0, shift });
  }
  return found;
}
