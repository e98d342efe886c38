// config.json to ModelShape, and which models are refused.
import t from "tap";
import { parseModelConfig, readModelConfig } from "../../src/engine/model-config.ts";
import { seedlingFolder } from "../../src/engine/resolve-model.ts";

const base = {
  architectures: ["LlamaForCausalLM"], vocab_size: 100, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4,
  num_key_value_heads: 2, intermediate_size: 96, max_position_embeddings: 256, rms_norm_eps: 1e-5, rope_theta: 5e5, tie_word_embeddings: true,
};

t.test("shapes", async (t) => {
  t.same(parseModelConfig(base), {
    vocabularySize: 100, hiddenSize: 64, layers: 2, heads: 4, keyValueHeads: 2, headSize: 16, feedForwardSize: 96,
    ropeTheta: 5e5, normEpsilon: 1e-5, tiedHead: true, maxPositions: 256,
    qkvBias: false, qkNorm: false,
  });
  const { num_key_value_heads: _heads, rope_theta: _theta, tie_word_embeddings: _tied, ...bare } = base;
  t.match(parseModelConfig(bare), { keyValueHeads: 4, ropeTheta: 10_000, tiedHead: false }, "defaults of the Llama family");
  t.equal(parseModelConfig({ ...base, head_dim: 32 }).headSize, 32);
  t.equal(parseModelConfig({ ...bare, rope_parameters: { rope_type: "default", rope_theta: 2e4 } }).ropeTheta, 2e4);
  t.equal(parseModelConfig({ ...base, rope_scaling: null, architectures: undefined, model_type: "llama" }).layers, 2);
  t.match(parseModelConfig({ ...base, architectures: ["Qwen2ForCausalLM"] }), { qkvBias: true, qkNorm: false });
  t.match(parseModelConfig({ ...base, architectures: undefined, model_type: "qwen3" }), { qkvBias: false, qkNorm: true });
  const seedling = readModelConfig(seedlingFolder());
  t.match(seedling.shape, { hiddenSize: 128, layers: 4, heads: 4, keyValueHeads: 2, headSize: 32, tiedHead: true });
  t.same(seedling.endTokens, [1]);
  t.equal(seedling.weightType, "float32");
});

t.test("windows", async (t) => {
  const windows = (change: Record<string, unknown>) => parseModelConfig({ ...base, num_hidden_layers: 4, ...change }).windows;
  const [mistral, qwen2, qwen3] = ["Mistral", "Qwen2", "Qwen3"].map((name) => ({ architectures: [`${name}ForCausalLM`] }));
  t.same(windows({ ...mistral, sliding_window: 128 }), [128, 128, 128, 128]);
  t.same(windows({ ...mistral, sliding_window: 128, layer_types: ["chunked_attention"] }), [128, 128, 128, 128], "as transformers has it");
  t.same(windows({ ...mistral }), [256, 256, 256, 256], "4096 unless it says otherwise, but never more than there are positions");
  t.equal(windows({ ...mistral, sliding_window: null }), undefined);
  t.equal(windows({ sliding_window: 128 }), undefined, "Llama has none");
  for (const qwen of [qwen2, qwen3]) {
    t.equal(windows({ ...qwen, use_sliding_window: false, sliding_window: 64, max_window_layers: 1 }), undefined);
    t.same(windows({ ...qwen, use_sliding_window: true, sliding_window: 64, max_window_layers: 1 }), [0, 64, 64, 64]);
    t.equal(windows({ ...qwen, use_sliding_window: true, sliding_window: 64 }), undefined, "from the 28th layer on");
    const layerTypes = ["full_attention", "sliding_attention", "full_attention", "sliding_attention"];
    t.same(windows({ ...qwen, use_sliding_window: true, sliding_window: 64, layer_types: layerTypes }), [0, 64, 0, 64]);
    t.throws(() => windows({ ...qwen, layer_types: layerTypes }), { code: "AZR_MODEL_FORMAT", message: /sliding_window .* null/ });
  }
  for (const layerTypes of [["full_attention"], "full_attention", ["a", "b", "c", "d"]]) {
    t.throws(() => windows({ ...qwen3, layer_types: layerTypes }), { code: "AZR_MODEL_FORMAT", message: /layer_types .* must be 4 of/ });
  }
  for (const window of [0, -1, 1.5, "64"]) t.throws(() => windows({ ...mistral, sliding_window: window }), { code: "AZR_MODEL_FORMAT", message: /sliding_window/ });
});

