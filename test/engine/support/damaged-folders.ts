// Model folders with one thing wrong in each: config.json, weights in one safetensors file or in shards with their index, and what a folder
// can hold in place of a file. The tokenizer is sound; damaged-tokenizers.ts has those that are not.
import type { Random } from "../../../src/random.ts";
import { createSafetensorsHeader } from "../../../src/engine/safetensors.ts";
import { readTruth, truthNames, truthTensors } from "../../truth/model-folder.ts";
import { cut, damagedBytes, damagedText, damagedTree, extreme, flip, hugeCounts, mischief, noise, scramble, splice, strange, strangeNumbers, withRawValue } from "./damage.ts";
import type { Content, Damage, DamagedModel, Sound } from "./damage.ts";

type Files = DamagedModel["files"];

const truth = readTruth("llama-untied");
const weights = truthTensors(truth, "weight").map(([name, shape, values]) => ({ name, shape, dtype: "F32" as const, data: Buffer.from(values.buffer, values.byteOffset, values.byteLength) }));
const header = Buffer.from(createSafetensorsHeader(weights, { format: "pt" }));
const config = JSON.parse(truth.config) as Record<string, unknown>;
const otherConfigs = truthNames.map((name) => readTruth(name).config);
const words = Object.fromEntries(["<unk>", ..."abcdefgh 123"].map((word, id) => [word, id]));
const smallTokenizerJson = JSON.stringify({ added_tokens: [], pre_tokenizer: { type: "Split", pattern: { Regex: "." }, behavior: "Isolated", invert: false }, model: { type: "WordLevel", vocab: words, unk_token: "<unk>" } });

const single = "model.safetensors";
const whole = Buffer.concat([header, ...weights.map(({ data }) => data)]);
const common: Files = { "config.json": truth.config, "tokenizer.json": smallTokenizerJson };
const soundFolder: Files = { ...common, [single]: whole };

// Three shards and their index.
const indexName = "model.safetensors.index.json";
const shards = [weights.slice(0, 6), weights.slice(6, 14), weights.slice(14)];
const shardName = (shard: number): string => `model-0000${shard + 1}-of-00003.safetensors`;
const shardBytes = shards.map((tensors) => Buffer.concat([createSafetensorsHeader(tensors), ...tensors.map(({ data }) => data)]));
const index: Record<string, unknown> = Object.fromEntries(shards.flatMap((tensors, shard) => tensors.map(({ name }) => [name, shardName(shard)])));
const indexText = JSON.stringify({ metadata: { total_size: 1 }, weight_map: index });
const soundShards: Files = { ...common, [indexName]: indexText, ...Object.fromEntries(shardBytes.map((bytes, shard) => [shardName(shard), bytes])) };

export const soundFolders: Sound = (random) => ({ files: random.choice([soundFolder, soundShards]) });

const folder = (name: string, content: Content, mustFail = true) => ({ files: { ...soundFolder, [name]: content }, mustFail });
const sharded = (name: string, content: Content, mustFail = true) => ({ files: { ...soundShards, [name]: content }, mustFail });
const mapped = (change: Record<string, unknown>, mustFail = true) => sharded(indexName, JSON.stringify({ weight_map: { ...index, ...change } }), mustFail);
const weighed = (content: Content, mustFail = true) => folder(single, content, mustFail);
const setTo = (change: Record<string, unknown>, mustFail = true) => folder("config.json", JSON.stringify({ ...config, ...change }), mustFail);

type Entry = { dtype: unknown; shape: unknown; data_offsets: unknown };
type Header = Record<string, Entry>;

function headed(change: (json: Header, name: string, other: string, random: Random) => string | void, mustFail = true): Damage {
  return (random) => {
    const json = JSON.parse(header.subarray(8).toString()) as Header & { __metadata__?: unknown };
    delete json.__metadata__;
    const [name, other] = random.sample(Object.keys(json), 2) as [string, string];
    const text = Buffer.from(change(json, name, other, random) ?? JSON.stringify(json));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return weighed(Buffer.concat([length, text, ...weights.map(({ data }) => data)]), mustFail);
  };
}

const rename = (json: Header, name: string, to: string): Header => Object.fromEntries(Object.entries(json).map(([key, entry]) => [key === name ? to : key, entry]));
const sizes = ["vocab_size", "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads", "head_dim"];

// Values that are no numbers, and numbers that no sum holds, as the bytes of floats of each type.
function withValues(dtype: "F32" | "F16" | "BF16", bytes: Buffer, random: Random): Uint8Array {
  const typed = weights.map(({ name, shape, data }) => ({ name, shape, dtype, data: dtype === "F32" ? data : Buffer.alloc(data.length / 2) }));
  const copy = Buffer.concat([createSafetensorsHeader(typed), ...typed.map(({ data }) => data)]);
  const count = Math.floor(typed.reduce((sum, { data }) => sum + data.length, 0) / bytes.length);
  copy.set(bytes, copy.length - bytes.length * (1 + random.integer(count)));
  return copy;
}
const noNumbers = { F32: ["0000c07f", "0000807f", "000080ff", "ffffffff"], F16: ["007e", "007c", "00fc"], BF16: ["c07f", "807f", "80ff"] };

