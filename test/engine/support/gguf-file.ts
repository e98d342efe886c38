// Writes GGUF files for tests, sound ones and, piece by piece, others; and models of test/truth as llama.cpp would convert them.
import { writeFileSync } from "node:fs";
import { truthTensors } from "../../truth/model-folder.ts";
import type { Truth } from "../../truth/model-folder.ts";

/** Type numbers of metadata. */
export const valueTypes = { u8: 0, i8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, bool: 7, text: 8, list: 9, u64: 10, i64: 11, f64: 12 } as const;
type ValueType = keyof typeof valueTypes;
/** A metadata entry; of a list, `type` is that of its elements. */
export type Entry = [key: string, type: ValueType, value: unknown] | [key: string, type: "list", element: ValueType, values: unknown[]];

export interface Tensor {
  name: string;
  /** Outermost side first. */
  shape: (number | bigint)[];
  /** Type number; 0 is F32. */
  type?: number;
  data: Uint8Array;
  /** Instead of the next free place. */
  offset?: number | bigint;
}

export interface GgufParts {
  version?: number;
  metadata?: Entry[];
  tensors?: Tensor[];
  alignment?: number;
  tensorCount?: number | bigint;
  entryCount?: number | bigint;
}

const u32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
};
const u64 = (value: number | bigint): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return buffer;
};
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

function scalar(type: ValueType, value: unknown): Buffer {
  if (type === "text") return text(value as string);
  if (type === "u64" || type === "i64") return u64(value as number | bigint);
  const bytes = { u8: 1, i8: 1, bool: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4, f64: 8, list: 0 }[type];
  const buffer = Buffer.alloc(bytes);
  if (type === "f32") buffer.writeFloatLE(value as number);
  else if (type === "f64") buffer.writeDoubleLE(value as number);
  else if (type.startsWith("i")) buffer.writeIntLE(value as number, 0, bytes);
  else buffer.writeUIntLE(Number(value), 0, bytes);
  return buffer;
}

export function ggufBytes({ version = 3, metadata = [], tensors = [], alignment = 32, tensorCount, entryCount }: GgufParts): Buffer {
  const head = [Buffer.from("GGUF"), u32(version), u64(tensorCount ?? tensors.length), u64(entryCount ?? metadata.length)];
  for (const [key, type, value, values] of metadata) {
    head.push(text(key), u32(valueTypes[type]));
    if (type === "list") head.push(u32(valueTypes[value as ValueType]), u64(values!.length), Buffer.concat(values!.map((one) => scalar(value as ValueType, one))));
    else head.push(scalar(type, value));
  }
  const data: Buffer[] = [];
  let offset = 0;
  for (const tensor of tensors) {
    head.push(text(tensor.name), u32(tensor.shape.length), ...tensor.shape.toReversed().map(u64), u32(tensor.type ?? 0), u64(tensor.offset ?? offset));
    const padding = (alignment - (tensor.data.length % alignment)) % alignment;
    data.push(Buffer.from(tensor.data), Buffer.alloc(padding));
    offset += tensor.data.length + padding;
  }
  const first = Buffer.concat(head);
  return Buffer.concat([first, Buffer.alloc((alignment - (first.length % alignment)) % alignment), ...data]);
}

const names: [RegExp, string][] = [
  [/^model\.embed_tokens/, "token_embd"],
  [/^model\.norm/, "output_norm"],
  [/^lm_head/, "output"],
  [/^model\.layers\.(\d+)\.input_layernorm/, "blk.$1.attn_norm"],
  [/^model\.layers\.(\d+)\.post_attention_layernorm/, "blk.$1.ffn_norm"],
  [/^model\.layers\.(\d+)\.self_attn\.([qkv])_proj/, "blk.$1.attn_$2"],
  [/^model\.layers\.(\d+)\.self_attn\.o_proj/, "blk.$1.attn_output"],
  [/^model\.layers\.(\d+)\.self_attn\.([qk])_norm/, "blk.$1.attn_$2_norm"],
  [/^model\.layers\.(\d+)\.mlp\.(\w+)_proj/, "blk.$1.ffn_$2"],
];
const gemmaNames: typeof names = [
  [/^model\.layers\.(\d+)\.post_attention_layernorm/, "blk.$1.post_attention_norm"],
  [/^model\.layers\.(\d+)\.pre_feedforward_layernorm/, "blk.$1.ffn_norm"],
  [/^model\.layers\.(\d+)\.post_feedforward_layernorm/, "blk.$1.post_ffw_norm"],
  ...names,
];