t.test("Gemma 3", async (t) => {
  // What gemma-3-270m says, and what the larger ones leave to transformers' defaults.
  const types = (layers: number) => Array.from({ length: layers }, (_, layer) => ((layer + 1) % 6 === 0 ? "full_attention" : "sliding_attention"));
  const small = parseModelConfig({
    architectures: ["Gemma3ForCausalLM"], model_type: "gemma3_text", vocab_size: 262_144, hidden_size: 640, num_hidden_layers: 18, num_attention_heads: 4,
    num_key_value_heads: 1, head_dim: 256, intermediate_size: 2048, max_position_embeddings: 32_768, rms_norm_eps: 1e-6, rope_theta: 1e6, rope_scaling: null,
    rope_local_base_freq: 1e4, query_pre_attn_scalar: 256, sliding_window: 512, layer_types: types(18), hidden_activation: "gelu_pytorch_tanh",
    attn_logit_softcapping: null, final_logit_softcapping: null, use_bidirectional_attention: false, attention_bias: false,
  });
  t.same(small, {
    vocabularySize: 262_144, hiddenSize: 640, layers: 18, heads: 4, keyValueHeads: 1, headSize: 256, feedForwardSize: 2048, ropeTheta: 1e6, normEpsilon: 1e-6,
    tiedHead: true, maxPositions: 32_768, qkvBias: false, qkNorm: true, activation: "gelu-tanh", normOffset: 1, postNorms: true,
    embeddingScale: Math.sqrt(640), attentionScale: 0.0625, localRope: { theta: 1e4 }, windows: types(18).map((type) => (type === "full_attention" ? 0 : 512)),
  });
  const bare = { architectures: ["Gemma3ForCausalLM"], hidden_size: 2560, intermediate_size: 10_240, num_hidden_layers: 34, sliding_window: 1024, rope_scaling: { factor: 8, rope_type: "linear" } };
  const larger = parseModelConfig(bare);
  t.match(larger, { vocabularySize: 262_208, heads: 8, keyValueHeads: 4, headSize: 256, maxPositions: 131_072, ropeTheta: 1e6, attentionScale: 0.0625, localRope: { theta: 1e4 } });
  t.same(larger.ropeFactors, new Array(128).fill(8));
  t.notOk("factors" in larger.localRope!, "layers with a window are not stretched");
  t.same(larger.windows, types(34).map((type) => (type === "full_attention" ? 0 : 1024)));
  t.equal(parseModelConfig({ ...bare, sliding_window_pattern: 2 }).windows!.filter((window) => window === 0).length, 17);
  const newer = parseModelConfig({
    ...bare, rope_scaling: undefined,
    rope_parameters: { full_attention: { rope_type: "linear", factor: 8, rope_theta: 1e6 }, sliding_attention: { rope_type: "default", rope_theta: 1e4 } },
  });
  t.same(newer, larger, "as transformers 5 writes it");
  for (const change of [{ final_logit_softcapping: 30 }, { attn_logit_softcapping: 50 }, { use_bidirectional_attention: true }, { attention_bias: true }, { query_pre_attn_scalar: 0 }, { sliding_window_pattern: "6" }, { rope_local_base_freq: -1 }]) {
    t.throws(() => parseModelConfig({ ...bare, ...change }), { code: "AZR_MODEL_FORMAT", message: new RegExp(`${Object.keys(change)[0] === "rope_local_base_freq" ? "rope_theta" : Object.keys(change)[0]}`), hint: /./ }, JSON.stringify(change));
  }
});

