// From the metadata of a GGUF file to the fields of a config.json and Hugging Face names: every family, scaled rotary embeddings,
// split files, and what is refused.
import { join } from "node:path";
import t from "tap";
import { readGguf } from "../../src/engine/gguf.ts";
import { readingHeadsOnce } from "../../src/engine/gguf-heads.ts";
import { ggufTensors, huggingFaceName, readGgufModel } from "../../src/engine/gguf-model.ts";
import { readModelConfig } from "../../src/engine/model-config.ts";
import { readTruth } from "../truth/model-folder.ts";
import { truthParts, writeGguf } from "./support/gguf-file.ts";
import type { Entry, Tensor } from "./support/gguf-file.ts";

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const embedding: Tensor = { name: "token_embd.weight", shape: [100, 64], data: floats(...new Array<number>(6400).fill(0)) };

function basics(kind: string, change: Record<string, Entry | undefined> = {}): Entry[] {
  const entries: Record<string, Entry | undefined> = {
    architecture: ["general.architecture", "text", kind],
    layers: [`${kind}.block_count`, "u32", 2],
    context: [`${kind}.context_length`, "u32", 512],
    hidden: [`${kind}.embedding_length`, "u32", 64],
    forward: [`${kind}.feed_forward_length`, "u32", 96],
    heads: [`${kind}.attention.head_count`, "u32", 2],
    epsilon: [`${kind}.attention.layer_norm_rms_epsilon`, "f32", 1e-5],
    theta: [`${kind}.rope.freq_base`, "f32", 500_000],
    ...change,
  };
  return Object.values(entries).filter((entry) => entry !== undefined);
}

t.test("configs of the families", async (t) => {
  const path = join(t.testdir(), "x.gguf");
  const config = (metadata: Entry[], ...more: Tensor[]) => readGgufModel(writeGguf(path, { metadata, tensors: [embedding, ...more] })).config;
  const llama = config(basics("llama"));
  t.same(llama, {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: 100,
    hidden_size: 64,
    intermediate_size: 96,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    head_dim: 32,
    hidden_act: "silu",
    max_position_embeddings: 512,
    rms_norm_eps: 1e-5,
    rope_theta: 500_000,
    attention_bias: false,
    tie_word_embeddings: true,
  });
  const head: Tensor = { ...embedding, name: "output.weight" };
  t.equal(config(basics("llama"), head)["tie_word_embeddings"], false);
  const qwen = config(basics("qwen3", { keys: ["qwen3.attention.key_length", "u32", 48], values: ["qwen3.attention.value_length", "u32", 48], groups: ["qwen3.attention.head_count_kv", "u32", 1] }));
  t.match(qwen, { architectures: ["Qwen3ForCausalLM"], model_type: "qwen3", head_dim: 48, num_key_value_heads: 1 });
  t.match(config(basics("qwen2")), { architectures: ["Qwen2ForCausalLM"], model_type: "qwen2" });
  const gemma = config(basics("gemma3", { layers: ["gemma3.block_count", "u32", 7], window: ["gemma3.attention.sliding_window", "u32", 512], keys: ["gemma3.attention.key_length", "u32", 256], values: ["gemma3.attention.value_length", "u32", 256] }));
  t.match(gemma, { architectures: ["Gemma3ForCausalLM"], model_type: "gemma3_text", hidden_activation: "gelu_pytorch_tanh", query_pre_attn_scalar: 256, sliding_window: 512 });
  t.same((gemma["layer_types"] as string[]).map((type) => type === "full_attention"), [false, false, false, false, false, true, false]);
  t.notOk("hidden_act" in gemma);
  t.match(readModelConfig(path).shape, { windows: [512, 512, 512, 512, 512, 0, 512], localRope: { theta: 10_000 }, ropeTheta: 500_000, attentionScale: 0.0625 });
  const ends = (...entries: Entry[]) => config([...basics("llama"), ...entries])["eos_token_id"];
  t.equal(ends(["tokenizer.ggml.eos_token_id", "u32", 5]), 5);
  t.same(ends(["tokenizer.ggml.eos_token_id", "u32", 5], ["tokenizer.ggml.eot_token_id", "u32", 6]), [5, 6]);
  t.equal(ends(["tokenizer.ggml.eos_token_id", "u32", 5], ["tokenizer.ggml.eot_token_id", "u32", 5]), 5);
  t.same(readModelConfig(writeGguf(path, { metadata: [...basics("llama"), ["tokenizer.ggml.eos_token_id", "u32", 5]], tensors: [embedding] })).endTokens, [5]);
});