// Row (half, i) of a head becomes row (i, half), as the converters of the Llama family do it.
function pairRows(values: Float32Array, rows: number, head: number): Float32Array {
  const columns = values.length / rows;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const [start, place] = [row - (row % head), row % head];
    const target = start + 2 * (place % (head / 2)) + Math.floor(place / (head / 2));
    out.set(values.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return out;
}

function narrow(values: Float32Array, type: number): Uint8Array {
  if (type === 0) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
  return new Uint8Array(Uint16Array.from(bits, (word) => word >>> 16).buffer); // bfloat16, cut off
}

/** The parts of a GGUF file with a truth model: matrices as F32, or as BF16 (30) with what it cannot hold cut off. */
export function truthParts(truth: Truth, matrixType: 0 | 30 = 0): GgufParts & { metadata: Entry[]; tensors: Tensor[] } {
  const config = JSON.parse(truth.config) as Record<string, any>;
  const gemma = config["model_type"] === "gemma3_text";
  const kind = config["model_type"] === "mistral" ? "llama" : gemma ? "gemma3" : (config["model_type"] as string);
  const head = (config["head_dim"] as number | undefined) ?? config["hidden_size"] / config["num_attention_heads"];
  const rope = config["rope_parameters"];
  const metadata: Entry[] = [
    ["general.architecture", "text", kind],
    [`${kind}.block_count`, "u32", config["num_hidden_layers"]],
    [`${kind}.context_length`, "u32", config["max_position_embeddings"]],
    [`${kind}.embedding_length`, "u32", config["hidden_size"]],
    [`${kind}.feed_forward_length`, "u32", config["intermediate_size"]],
    [`${kind}.attention.head_count`, "u32", config["num_attention_heads"]],
    [`${kind}.attention.head_count_kv`, "u32", config["num_key_value_heads"]],
    [`${kind}.attention.key_length`, "u32", head],
    [`${kind}.attention.value_length`, "u32", head],
    [`${kind}.attention.layer_norm_rms_epsilon`, "f32", config["rms_norm_eps"]],
    [`${kind}.rope.freq_base`, "f32", (rope.full_attention ?? rope).rope_theta],
    ["tokenizer.ggml.eos_token_id", "u32", 7],
    ["tokenizer.ggml.eot_token_id", "u32", 8],
  ];
  if (gemma) {
    metadata.push(
      ["gemma3.attention.sliding_window", "u32", config["sliding_window"]],
      ["gemma3.attention.sliding_window_pattern", "u32", 1 + config["layer_types"].indexOf("full_attention")],
      ["gemma3.rope.freq_base_swa", "f32", rope.sliding_attention.rope_theta],
      ["gemma3.rope.scaling.type", "text", rope.full_attention.rope_type],
      ["gemma3.rope.scaling.factor", "f32", rope.full_attention.factor],
    );
  }
  const tensors = truthTensors(truth, "weight").map(([name, shape, values]): Tensor => {
    const [pattern, target] = (gemma ? gemmaNames : names).find(([one]) => one.test(name))!;
    const renamed = name.replace(pattern, target).replace(/\.(weight|bias)$/, ".$1");
    const paired = kind === "llama" && /attn_[qk]\./.test(renamed) ? pairRows(values, shape[0]!, head) : gemma && name.endsWith("norm.weight") ? values.map((value) => value + 1) : values;
    const type = shape.length === 2 ? matrixType : 0;
    return { name: renamed, shape, type, data: narrow(paired, type) };
  });
  return { metadata, tensors };
}

export function writeGguf(path: string, parts: GgufParts): string {
  writeFileSync(path, ggufBytes(parts));
  return path;
}