t.test("stretched rotary embeddings", async (t) => {
  t.same(parseModelConfig({ ...base, rope_scaling: { type: "linear", factor: 4 } }).ropeFactors, [4, 4, 4, 4, 4, 4, 4, 4]);
  t.same(parseModelConfig({ ...base, rope_factors: [1, 1, 1, 2, 2, 2, 3, 3] }).ropeFactors, [1, 1, 1, 2, 2, 2, 3, 3]);
  // Wavelengths are 6.28, 32.4, 167.08, 861, 4443, ...: kept below 64, divided by 8 above 256. For the one between, (256 / 167.08 - 1) / 3 = 0.1774 of
  // the frequency is kept: 1 / (0.8226 / 8 + 0.1774).
  const { ropeFactors } = parseModelConfig({
    ...base, rope_scaling: { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 256 },
  });
  t.same(ropeFactors!.map((factor) => Number(factor.toFixed(4))), [1, 1, 3.5685, 8, 8, 8, 8, 8]);
});

t.test("refused", async (t) => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ architectures: ["MambaForCausalLM"] }, /MambaForCausalLM/],
    [{ architectures: undefined, model_type: undefined }, /describes null/],
    [{ rope_scaling: { rope_type: "llama3", factor: 8 } }, /low_freq_factor .* null/],
    [{ rope_scaling: { type: "linear" } }, /factor .* null/],
    [{ head_dim: 2 ** 40, rope_scaling: { type: "linear", factor: 4 } }, /heads of 1099511627776 values, beyond what any model has/],
    [{ rope_scaling: { type: "yarn", factor: 2 } }, /"yarn"/],
    [{ rope_scaling: { rope_type: "llama3", factor: 8, low_freq_factor: 4, high_freq_factor: 1, original_max_position_embeddings: 64 } }, /above low_freq_factor/],
    [{ rope_factors: [1, 2] }, /8 positive numbers/],
    [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor 0.5/],
    [{ architectures: ["Qwen3ForCausalLM"], attention_bias: true }, /attention_bias/],
    [{ hidden_act: "gelu" }, /"gelu"/],
    [{ attention_bias: true }, /attention_bias/],
    [{ hidden_size: 66 }, /not divisible by num_attention_heads/],
    [{ num_key_value_heads: 3 }, /not divisible by num_key_value_heads/],
    [{ head_dim: 15 }, /odd/],
    [{ vocab_size: 0 }, /vocab_size .* 0/],
    [{ num_hidden_layers: "2" }, /num_hidden_layers .* "2"/],
    [{ architectures: ["MistralForCausalLM"], num_hidden_layers: 2 ** 40 }, /1099511627776 layers/],
    [{ intermediate_size: undefined }, /intermediate_size .* null/],
    [{ rms_norm_eps: -1 }, /rms_norm_eps/],
    [{ rope_theta: "1e4" }, /rope_theta/],
  ];
  for (const [change, message] of cases) t.throws(() => parseModelConfig({ ...base, ...change }), { code: "AZR_MODEL_FORMAT", message, hint: /./ }, JSON.stringify(change));
  const folder = t.testdir({ none: {}, cut: { "config.json": "{" }, list: { "config.json": "[]" } });
  t.throws(() => readModelConfig(`${folder}/none`), { code: "AZR_MODEL_NOT_FOUND", message: /config\.json/ });
  t.throws(() => readModelConfig(`${folder}/cut`), { code: "AZR_MODEL_FORMAT", message: /cannot be read/ });
  t.throws(() => readModelConfig(`${folder}/list`), { code: "AZR_MODEL_FORMAT", message: /object/ });
});