t.test("scaled rotary embeddings", async (t) => {
  const path = join(t.testdir(), "x.gguf");
  const config = (metadata: Entry[], ...more: Tensor[]) => readGgufModel(writeGguf(path, { metadata, tensors: [embedding, ...more] })).config;
  // As Llama 3.1 is converted (the published rule of its frequencies), at head size 32 and 500,000.
  const divisors = Array.from({ length: 16 }, (_, pair) => {
    const wavelength = 2 * Math.PI * 500_000 ** (pair / 16);
    if (wavelength < 8192 / 4) return 1;
    if (wavelength > 8192) return 8;
    return 1 / ((1 - (8192 / wavelength - 1) / 3) / 8 + (8192 / wavelength - 1) / 3);
  });
  const freqs = (values: number[]): Tensor => ({ name: "rope_freqs.weight", shape: [values.length], data: floats(...values) });
  const llama3 = config(basics("llama"), freqs(divisors));
  t.same(llama3["rope_scaling"], { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 });
  t.same(readModelConfig(path).shape.ropeFactors?.map(Math.fround), divisors.map(Math.fround), "the same factors come out again");
  const odd = divisors.with(3, 2);
  t.same(config(basics("llama"), freqs(odd))["rope_factors"], odd.map(Math.fround), "others are given as they are");
  const linear: Entry[] = [["llama.rope.scaling.type", "text", "linear"], ["llama.rope.scaling.factor", "f32", 4]];
  t.same(config([...basics("llama"), ...linear])["rope_scaling"], { rope_type: "linear", factor: 4 });
  t.equal(config([...basics("llama"), ["llama.rope.scaling.type", "text", "none"]])["rope_scaling"], undefined);
  t.throws(() => config(basics("llama"), freqs(divisors.slice(1))), { code: "AZR_MODEL_FORMAT", message: /rope_freqs/ });
  t.throws(() => config(basics("llama"), freqs(divisors.with(2, 0))), { code: "AZR_MODEL_FORMAT", message: /no positive numbers/ });
});

t.test("names", async (t) => {
  const cases: [string, string, string | undefined][] = [
    ["token_embd.weight", "llama", "model.embed_tokens.weight"],
    ["output.weight", "qwen2", "lm_head.weight"],
    ["output_norm.weight", "qwen3", "model.norm.weight"],
    ["blk.11.attn_q.bias", "qwen2", "model.layers.11.self_attn.q_proj.bias"],
    ["blk.0.attn_k_norm.weight", "qwen3", "model.layers.0.self_attn.k_norm.weight"],
    ["blk.0.ffn_norm.weight", "llama", "model.layers.0.post_attention_layernorm.weight"],
    ["blk.0.ffn_norm.weight", "gemma3", "model.layers.0.pre_feedforward_layernorm.weight"],
    ["blk.0.post_attention_norm.weight", "gemma3", "model.layers.0.post_attention_layernorm.weight"],
    ["blk.0.post_ffw_norm.weight", "gemma3", "model.layers.0.post_feedforward_layernorm.weight"],
    ["rope_freqs.weight", "llama", undefined],
    ["blk.0.constructor.weight", "llama", undefined],
    ["blk.x.attn_q.weight", "llama", undefined],
  ];
  for (const [name, kind, expected] of cases) t.equal(huggingFaceName(name, kind), expected, `${name} of ${kind}`);
  const path = join(t.testdir(), "x.gguf");
  const norm: Tensor = { name: "blk.0.attn_norm.weight", shape: [64], data: floats(...new Array<number>(64).fill(1)) };
  const query: Tensor = { name: "blk.0.attn_q.weight", shape: [64, 64], data: floats(...new Array<number>(4096).fill(0)) };
  for (const [kind, pairedRows, shift] of [["llama", 32, 0], ["qwen2", 0, 0], ["gemma3", 0, -1]] as const) {
    const found = ggufTensors(readGgufModel(writeGguf(path, { metadata: basics(kind), tensors: [embedding, norm, query] })));
    t.match(found.get("model.layers.0.self_attn.q_proj.weight"), { pairedRows, shift: 0 }, kind);
    t.match(found.get("model.layers.0.input_layernorm.weight"), { pairedRows: 0, shift }, kind);
  }
});

t.test("models that are refused", async (t) => {
  const path = join(t.testdir(), "x.gguf");
  const cases: [string, Entry[], RegExp, Tensor[]?][] = [
    ["no architecture", [], /architecture null/],
    ["an unknown one", basics("mamba"), /architecture "mamba"/],
    ["an inherited one", basics("toString"), /architecture "toString"/],
    ["no table of embeddings", basics("llama"), /token_embd/, []],
    ["no layers", basics("llama", { layers: undefined }), /llama.block_count as nothing/],
    ["layers in words", basics("llama", { layers: ["llama.block_count", "text", "2"] }), /block_count as "2"/],
    ["heads by layer", basics("llama", { heads: ["llama.attention.head_count", "list", "u32", [2, 4]] }), /head_count as a list/],
    ["absurdly many layers", basics("llama", { layers: ["llama.block_count", "u32", 2 ** 31] }), /2147483648 layers/],
    ["heads that do not divide", basics("llama", { heads: ["llama.attention.head_count", "u32", 3] }), /does not divide/],
    ["an epsilon that is no number", basics("llama", { epsilon: ["llama.attention.layer_norm_rms_epsilon", "f32", NaN] }), /epsilon as "NaN"/],
    ["experts", basics("llama", { experts: ["llama.expert_count", "u32", 8] }), /mixture of experts/],
    ["values of another size", basics("llama", { values: ["llama.attention.value_length", "u32", 16] }), /values of another size/],
    ["heads that turn in part", basics("llama", { turned: ["llama.rope.dimension_count", "u32", 16] }), /rope.dimension_count/],
  ];
  for (const [name, metadata, message, tensors = [embedding]] of cases) {
    writeGguf(path, { metadata, tensors });
    t.throws(() => readGgufModel(path), { name: "AzrError", code: "AZR_MODEL_FORMAT", message, hint: /./ }, name);
  }
});