const notFiles: Content[] = [{ folder: true }, { pipe: true }, { link: "/dev/zero" }, { link: "/dev/null" }, { link: "nowhere" }, { link: "model.safetensors" }, { link: "config.json" }, { link: "tokenizer.json" }, { link: "." }, { link: "/proc/self/mem" }];

export const folderDamages: Record<string, Damage> = {
  "safetensors cut off": (random) => weighed(cut(whole, random)),
  "safetensors longer than it says": (random) => weighed(Buffer.concat([whole, Buffer.alloc(1 + random.integer(99))])),
  "safetensors with damage in its head": (random) => weighed(damagedBytes(whole, random, header.length), false),
  "safetensors with damage anywhere": (random) => weighed(damagedBytes(whole, random), false),
  "safetensors with flipped bytes in its head": (random) => weighed(flip(whole, random, header.length), false),
  "safetensors with an extreme length": (random) => weighed(extreme(whole, random, 8), false),
  "safetensors with a huge header": (random) => {
    const copy = Buffer.from(whole);
    copy.writeBigUInt64LE(random.choice(hugeCounts), 0);
    return weighed(copy);
  },
  "safetensors of noise": (random) => weighed(noise(random, 2000)),
  "safetensors of great length with nothing in it": (random) => weighed({ bytes: random.choice([2 ** 30, 2 ** 36, 2 ** 42]), head: random.choice([new Uint8Array(8), Buffer.from([0, 0xe1, 0xf5, 5, 0, 0, 0, 0]), whole]) }),
  "safetensors with overlapping tensors": headed((json, name, other) => void (json[name]!.data_offsets = json[other]!.data_offsets)),
  "safetensors with a range reversed": headed((json, name) => void (json[name]!.data_offsets = (json[name]!.data_offsets as number[]).toReversed())),
  "safetensors with strange offsets": headed((json, name, _, random) => void (json[name]!.data_offsets = [random.choice(strange), random.choice(strange)])),
  "safetensors with a range moved": headed((json, name, _, random) => void (json[name]!.data_offsets = (json[name]!.data_offsets as number[]).map((offset) => offset + random.choice([-4, 4, 2 ** 40])))),
  "safetensors with a strange side": headed((json, name, _, random) => void (json[name]!.shape = [random.choice(strange), random.choice(strangeNumbers)])),
  "safetensors with another type": headed((json, name, _, random) => void (json[name]!.dtype = random.choice(["F64", "BF16", "I8", "f32", "I32", "F8_E4M3", "constructor", 4, null]))),
  "safetensors that lacks a tensor": headed((json, name) => void delete json[name]),
  "safetensors with a name twice": headed((json, name, other) => JSON.stringify(json).replace(JSON.stringify(other), JSON.stringify(name))),
  "safetensors with a name that looks like another": headed((json, name, _, random) => JSON.stringify(rename(json, name, mischief(name, random)))),
  "safetensors whose product overflows": headed((json, name, _, random) => void (json[name]!.shape = random.choice([[2 ** 32, 2 ** 32, 4], [2 ** 53, 0], new Array<number>(1000).fill(2), [0, 2 ** 53]]))),
  "safetensors with a header of other JSON": headed((json, _, __, random) => withRawValue(json, random), false),
  "safetensors with strange metadata": headed((json, _, __, random) => JSON.stringify({ ...json, __metadata__: random.choice(strange) }), false),
  "weights that are no numbers": (random) => {
    const type = random.choice(["F32", "F16", "BF16"] as const);
    return weighed(withValues(type, Buffer.from(random.choice(noNumbers[type]), "hex"), random));
  },
  "weights at the end of their range": (random) => weighed(withValues("F32", Buffer.from("ffff7f7f".repeat(1 + random.integer(400)), "hex"), random), false),
  "index cut off": (random) => sharded(indexName, indexText.slice(0, random.integer(300))),
  "index with a strange file": (random) => mapped({ [random.choice(Object.keys(index))]: random.choice([...strange, "absent.safetensors", ".", "..", "config.json", "model-00001-of-00003.safetensors\0", "MODEL-00001-OF-00003.SAFETENSORS"]) }),
  "index that points out of the folder": (random) => {
    const shard = random.integer(3);
    const outside = random.choice(["../outside.safetensors", "./../outside.safetensors", `x/../${shardName(shard)}`, `./${shardName(shard)}`, "..\\outside.safetensors", "%2e%2e/outside.safetensors", "..\u2215outside.safetensors", "/etc/hostname", "file:///etc/hostname", "~/outside.safetensors", "../model/../outside.safetensors", "x/outside.safetensors"]);
    const map = Object.fromEntries(Object.entries(index).map(([name, file]) => [name, file === shardName(shard) ? outside : file]));
    return { files: { ...soundShards, [indexName]: JSON.stringify({ weight_map: map }), "../outside.safetensors": shardBytes[shard]! }, mustFail: true };
  },
  "index that puts a tensor elsewhere": (random) => {
    const name = random.choice(Object.keys(index));
    return mapped({ [name]: index[name] === shardName(0) ? shardName(1) : shardName(0) });
  },
  "index without a map": (random) => sharded(indexName, JSON.stringify({ weight_map: random.choice(strange) })),
  "index with a huge map": (random) => mapped(Object.fromEntries(Array.from({ length: random.choice([10, 1000, 30_000]) }, (_, at) => [`tensor ${at}`, random.choice([shardName(0), `shard-${at}.safetensors`])])), false),
  "index with damage": (random) => sharded(indexName, damagedText(indexText, random), false),
  "index of other JSON": (random) => sharded(indexName, withRawValue(JSON.parse(indexText), random), false),
  "index with another tree": (random) => sharded(indexName, JSON.stringify(damagedTree(JSON.parse(indexText), random)), false),
  "shard cut off": (random) => {
    const shard = random.integer(3);
    return sharded(shardName(shard), cut(shardBytes[shard]!, random));
  },
  "shard missing": (random) => {
    const { [shardName(random.integer(3))]: _, ...rest } = soundShards;
    return { files: rest, mustFail: true };
  },
  "shards exchanged": (random) => {
    const [one, other] = random.sample([0, 1, 2], 2) as [number, number];
    return { files: { ...soundShards, [shardName(one)]: shardBytes[other]!, [shardName(other)]: shardBytes[one]! }, mustFail: true };
  },
  "shard twice": (random) => sharded(shardName(random.integer(3)), shardBytes[random.integer(3)]!, false),
  "shard with damage": (random) => {
    const shard = random.integer(3);
    return sharded(shardName(shard), random.choice([scramble, splice, extreme])(shardBytes[shard]!, random), false);
  },
  "no file in place of a shard": (random) => sharded(shardName(random.integer(3)), random.choice(notFiles)),
  "no file in place of the index": (random) => sharded(indexName, random.choice(notFiles)),
  "no file in place of the weights": (random) => weighed(random.choice(notFiles)),
  "no file in place of the config": (random) => folder("config.json", random.choice(notFiles)),
  "no file beside the config": (random) => folder("generation_config.json", random.choice([...notFiles, withRawValue({ eos_token_id: [1, 2] }, random)]), false),
  "links to sound files": (random) => ({ files: { ...soundShards, [shardName(0)]: { link: "../outside.safetensors" }, "../outside.safetensors": shardBytes[0]!, ...(random.integer(2) === 0 ? { "tokenizer.json": { link: "../tokens" }, "../tokens": smallTokenizerJson } : {}) }, mustFail: false }),
  "config with a strange size": (random) => setTo({ [random.choice(sizes)]: random.choice(strange.filter((value) => value !== null)) }),
  "config with anything strange": (random) => setTo({ [random.choice(Object.keys(config))]: random.choice(strange) }, false),
  "config with another tree": (random) => folder("config.json", JSON.stringify(damagedTree(structuredClone(config), random)), false),
  "config of other JSON": (random) => folder("config.json", withRawValue(structuredClone(config), random), false),
  "config with too many layers": (random) => setTo({ num_hidden_layers: 3 + random.integer(2 ** 31) }),
  "config with sizes that make a huge model": (random) => setTo({ [random.choice(["vocab_size", "hidden_size", "intermediate_size"])]: 2 ** (20 + random.integer(33)), num_hidden_layers: 2 ** random.integer(32) }),
  "config with strange rotary settings": (random) => setTo({ rope_parameters: { rope_type: random.choice(["default", "linear", "llama3", "yarn", 3]), rope_theta: random.choice(strange), factor: random.choice(strange), low_freq_factor: random.choice(strange) } }, false),
  "config with strange numbers of all sorts": (random) => setTo({ rms_norm_eps: random.choice([1e-45, 1e308, 5e-324, 1]), rope_theta: random.choice([1e308, 5e-324, 1, 1e-9]), max_position_embeddings: random.choice([1, 4, 2 ** 24, 2 ** 24 + 1, 2 ** 40]) }, false),
  "config of another family with another tree": (random) => folder("config.json", JSON.stringify(damagedTree(JSON.parse(random.choice(otherConfigs)), random)), false),
  "config of another family with anything strange": (random) => {
    const other = JSON.parse(random.choice(otherConfigs)) as Record<string, unknown>;
    return folder("config.json", JSON.stringify({ ...other, [random.choice([...Object.keys(other), "sliding_window", "max_window_layers", "layer_types", "num_hidden_layers"])]: random.choice([...strange, 2 ** 32 - 1]) }), false);
  },
  "config with damage": (random) => folder("config.json", damagedText(truth.config, random), false),
};
