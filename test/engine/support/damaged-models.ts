// Model files with one thing wrong in each, drawn from a seed: cut off, bytes flipped, counts and sizes beyond reason, places that
// overlap, types that do not fit, names that come twice. Each case says whether it must be refused or may as well be harmless.
import { createRandom } from "../../../src/random.ts";
import type { Random } from "../../../src/random.ts";
import { createSafetensorsHeader } from "../../../src/engine/safetensors.ts";
import { readTruth, truthTensors } from "../../truth/model-folder.ts";
import { ggufBytes, truthParts } from "./gguf-file.ts";
import type { Entry, GgufParts, Tensor } from "./gguf-file.ts";

export interface DamagedModel {
  what: string;
  /** Files of the model's folder; with model.gguf, that file is the model. */
  files: Record<string, Uint8Array | string>;
  /** False where the damage may have met nothing that matters. */
  mustFail: boolean;
}

type Damage = (random: Random) => Omit<DamagedModel, "what">;

const truth = readTruth("llama-untied");
const weights = truthTensors(truth, "weight").map(([name, shape, values]) => ({ name, shape, dtype: "F32" as const, data: Buffer.from(values.buffer, values.byteOffset, values.byteLength) }));
const header = Buffer.from(createSafetensorsHeader(weights, { format: "pt" }));
const config = JSON.parse(truth.config) as Record<string, unknown>;
const sound: Record<string, Uint8Array | string> = {
  "config.json": truth.config,
  "tokenizer.json": "{}",
  "model.safetensors": Buffer.concat([header, ...weights.map(({ data }) => data)]),
};

// Three shards and their index.
const indexName = "model.safetensors.index.json";
const shards = [weights.slice(0, 6), weights.slice(6, 14), weights.slice(14)];
const shardName = (shard: number): string => `model-0000${shard + 1}-of-00003.safetensors`;
const index: Record<string, unknown> = Object.fromEntries(shards.flatMap((tensors, shard) => tensors.map(({ name }) => [name, shardName(shard)])));
const sharded: typeof sound = {
  "config.json": truth.config,
  "tokenizer.json": "{}",
  [indexName]: JSON.stringify({ metadata: { total_size: 1 }, weight_map: index }),
  ...Object.fromEntries(shards.map((tensors, shard) => [shardName(shard), Buffer.concat([createSafetensorsHeader(tensors), ...tensors.map(({ data }) => data)])])),
};

// A GGUF file as llama.cpp makes it, and one with a tensor in every block format.
const vocabulary: Entry[] = [
  ["tokenizer.ggml.model", "text", "gpt2"],
  ["tokenizer.ggml.tokens", "list", "text", Array.from({ length: 35 }, (_, id) => `token ${id}`)],
  ["tokenizer.ggml.token_type", "list", "i32", new Array<number>(35).fill(1)],
  ["tokenizer.ggml.scores", "list", "f32", new Array<number>(35).fill(-1)],
  ["tokenizer.ggml.add_bos_token", "bool", false],
];
function plainParts(): GgufParts & { metadata: Entry[]; tensors: Tensor[] } {
  const parts = truthParts(truth);
  return { ...parts, metadata: [...parts.metadata, ...vocabulary] };
}
const blocks: Record<number, [values: number, bytes: number]> = { 8: [32, 34], 2: [32, 18], 3: [32, 20], 6: [32, 22], 7: [32, 24], 12: [256, 144], 13: [256, 176], 14: [256, 210], 1: [1, 2], 30: [1, 2] };
function blockParts(): GgufParts & { metadata: Entry[]; tensors: Tensor[] } {
  const rows = { "token_embd.weight": 16, "blk.0.attn_q.weight": 256, "blk.0.attn_k.weight": 128, "blk.0.attn_v.weight": 128, "blk.0.attn_output.weight": 256, "blk.0.ffn_gate.weight": 256, "blk.0.ffn_up.weight": 256, "blk.0.ffn_down.weight": 256, "output.weight": 16 };
  const matrices = Object.entries(rows).map(([name, count], at): Tensor => {
    const type = Number(Object.keys(blocks)[at]);
    const [values, bytes] = blocks[type]!;
    return { name, shape: [count, 256], type, data: new Uint8Array(((count * 256) / values) * bytes) };
  });
  const norms = ["blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"].map((name): Tensor => ({ name, shape: [256], data: new Uint8Array(new Float32Array(256).fill(1).buffer) }));
  const numbers = { block_count: 1, context_length: 64, embedding_length: 256, feed_forward_length: 256, "attention.head_count": 4, "attention.head_count_kv": 2 };
  return { metadata: [["general.architecture", "text", "llama"], ...Object.entries(numbers).map(([key, value]): Entry => [`llama.${key}`, "u32", value]), ...vocabulary], tensors: [...matrices, ...norms] };
}

