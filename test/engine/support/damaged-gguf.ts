// GGUF files with one thing wrong in each: sizes, places and types of tensors, metadata, the tokenizer that the file carries, and the parts of
// a split one.
import type { Random } from "../../../src/random.ts";
import { readTruth } from "../../truth/model-folder.ts";
import { damagedBytes, extreme, flip, hugeCounts, mischief, noise, scramble, splice } from "./damage.ts";
import type { Content, Damage, Sound } from "./damage.ts";
import { ggufBytes, truthParts, valueTypes } from "./gguf-file.ts";
import type { Entry, GgufParts, Tensor } from "./gguf-file.ts";

type Parts = GgufParts & { metadata: Entry[]; tensors: Tensor[] };

const truth = readTruth("llama-untied");

// --- sound files: of two sorts of tokenizer, and one as llama.cpp makes it, one with a tensor in every block format ---

const letters = ["<unk>", "<s>", "</s>", ..."abcdefgh \u2581", "ab", "cd", "abcd", "\u2581ab", "<0x41>", "\u0120"];
const tokens = [...letters, ...Array.from({ length: 35 - letters.length }, (_, at) => `token ${at}`)];
const typeOf = (token: string): number => (token === "<unk>" ? 2 : token.startsWith("<0x") ? 6 : token.startsWith("<") ? 3 : 1);
const vocabulary = (sort: string): Entry[] => [
  ["tokenizer.ggml.model", "text", sort],
  ["tokenizer.ggml.pre", "text", "llama-bpe"],
  ["tokenizer.ggml.tokens", "list", "text", tokens],
  ["tokenizer.ggml.token_type", "list", "i32", tokens.map(typeOf)],
  ["tokenizer.ggml.scores", "list", "f32", tokens.map((_, id) => -id)],
  ["tokenizer.ggml.merges", "list", "text", ["a b", "c d", "ab cd"]],
  ["tokenizer.ggml.bos_token_id", "u32", 1],
  ["tokenizer.ggml.unknown_token_id", "u32", 0],
  ["tokenizer.ggml.add_bos_token", "bool", true],
  ["tokenizer.chat_template", "text", "{{ bos_token }}{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"],
];

function plainParts(random: Random): Parts {
  const parts = truthParts(truth);
  return { ...parts, metadata: [...parts.metadata, ...vocabulary(random.choice(["gpt2", "llama"]))] };
}

const blocks: Record<number, [values: number, bytes: number]> = { 8: [32, 34], 2: [32, 18], 3: [32, 20], 6: [32, 22], 7: [32, 24], 12: [256, 144], 13: [256, 176], 14: [256, 210], 1: [1, 2], 30: [1, 2] };
function blockParts(random: Random): Parts {
  const rows = { "token_embd.weight": 35, "blk.0.attn_q.weight": 256, "blk.0.attn_k.weight": 128, "blk.0.attn_v.weight": 128, "blk.0.attn_output.weight": 256, "blk.0.ffn_gate.weight": 256, "blk.0.ffn_up.weight": 256, "blk.0.ffn_down.weight": 256, "output.weight": 35 };
  const matrices = Object.entries(rows).map(([name, count], at): Tensor => {
    const type = Number(Object.keys(blocks)[at]);
    const [values, bytes] = blocks[type]!;
    return { name, shape: [count, 256], type, data: new Uint8Array(((count * 256) / values) * bytes) };
  });
  const norms = ["blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"].map((name): Tensor => ({ name, shape: [256], data: new Uint8Array(new Float32Array(256).fill(1).buffer) }));
  const numbers = { block_count: 1, context_length: 64, embedding_length: 256, feed_forward_length: 256, "attention.head_count": 4, "attention.head_count_kv": 2 };
  return { metadata: [["general.architecture", "text", "llama"], ...Object.entries(numbers).map(([key, value]): Entry => [`llama.${key}`, "u32", value]), ...vocabulary(random.choice(["gpt2", "llama"]))], tensors: [...matrices, ...norms] };
}

const file = "model.gguf";
const someParts = (random: Random): Parts => (random.integer(2) === 0 ? plainParts(random) : blockParts(random));
const soundBytes = (random: Random): Uint8Array => ggufBytes(someParts(random));
export const soundGguf: Sound = (random) => ({ files: { [file]: soundBytes(random) }, file });
const headBytes = (bytes: Uint8Array, { tensors }: Parts): number => bytes.length - tensors.reduce((sum, { data }) => sum + data.length, 0);

