#include "addon/convert.h"

#include "engine/status.h"

namespace azr {

namespace {

// The numbers of a plain array; none of anything else.
std::vector<double> Numbers(const Napi::Value& value) {
  std::vector<double> numbers;
  if (!value.IsArray()) return numbers;
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) numbers.push_back(array.Get(i).ToNumber().DoubleValue());
  return numbers;
}

}  // namespace

ModelShape ToShape(const Napi::Object& o) {
  ModelShape shape;
  shape.vocabulary = Integer(o, "vocabularySize");
  shape.hidden = Integer(o, "hiddenSize");
  shape.layers = Integer(o, "layers");
  shape.heads = Integer(o, "heads");
  shape.key_value_heads = Integer(o, "keyValueHeads");
  shape.head_size = Integer(o, "headSize");
  shape.feed_forward = Integer(o, "feedForwardSize");
  shape.rope_theta = Number(o, "ropeTheta");
  shape.norm_epsilon = static_cast<float>(Number(o, "normEpsilon"));
  shape.tied_head = o.Get("tiedHead").As<Napi::Boolean>();
  shape.max_positions = Integer(o, "maxPositions");
  shape.qkv_bias = o.Get("qkvBias").ToBoolean();
  shape.qk_norm = o.Get("qkNorm").ToBoolean();
  shape.rope_factors = Numbers(o.Get("ropeFactors"));
  for (const double window : Numbers(o.Get("windows"))) shape.windows.push_back(static_cast<int64_t>(window));
  const Napi::Value local = o.Get("localRope");
  if (local.IsObject()) {
    shape.local_rope_theta = Number(local.As<Napi::Object>(), "theta");
    shape.local_rope_factors = Numbers(local.As<Napi::Object>().Get("factors"));
  }
  const auto number = [&](const char* name, float otherwise) {
    const Napi::Value value = o.Get(name);
    return value.IsNumber() ? value.ToNumber().FloatValue() : otherwise;
  };
  shape.attention_scale = number("attentionScale", shape.attention_scale);
  shape.embedding_scale = number("embeddingScale", shape.embedding_scale);
  shape.norm_offset = number("normOffset", shape.norm_offset);
  shape.post_norms = o.Get("postNorms").ToBoolean();
  const Napi::Value activation = o.Get("activation");
  const std::string gate = activation.IsUndefined() ? "silu" : activation.ToString().Utf8Value();
  if (gate != "silu" && gate != "gelu-tanh") throw Napi::TypeError::New(o.Env(), "unknown activation " + gate);
  shape.activation = gate == "silu" ? Activation::kSilu : Activation::kGeluTanh;
  return shape;
}

WeightSettings ToWeightSettings(const Napi::Object& o) {
  try {
    WeightSettings settings{WeightFormatNamed(Text(o, "weights")), o.Get("trainable").ToBoolean()};
    if (o.Get("lora").IsObject()) settings.lora = ToLoraSettings(o.Get("lora").As<Napi::Object>());
    return settings;
  } catch (const EngineError& error) {  // only a Napi::Error may leave a callback
    throw Napi::TypeError::New(o.Env(), error.what());
  }
}

LoraSettings ToLoraSettings(const Napi::Object& o) {
  LoraSettings settings;
  settings.rank = Integer(o, "rank");
  settings.alpha = static_cast<float>(Number(o, "alpha"));
  const auto targets = o.Get("targets").As<Napi::Array>();
  for (uint32_t i = 0; i < targets.Length(); ++i) settings.targets.push_back(targets.Get(i).ToString());
  settings.seed = static_cast<uint64_t>(Integer(o, "seed"));
  return settings;
}

GenerateSettings ToGenerateSettings(const Napi::Object& o) {
  GenerateSettings settings;
  settings.samples = Integer(o, "samples");
  settings.max_tokens = Integer(o, "maxTokens");
  settings.sampler.temperature = static_cast<float>(Number(o, "temperature"));
  settings.sampler.top_p = static_cast<float>(Number(o, "topP"));
  settings.sampler.top_k = Integer(o, "topK");
  settings.seed = static_cast<uint64_t>(Integer(o, "seed"));
  settings.stop_tokens = ToVector<int32_t>(o.Get("stopTokens"));
  settings.sampler.min_p = static_cast<float>(Number(o, "minP"));
  settings.changes.repetition_penalty = static_cast<float>(Number(o, "repetitionPenalty"));
  settings.changes.bias_tokens = ToVector<int32_t>(o.Get("biasTokens"));
  settings.changes.bias_values = ToVector<float>(o.Get("biasValues"));
  for (const double seed : ToVector<double>(o.Get("seeds"))) settings.seeds.push_back(static_cast<uint64_t>(seed));
  settings.min_tokens = Integer(o, "minTokens");
  settings.cache_bytes = Integer(o, "cacheBytes");
  return settings;
}

