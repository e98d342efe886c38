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
  t.equal(parseModelConfig({ ...base, architectures: ["MistralForCausalLM"], sliding_window: 128 }).maxPositions, 128, "as far as the window reaches");
  t.equal(parseModelConfig({ ...base, architectures: ["MistralForCausalLM"], sliding_window: null }).maxPositions, 256);
  const seedling = readModelConfig(seedlingFolder());
  t.match(seedling.shape, { hiddenSize: 128, layers: 4, heads: 4, keyValueHeads: 2, headSize: 32, tiedHead: true });
  t.same(seedling.endTokens, [1]);
  t.equal(seedling.weightType, "float32");
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
    [{ rope_scaling: { type: "yarn", factor: 2 } }, /"yarn"/],
    [{ rope_scaling: { rope_type: "llama3", factor: 8, low_freq_factor: 4, high_freq_factor: 1, original_max_position_embeddings: 64 } }, /above low_freq_factor/],
    [{ rope_factors: [1, 2] }, /8 positive numbers/],
    [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor 0.5/],
    [{ architectures: ["Qwen2ForCausalLM"], use_sliding_window: true }, /use_sliding_window/],
    [{ architectures: ["Qwen3ForCausalLM"], attention_bias: true }, /attention_bias/],
    [{ hidden_act: "gelu" }, /"gelu"/],
    [{ attention_bias: true }, /attention_bias/],
    [{ hidden_size: 66 }, /not divisible by num_attention_heads/],
    [{ num_key_value_heads: 3 }, /not divisible by num_key_value_heads/],
    [{ head_dim: 15 }, /odd/],
    [{ vocab_size: 0 }, /vocab_size .* 0/],
    [{ num_hidden_layers: "2" }, /num_hidden_layers .* "2"/],
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