const opened = (content: Content, mustFail = true) => ({ files: { [file]: content }, file, mustFail });

function changed(change: (parts: Parts, tensor: Tensor, random: Random) => void, mustFail = true): Damage {
  return (random) => {
    const parts = someParts(random);
    change(parts, random.choice(parts.tensors), random);
    return opened(ggufBytes(parts), mustFail);
  };
}

// Damage to the bytes of the head, or anywhere.
function hit(damage: (bytes: Uint8Array, random: Random, end?: number) => Uint8Array, anywhere = false): Damage {
  return (random) => {
    const parts = someParts(random);
    const bytes = ggufBytes(parts);
    return opened(damage(bytes, random, anywhere ? bytes.length : headBytes(bytes, parts)), false);
  };
}

function setEntry({ metadata }: Parts, entry: Entry): void {
  const at = metadata.findIndex(([key]) => key === entry[0]);
  metadata.splice(at < 0 ? metadata.length : at, at < 0 ? 0 : 1, entry);
}

// --- values of metadata that the writer of sound files does not write ---

const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: bigint): Buffer => Buffer.from(BigUint64Array.of(BigInt.asUintN(64, value)).buffer);
const { list, text } = valueTypes;

/** Type and value as bytes. */
const rawEntry = (random: Random): Buffer =>
  random.choice<() => Buffer>([
    () => Buffer.concat([u32(list), ...Array.from({ length: random.choice([3, 4, 5, 100, 100_000]) }, () => Buffer.concat([u32(list), u64(1n)])), u32(0), u64(0n)]),
    () => Buffer.concat([u32(list), u32(random.integer(14)), u64(random.choice(hugeCounts))]),
    () => Buffer.concat([u32(text), u64(random.choice(hugeCounts)), Buffer.from("abc")]),
    () => Buffer.concat([u32(random.choice([13, 14, 99, 2 ** 31, 2 ** 32 - 1])), u64(1n)]),
    () => Buffer.concat([u32(valueTypes.bool), Buffer.from([random.integer(256)])]),
    () => Buffer.concat([u32(list), u32(text), u64(300_000n), Buffer.alloc(8 * 300_000)]),
    () => Buffer.concat([u32(text), u64(6n), Buffer.from([0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80])]),
  ])();

function withRawEntry(parts: Parts, random: Random): Buffer {
  const [key, place] = ["a.place.for.it", Buffer.from("its value")];
  parts.metadata.splice(random.integer(parts.metadata.length), 0, [key, "text", place.toString()]);
  const bytes = ggufBytes(parts);
  const begin = bytes.indexOf(key) + key.length;
  return Buffer.concat([bytes.subarray(0, begin), rawEntry(random), bytes.subarray(begin + 12 + place.length)]);
}

const strangeEntry = (key: string, random: Random): Entry =>
  random.choice<Entry>([[key, "u32", 0], [key, "i32", -1], [key, "u64", 2n ** 63n], [key, "u32", 2 ** 32 - 1], [key, "f32", 1.5], [key, "f64", Number.NaN], [key, "f64", Number.POSITIVE_INFINITY], [key, "text", "2"], [key, "bool", true], [key, "list", "u32", [2, 2]], [key, "list", "text", []], [key, "u32", 5]]);

const listNames = ["tokens", "token_type", "scores", "merges"];
const texts = (random: Random): string => random.choice(["", "a b c", "x y", " ", "\u0000", mischief("ab", random), "a".repeat(random.choice([100, 3000, 50_000])), "\u{1f600}", "<s>", "<0x4>", "ab"]);

// Another entry in one of the tokenizer's lists, or another length of it.
function damageList(parts: Parts, random: Random): void {
  const name = `tokenizer.ggml.${random.choice(listNames)}`;
  const entry = parts.metadata.find(([key]) => key === name) as [string, "list", "text" | "i32" | "f32", unknown[]];
  const values = [...entry[3]];
  const value = entry[2] === "text" ? texts(random) : entry[2] === "i32" ? random.choice([-1, 0, 2, 3, 4, 5, 6, 7, 2 ** 31 - 1]) : random.choice([Number.NaN, Number.POSITIVE_INFINITY, 0, 3.4e38]);
  const at = random.integer(values.length);
  const mode = random.integer(4);
  if (mode === 0) values.splice(at, 1);
  else if (mode === 1) values.push(value);
  else values[at] = value;
  setEntry(parts, [name, "list", entry[2], mode === 3 ? values.toReversed() : values]);
}