t.test("split files", async (t) => {
  const folder = t.testdir();
  const { metadata, tensors } = truthParts(readTruth("llama-untied"));
  const part = (number: number) => join(folder, `m-0000${number}-of-00003.gguf`);
  const split = (number: number, count = 3): Entry[] => [["split.no", "u16", number - 1], ["split.count", "u16", count], ["split.tensors.count", "i32", tensors.length]];
  writeGguf(part(1), { metadata: [...metadata, ...split(1)], tensors: tensors.slice(0, 5) });
  writeGguf(part(2), { metadata: split(2), tensors: tensors.slice(5, 9) });
  t.throws(() => readGgufModel(part(1)), { code: "AZR_MODEL_NOT_FOUND", message: /m-00003-of-00003/ });
  writeGguf(part(3), { metadata: split(3), tensors: tensors.slice(9) });
  const whole = ggufTensors(readGgufModel(part(1)));
  t.equal(whole.size, tensors.length);
  t.same([...new Set([...whole.values()].map(({ path }) => path))], [1, 2, 3].map(part));
  t.throws(() => readGgufModel(part(2)), { code: "AZR_MODEL_FORMAT", message: /not the first of its parts/, hint: /m-00001-of-00003/ });
  writeGguf(part(3), { metadata: split(3), tensors: tensors.slice(8) });
  t.throws(() => readGgufModel(part(1)), { code: "AZR_MODEL_FORMAT", message: /which another part has too/ });
  writeGguf(part(3), { metadata: split(3), tensors: tensors.slice(10) });
  t.throws(() => readGgufModel(part(1)), { code: "AZR_MODEL_FORMAT", message: /tensors where/ });
  writeGguf(part(3), { metadata: split(2), tensors: tensors.slice(9) });
  t.throws(() => readGgufModel(part(1)), { code: "AZR_MODEL_FORMAT", message: /is not part 3 of 3/ });
  t.throws(() => readGgufModel(writeGguf(join(folder, "renamed.gguf"), { metadata: [...metadata, ...split(1)], tensors })), { code: "AZR_MODEL_FORMAT", message: /not named so/ });
});

t.test("within one opening a head is parsed once, and anew after it", async (t) => {
  const path = writeGguf(join(t.testdir(), "x.gguf"), { metadata: basics("llama"), tensors: [embedding] });
  let late: (() => void) | undefined;
  const later = new Promise<void>((resolve) => (late = resolve));
  let afterwards: Promise<unknown> | undefined;
  const first = await readingHeadsOnce(async () => {
    const head = readGguf(path);
    afterwards = later.then(() => readGguf(path));
    await null;
    t.equal(await readingHeadsOnce(async () => readGguf(path)), head, "by a call within too");
    t.equal(readGguf(path), head);
    return head;
  });
  writeGguf(path, { metadata: basics("qwen2"), tensors: [embedding] });
  late!();
  t.equal(((await afterwards) as typeof first).metadata.get("general.architecture"), "qwen2", "what an opening leaves behind sees the file as it is");
  t.not(readGguf(path), readGguf(path), "outside of one nothing is kept");
  await t.rejects(readingHeadsOnce(async () => readGguf(join(path, "..", "none.gguf"))), { code: "AZR_MODEL_NOT_FOUND" });
});

t.test("whole numbers beyond doubles, where something else belongs", async (t) => {
  const path = join(t.testdir(), "x.gguf");
  const huge = (key: string): Entry => [key, "u64", 2n ** 63n];
  const wrong: [Entry[], RegExp][] = [
    [basics("llama", { architecture: huge("general.architecture") }), /the architecture 9223372036854775808/],
    [[...basics("llama"), huge("llama.rope.scaling.type")], /rotary embeddings by "9223372036854775808"/],
    [[...basics("llama"), ["llama.rope.scaling.type", "text", "linear"], huge("llama.rope.scaling.factor")], /factor .* must be a positive number, not "9223372036854775808"/],
    [[...basics("llama"), ["llama.rope.scaling.type", "list", "u64", [2n ** 63n]]], /rotary embeddings by/],
  ];
  for (const [metadata, message] of wrong) t.throws(() => readModelConfig(writeGguf(path, { metadata, tensors: [embedding] })), { code: "AZR_MODEL_FORMAT", message });
});