// --- bytes ---

function flip(bytes: Uint8Array, random: Random, end: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let flips = 1 + random.integer(4); flips > 0; flips--) copy[random.integer(end)]! ^= 1 + random.integer(255);
  return copy;
}
const cut = (bytes: Uint8Array, random: Random): Uint8Array => bytes.subarray(0, random.integer(bytes.length));
function scramble(bytes: Uint8Array, random: Random, end: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const begin = random.integer(end);
  const stop = Math.min(end, begin + 1 + random.integer(64));
  const mode = random.integer(3);
  for (let at = begin; at < stop; at++) copy[at] = mode === 0 ? 0 : mode === 1 ? 255 : random.integer(256);
  return copy;
}

// --- values ---

const strangeNumbers: unknown[] = [0, -1, -(2 ** 31), 1.5, 2 ** 31, 2 ** 53, 2 ** 63, 1e300, 3, 7, 1 << 20];
const strange: unknown[] = [...strangeNumbers, "16", "", null, true, [], [16], {}, "__proto__"];
const sizes = ["vocab_size", "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads", "head_dim"];

type Header = Record<string, { dtype: unknown; shape: unknown; data_offsets: unknown }>;
function withHeader(change: (header: Header, name: string, other: string) => string | void, random: Random): Uint8Array {
  const json = JSON.parse(header.subarray(8).toString()) as Header & { __metadata__?: unknown };
  delete json.__metadata__;
  const [name, other] = random.sample(Object.keys(json), 2) as [string, string];
  const text = Buffer.from(change(json, name, other) ?? JSON.stringify(json));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...weights.map(({ data }) => data)]);
}

function withGguf(change: (parts: ReturnType<typeof plainParts>, tensor: Tensor, random: Random) => void, mustFail = true): Damage {
  return (random) => {
    const parts = random.integer(2) === 0 ? plainParts() : blockParts();
    change(parts, random.choice(parts.tensors), random);
    return { files: { "model.gguf": ggufBytes(parts) }, mustFail };
  };
}

const folder = (name: string, content: Uint8Array | string, mustFail = true) => ({ files: { ...sound, [name]: content }, mustFail });
const headed = (change: Parameters<typeof withHeader>[0]): Damage => (random) => folder("model.safetensors", withHeader((...given) => change(...given), random));
const hugeCounts = [2n ** 63n, 2n ** 64n - 1n, 2n ** 40n, 2n ** 32n, 2n ** 31n - 1n, 2n ** 24n];
const bytesOf = (files: typeof sound, name: string): Uint8Array => files[name] as Uint8Array;