UpdateBatch ToUpdateBatch(const Napi::Object& o) {
  UpdateBatch batch;
  batch.prompts = Rows(o, "prompts");
  batch.completions = Rows(o, "completions");
  batch.completion_prompt = ToVector<int32_t>(o.Get("completionPrompt"));
  batch.weights = ToVector<float>(o.Get("weights"));
  batch.advantages = ToVector<float>(o.Get("advantages"));
  batch.old_log_probabilities = ToVector<float>(o.Get("oldLogProbabilities"));
  batch.reference_log_probabilities = ToVector<float>(o.Get("referenceLogProbabilities"));
  batch.sampler_log_probabilities = ToVector<float>(o.Get("samplerLogProbabilities"));
  return batch;
}

UpdateSettings ToUpdateSettings(const Napi::Object& o) {
  UpdateSettings settings;
  settings.loss.policy = Text(o, "loss") == "policy";
  settings.loss.clip_low = static_cast<float>(Number(o, "clipLow"));
  settings.loss.clip_high = static_cast<float>(Number(o, "clipHigh"));
  settings.loss.dual_clip = static_cast<float>(Number(o, "dualClip"));
  settings.loss.entropy_bonus = static_cast<float>(Number(o, "entropyBonus"));
  settings.loss.kl = static_cast<KlEstimator>(Integer(o, "klEstimator"));
  settings.loss.kl_coefficient = static_cast<float>(Number(o, "klCoefficient"));
  settings.loss.importance_cap = static_cast<float>(Number(o, "importanceCap"));
  settings.micro_batch_tokens = Integer(o, "microBatchTokens");
  settings.checkpoint_activations = o.Get("checkpointActivations").ToBoolean();
  settings.max_gap = Number(o, "maxGap");
  const auto optimizer = o.Get("optimizer").As<Napi::Object>();
  settings.optimizer.learning_rate = static_cast<float>(Number(optimizer, "learningRate"));
  settings.optimizer.beta1 = static_cast<float>(Number(optimizer, "beta1"));
  settings.optimizer.beta2 = static_cast<float>(Number(optimizer, "beta2"));
  settings.optimizer.epsilon = static_cast<float>(Number(optimizer, "epsilon"));
  settings.optimizer.weight_decay = static_cast<float>(Number(optimizer, "weightDecay"));
  settings.optimizer.clip_norm = static_cast<float>(Number(optimizer, "clipNorm"));
  settings.optimizer.learning_rate_scales = ToVector<float>(optimizer.Get("learningRateScales"));
  settings.optimizer.weight_decays = ToVector<float>(optimizer.Get("weightDecays"));
  return settings;
}

StorageType ToStorageType(const Napi::Value& name) {
  try {
    return StorageTypeNamed(name.As<Napi::String>().Utf8Value());
  } catch (const EngineError& error) {  // only a Napi::Error may leave a callback
    throw Napi::TypeError::New(name.Env(), error.what());
  }
}

std::vector<TensorSource> ToSources(const Napi::Array& array) {
  std::vector<TensorSource> sources;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const auto item = array.Get(i).As<Napi::Object>();
    TensorSource source{Integer(item, "index"), Text(item, "path"), Integer(item, "offset"),
                        ToStorageType(item.Get("dtype"))};
    if (item.Has("pairedRows")) source.paired_rows = Integer(item, "pairedRows");
    if (item.Has("shift")) source.shift = static_cast<float>(Number(item, "shift"));
    sources.push_back(source);
  }
  return sources;
}

Napi::Value FromRows(Napi::Env env, const TokenRows& rows) {
  auto object = Napi::Object::New(env);
  object.Set("tokens", ToArray(env, rows.tokens));
  object.Set("lengths", ToArray(env, rows.lengths));
  return object;
}

Napi::Value FromGenerate(Napi::Env env, const GenerateResult& result) {
  auto object = Napi::Object::New(env);
  object.Set("completions", FromRows(env, result.completions));
  object.Set("logProbabilities", ToArray(env, result.log_probabilities));
  object.Set("stopped", ToArray(env, result.stopped));
  return object;
}

Napi::Value FromUpdate(Napi::Env env, const UpdateResult& result) {
  auto object = Napi::Object::New(env);
  object.Set("loss", result.loss);
  object.Set("gradientNorm", result.gradient_norm);
  object.Set("clipFraction", result.clip_fraction);
  object.Set("approximateKl", result.approximate_kl);
  object.Set("entropy", result.entropy);
  object.Set("meanLogProbabilityGap", result.mean_log_probability_gap);
  object.Set("maxLogProbabilityGap", result.max_log_probability_gap);
  object.Set("referenceKl", result.reference_kl);
  object.Set("importanceMean", result.importance_mean);
  object.Set("importanceMax", result.importance_max);
  object.Set("importanceCapped", result.importance_capped);
  object.Set("computedTokens", static_cast<double>(result.computed_tokens));
  object.Set("trainedTokens", static_cast<double>(result.trained_tokens));
  return object;
}

}  // namespace azr