// --- a model in two parts ---

const partName = (part: number): string => `model-0000${part}-of-00002.gguf`;
function split(change: (files: Record<string, Content>, numbers: { count: Entry; tensors: Entry }, random: Random) => void, mustFail = true): Damage {
  return (random) => {
    const { metadata, tensors } = someParts(random);
    const numbers: { count: Entry; tensors: Entry } = { count: ["split.count", "u32", 2], tensors: ["split.tensors.count", "u32", tensors.length] };
    const files: Record<string, Content> = {};
    change(files, numbers, random);
    const part = (number: number, more: Entry[], held: Tensor[]) => ggufBytes({ metadata: [...more, ["split.no", "u32", number], numbers.count, numbers.tensors], tensors: held });
    return { files: { [partName(1)]: part(0, metadata, tensors.slice(0, 5)), [partName(2)]: part(1, [], tensors.slice(5)), ...files }, file: partName(1), mustFail };
  };
}

const notFiles: Content[] = [{ folder: true }, { pipe: true }, { link: "/dev/zero" }, { link: "nowhere" }, { link: file }, { link: "/proc/self/mem" }];

export const ggufDamages: Record<string, Damage> = {
  "GGUF cut off": (random) => {
    const bytes = soundBytes(random);
    // Up to the last tensor's last byte: what follows it is padding.
    return opened(bytes.subarray(0, random.integer(bytes.length - 64)));
  },
  "GGUF cut off in its head": (random) => {
    const parts = someParts(random);
    const bytes = ggufBytes(parts);
    return opened(bytes.subarray(0, random.integer(headBytes(bytes, parts))));
  },
  "GGUF with flipped bytes in its head": hit(flip),
  "GGUF with scrambled bytes in its head": hit(scramble),
  "GGUF with an extreme number in its head": hit(extreme),
  "GGUF with a stretch of its head moved": hit(splice),
  "GGUF with damage anywhere": hit(damagedBytes, true),
  "GGUF of noise": (random) => opened(Buffer.concat([Buffer.from("GGUF\u0003\0\0\0"), noise(random, 2000)])),
  "GGUF of great length with nothing in it": (random) => opened({ bytes: random.choice([2 ** 30, 2 ** 36, 2 ** 42]), head: Buffer.concat([Buffer.from("GGUF\u0003\0\0\0"), u64(random.choice(hugeCounts)), u64(random.choice(hugeCounts))]) }),
  "GGUF of another version": changed((parts, _, random) => void (parts.version = random.choice([0, 1, 4, 2 ** 24 * 3, 2 ** 32 - 1]))),
  "GGUF with a huge number of tensors": changed((parts, _, random) => void (parts.tensorCount = random.choice(hugeCounts))),
  "GGUF with a huge number of entries": changed((parts, _, random) => void (parts.entryCount = random.choice(hugeCounts))),
  "GGUF with a huge side": changed((_, tensor, random) => void (tensor.shape = [random.choice(hugeCounts), ...(random.integer(2) === 0 ? [random.choice(hugeCounts)] : [])])),
  "GGUF with another shape": changed((_, tensor, random) => void (tensor.shape = [1 + random.integer(8), 256])),
  "GGUF with another number of sides": changed((_, tensor, random) => void (tensor.shape = new Array<number>(random.choice([0, 3, 4, 5, 1000])).fill(1))),
  "GGUF with a huge offset": changed((_, tensor, random) => void (tensor.offset = random.choice(hugeCounts.filter((count) => count > 0n)))),
  "GGUF with overlapping tensors": changed(({ tensors }, _, random) => void (tensors[1 + random.integer(tensors.length - 1)]!.offset = 0)),
  "GGUF with a place that is not aligned": changed((_, tensor, random) => void (tensor.offset = 1 + random.integer(31))),
  "GGUF with another type": changed((_, tensor, random) => void (tensor.type = random.choice([4, 5, 9, 10, 11, 15, 16, 24, 28, 35, 100, 2 ** 31]))),
  "GGUF with another readable type": changed((_, tensor, random) => void (tensor.type = random.choice([0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 30])), false),
  "GGUF with a name twice": changed(({ tensors }, tensor) => void (tensors.find((other) => other !== tensor)!.name = tensor.name)),
  "GGUF with a name that looks like another": changed((_, tensor, random) => void (tensor.name = mischief(tensor.name, random)), false),
  "GGUF that lacks a tensor": changed(({ tensors }, tensor) => void tensors.splice(tensors.findIndex(({ name }) => name === (tensor.name === "output.weight" ? "token_embd.weight" : tensor.name)), 1)),
  "GGUF with values that are no numbers": changed((_, tensor, random) => {
    const data = Buffer.from(tensor.data);
    const at = 4 * random.integer(Math.floor(data.length / 4));
    if ((tensor.type ?? 0) === 0) data.writeUInt32LE(random.choice([0x7fc00000, 0x7f800000, 0xff800000]), at);
    // Of blocks the scale comes first or last; all ones make it no number.
    else data.fill(0xff);
    tensor.data = data;
  }),
  "GGUF with an entry twice": changed(({ metadata }, _, random) => void metadata.push(random.choice(metadata))),
  "GGUF that lacks a size": changed((parts, _, random) => {
    const lacking = random.choice(["block_count", "embedding_length", "feed_forward_length", "context_length"]);
    parts.metadata = parts.metadata.filter(([key]) => !key.endsWith(lacking));
  }),
  "GGUF with a strange size": changed((parts, _, random) => {
    const [key] = random.choice(parts.metadata.filter(([key]) => /(block_count|embedding_length|feed_forward_length|head_count)$/.test(key)));
    setEntry(parts, strangeEntry(key, random));
  }),
  "GGUF with anything strange": changed((parts, _, random) => setEntry(parts, strangeEntry(random.choice([...parts.metadata.map(([key]) => key), "llama.rope.scaling.type", "llama.rope.scaling.factor", "llama.expert_count", "split.count", "general.alignment"]), random)), false),
  "GGUF with another architecture": changed((parts, _, random) => void (parts.metadata[0] = ["general.architecture", "text", random.choice(["mamba", "", "LLAMA", "constructor", "qwen2moe"])])),
  "GGUF with a strange alignment": changed((parts, _, random) => void parts.metadata.push(["general.alignment", "u32", random.choice([0, 3, 33, 2 ** 31, 2 ** 32 - 1])])),
  "GGUF with a value of odd bytes": (random) => opened(withRawEntry(someParts(random), random), false),
  "GGUF with strange divisors": changed((parts, _, random) => void parts.tensors.push({ name: "rope_freqs.weight", shape: [random.choice([8, 32, 7])], data: Buffer.from(new Float32Array(32).fill(random.choice([0, -1, Number.NaN, 1e38, 2])).buffer) }), false),
  "tokenizer in a GGUF with another list": changed((parts, _, random) => damageList(parts, random), false),
  "tokenizer in a GGUF of another sort": changed((parts, _, random) => setEntry(parts, [`tokenizer.ggml.${random.choice(["model", "pre"])}`, "text", random.choice(["bert", "t5", "", "__proto__", "gpt2", "llama", "qwen2", mischief("gpt2", random)])]), false),
  "tokenizer in a GGUF with anything strange": changed((parts, _, random) => setEntry(parts, strangeEntry(`tokenizer.${random.choice([...listNames, "model", "pre", "bos_token_id", "unknown_token_id", "add_bos_token", "add_space_prefix"].map((name) => `ggml.${name}`).concat("chat_template"))}`, random)), false),
  "tokenizer in a GGUF with too many tokens": changed((parts, _, random) => {
    const all = Array.from({ length: random.choice([36, 1000, 60_000]) }, (_, id) => tokens[id] ?? `more ${id}`);
    setEntry(parts, ["tokenizer.ggml.tokens", "list", "text", all]);
    setEntry(parts, ["tokenizer.ggml.token_type", "list", "i32", all.map(typeOf)]);
    setEntry(parts, ["tokenizer.ggml.scores", "list", "f32", all.map((_, id) => -id)]);
  }),
  "part missing": split((files, _, random) => void (files[partName(2)] = random.choice(notFiles))),
  "part of another model": split((files, _, random) => void (files[partName(2)] = random.choice<Content>([soundBytes(random), noise(random, 500), "", { link: partName(1) }]))),
  "part with damage": split((files, _, random) => void (files[partName(2)] = noise(random, 100))),
  "parts of another number": split((_, numbers, random) => void (numbers.count = strangeEntry("split.count", random)), false),
  "parts with another number of tensors": split((_, numbers, random) => void (numbers.tensors = strangeEntry("split.tensors.count", random))),
  "no file in place of a GGUF": (random) => opened(random.choice(notFiles)),
};