const damages: Record<string, Damage> = {
  "safetensors cut off": (random) => folder("model.safetensors", cut(bytesOf(sound, "model.safetensors"), random)),
  "safetensors longer than it says": (random) => folder("model.safetensors", Buffer.concat([bytesOf(sound, "model.safetensors"), Buffer.alloc(1 + random.integer(99))])),
  "safetensors with flipped bytes in its head": (random) => folder("model.safetensors", flip(bytesOf(sound, "model.safetensors"), random, header.length), false),
  "safetensors with flipped bytes anywhere": (random) => folder("model.safetensors", flip(bytesOf(sound, "model.safetensors"), random, bytesOf(sound, "model.safetensors").length), false),
  "safetensors with a scrambled head": (random) => folder("model.safetensors", scramble(bytesOf(sound, "model.safetensors"), random, header.length), false),
  "safetensors of noise": (random) => folder("model.safetensors", Uint8Array.from({ length: random.integer(2000) }, () => random.integer(256))),
  "safetensors with a huge header": (random) => {
    const copy = Buffer.from(bytesOf(sound, "model.safetensors"));
    copy.writeBigUInt64LE(random.choice(hugeCounts), 0);
    return folder("model.safetensors", copy);
  },
  "safetensors with overlapping tensors": headed((json, name, other) => void (json[name]!.data_offsets = json[other]!.data_offsets)),
  "safetensors with a range reversed": headed((json, name) => void (json[name]!.data_offsets = (json[name]!.data_offsets as number[]).toReversed())),
  "safetensors with strange offsets": (random) => folder("model.safetensors", withHeader((json, name) => void (json[name]!.data_offsets = [random.choice(strange), random.choice(strange)]), random)),
  "safetensors with a strange side": (random) => folder("model.safetensors", withHeader((json, name) => void (json[name]!.shape = [random.choice(strange), random.choice(strangeNumbers)]), random)),
  "safetensors with another type": (random) => folder("model.safetensors", withHeader((json, name) => void (json[name]!.dtype = random.choice(["F64", "BF16", "I8", "f32", "constructor", 4, null])), random)),
  "safetensors that lacks a tensor": headed((json, name) => void delete json[name]),
  "safetensors with a name twice": headed((json, name, other) => JSON.stringify(json).replace(JSON.stringify(other), JSON.stringify(name))),
  "safetensors whose product overflows": headed((json, name) => void (json[name]!.shape = [2 ** 32, 2 ** 32, 4])),
  "index cut off": (random) => ({ files: { ...sharded, [indexName]: (sharded[indexName] as string).slice(0, random.integer(300)) }, mustFail: true }),
  "index with a strange file": (random) => ({ files: { ...sharded, [indexName]: JSON.stringify({ weight_map: { ...index, [random.choice(Object.keys(index))]: random.choice([...strange, "../a", "absent.safetensors", ".", ".."]) } }) }, mustFail: true }),
  "index that puts a tensor elsewhere": (random) => {
    const name = random.choice(Object.keys(index));
    return { files: { ...sharded, [indexName]: JSON.stringify({ weight_map: { ...index, [name]: index[name] === shardName(0) ? shardName(1) : shardName(0) } }) }, mustFail: true };
  },
  "index without a map": (random) => ({ files: { ...sharded, [indexName]: JSON.stringify({ weight_map: random.choice(strange) }) }, mustFail: true }),
  "index with flipped bytes": (random) => ({ files: { ...sharded, [indexName]: flip(Buffer.from(sharded[indexName] as string), random, (sharded[indexName] as string).length) }, mustFail: false }),
  "shard cut off": (random) => {
    const name = shardName(random.integer(3));
    return { files: { ...sharded, [name]: cut(bytesOf(sharded, name), random) }, mustFail: true };
  },
  "config with a strange size": (random) => folder("config.json", JSON.stringify({ ...config, [random.choice(sizes)]: random.choice(strange.filter((value) => value !== null)) })),
  "config with anything strange": (random) => folder("config.json", JSON.stringify({ ...config, [random.choice(Object.keys(config))]: random.choice(strange) }), false),
  "config with too many layers": (random) => folder("config.json", JSON.stringify({ ...config, num_hidden_layers: 3 + random.integer(2 ** 31) })),
  "config with strange rotary settings": (random) => folder("config.json", JSON.stringify({ ...config, rope_parameters: { rope_type: random.choice(["default", "linear", "llama3", "yarn", 3]), rope_theta: random.choice(strange), factor: random.choice(strange) } }), false),
  "config cut off": (random) => folder("config.json", truth.config.slice(0, random.integer(truth.config.length - 2))),
  "config with flipped bytes": (random) => folder("config.json", flip(Buffer.from(truth.config), random, truth.config.length), false),
  "GGUF cut off": (random) => {
    const bytes = ggufBytes(random.integer(2) === 0 ? plainParts() : blockParts());
    // Up to the last tensor's last byte: what follows it is padding.
    return { files: { "model.gguf": bytes.subarray(0, random.integer(bytes.length - 64)) }, mustFail: true };
  },
  "GGUF with flipped bytes in its head": (random) => ({ files: { "model.gguf": flip(ggufBytes(plainParts()), random, 2900) }, mustFail: false }),
  "GGUF with scrambled bytes in its head": (random) => ({ files: { "model.gguf": scramble(ggufBytes(plainParts()), random, 2900) }, mustFail: false }),
  "GGUF with flipped bytes anywhere": (random) => {
    const bytes = ggufBytes(blockParts());
    return { files: { "model.gguf": flip(bytes, random, bytes.length) }, mustFail: false };
  },
  "GGUF of noise": (random) => ({ files: { "model.gguf": Buffer.concat([Buffer.from("GGUF\u0003\0\0\0"), Uint8Array.from({ length: random.integer(2000) }, () => random.integer(256))]) }, mustFail: true }),
  "GGUF with a huge number of tensors": withGguf((parts, _, random) => void (parts.tensorCount = random.choice(hugeCounts))),
  "GGUF with a huge number of entries": withGguf((parts, _, random) => void (parts.entryCount = random.choice(hugeCounts))),
  "GGUF with a huge side": withGguf((_, tensor, random) => void (tensor.shape = [random.choice(hugeCounts), ...(random.integer(2) === 0 ? [random.choice(hugeCounts)] : [])])),
  "GGUF with another shape": withGguf((_, tensor, random) => void (tensor.shape = [1 + random.integer(8), 256])),
  "GGUF with a huge offset": withGguf((_, tensor, random) => void (tensor.offset = random.choice(hugeCounts))),
  "GGUF with overlapping tensors": withGguf(({ tensors }, _, random) => void (tensors[1 + random.integer(tensors.length - 1)]!.offset = 0)),
  "GGUF with a place that is not aligned": withGguf((_, tensor, random) => void (tensor.offset = 1 + random.integer(31))),
  "GGUF with another type": withGguf((_, tensor, random) => void (tensor.type = random.choice([4, 5, 9, 10, 11, 15, 16, 24, 28, 35, 100, 2 ** 31]))),
  "GGUF with a name twice": withGguf(({ tensors }, tensor) => void (tensors.find((other) => other !== tensor)!.name = tensor.name)),
  "GGUF that lacks a tensor": withGguf(({ tensors }, tensor) => void tensors.splice(tensors.findIndex(({ name }) => name === (tensor.name === "output.weight" ? "token_embd.weight" : tensor.name)), 1)),
  "GGUF with an entry twice": withGguf(({ metadata }, _, random) => void metadata.push(random.choice(metadata))),
  "GGUF that lacks a size": withGguf((parts, _, random) => {
    const lacking = random.choice(["block_count", "embedding_length", "feed_forward_length", "context_length"]);
    parts.metadata = parts.metadata.filter(([key]) => !key.endsWith(lacking));
  }),
  "GGUF with a strange size": withGguf((parts, _, random) => {
    const at = random.choice(parts.metadata.flatMap(([key], index) => (/(block_count|embedding_length|feed_forward_length|head_count)$/.test(key) ? [index] : [])));
    const key = parts.metadata[at]![0];
    parts.metadata[at] = random.choice<Entry>([[key, "u32", 0], [key, "i32", -1], [key, "u64", 2n ** 63n], [key, "u32", 2 ** 32 - 1], [key, "f32", 1.5], [key, "f64", Number.NaN], [key, "text", "2"], [key, "bool", true], [key, "list", "u32", [2, 2]], [key, "u32", 5]]);
  }),
  "GGUF with another architecture": withGguf((parts, _, random) => void (parts.metadata[0] = ["general.architecture", "text", random.choice(["mamba", "", "LLAMA", "constructor", "qwen2moe"])])),
  "GGUF with a strange alignment": withGguf((parts, _, random) => void parts.metadata.push(["general.alignment", "u32", random.choice([0, 3, 33, 2 ** 31, 2 ** 32 - 1])])),
};

/** Case number `number` of a seed. */
export function damagedModel(seed: number, number: number): DamagedModel {
  const names = Object.keys(damages);
  const what = names[number % names.length]!;
  return { what, ...damages[what]!(createRandom(seed, "damaged model", number)) };
}
