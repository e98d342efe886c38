#include "engine/engine.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>

#include "engine/parallel.h"
#include "engine/status.h"

namespace azr {
namespace {

constexpr int64_t kScoreTokens = 1024;
constexpr int64_t kMostCompletions = int64_t{1} << 20;       // of one Generate
constexpr int64_t kMostCompletionTokens = int64_t{1} << 28;

class Stopwatch {
 public:
  explicit Stopwatch(double* total) : total_(total), start_(std::chrono::steady_clock::now()) {}
  ~Stopwatch() { *total_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  double* total_;
  std::chrono::steady_clock::time_point start_;
};

// Adapters on or off, on again at the end.
class AdapterUse {
 public:
  AdapterUse(Model* model, bool use) : model_(model) { model_->UseAdapters(use); }
  ~AdapterUse() { model_->UseAdapters(true); }
  AdapterUse(const AdapterUse&) = delete;
  AdapterUse& operator=(const AdapterUse&) = delete;

 private:
  Model* model_;
};

[[noreturn]] void Invalid(const std::string& why) { throw EngineError("AZR_INPUT_INVALID", why); }

void CheckFinite(const std::vector<float>& values, size_t expected, const char* what) {
  if (values.size() != expected) {
    Invalid(std::string(what) + " must have one value a completion token: expected " + std::to_string(expected) +
            ", received " + std::to_string(values.size()));
  }
  for (float v : values) {
    if (!std::isfinite(v)) Invalid(std::string(what) + " must be finite");
  }
}

void CheckOptimizer(const OptimizerSettings& s, size_t parameters) {
  const auto fraction = [](float value) { return value >= 0.0f && value < 1.0f; };
  const auto amount = [](float value) { return value >= 0.0f && std::isfinite(value); };
  // In single precision, as the step computes: beta = 1 or epsilon = 0 would divide zero by zero.
  if (!fraction(s.beta1) || !fraction(s.beta2)) Invalid("beta1 and beta2 must be in [0, 1)");
  if (!(s.epsilon > 0.0f && std::isfinite(s.epsilon))) Invalid("epsilon must be above 0");
  if (!amount(s.learning_rate) || !amount(s.weight_decay) || !amount(s.clip_norm)) {
    Invalid("learningRate, weightDecay and clipNorm must be finite and at least 0");
  }
  const size_t given = s.learning_rate_scales.size();
  if (given != s.weight_decays.size() || (given != 0 && given != parameters)) {
    Invalid("groups must give a learning rate and a weight decay for each parameter");
  }
  if (!std::all_of(s.learning_rate_scales.begin(), s.learning_rate_scales.end(), amount) ||
      !std::all_of(s.weight_decays.begin(), s.weight_decays.end(), amount)) {
    Invalid("learning rates and weight decays of groups must be finite and at least 0");
  }
}

// The default process-wide thread count must be set before the model's first parallel loop.
int ApplyThreads(int threads) {
  constexpr int kMostThreads = 1024;  // OpenMP ends the process when it cannot start its threads
  if (threads < 0 || threads > kMostThreads) Invalid("threads must be from 0 to " + std::to_string(kMostThreads));
  if (threads > 0) at::set_num_threads(threads);
  return at::get_num_threads();
}

}  // namespace

Engine::Engine(const ModelShape& shape, int threads, const WeightSettings& weights)
    : model_((ApplyThreads(threads), shape), weights),
      decoder_(&model_),
      head_(&model_),
      optimizer_(model_.trained_size()),
      trainer_(&model_, &decoder_, &head_, &optimizer_) {}

int Engine::threads() const { return at::get_num_threads(); }

EngineStats Engine::stats() const {
  EngineStats stats = stats_;
  stats.memory = {model_.parameter_bytes(), model_.packed_bytes(), trainer_.gradient_bytes(),
                  optimizer_.bytes(),       decoder_.bytes(),      head_.bytes()};
  return stats;
}

namespace {

void CheckWhole(const std::vector<NamedTensor>& names, const std::vector<TensorSource>& sources) {
  std::vector<bool> seen(names.size(), false);
  for (const TensorSource& source : sources) {
    if (source.index < 0 || source.index >= static_cast<int64_t>(names.size()) || seen[source.index]) {
      throw EngineError("AZR_MODEL_FORMAT", "a tensor is unknown or given twice");
    }
    seen[source.index] = true;
  }
  for (size_t i = 0; i < seen.size(); ++i) {
    if (!seen[i]) throw EngineError("AZR_MODEL_FORMAT", "the tensor " + names[i].name + " is missing");
  }
}

// Adapters [names] from a file, as one flat buffer.
void ReadAdapters(const std::vector<NamedTensor>& names, const std::vector<TensorSource>& sources, float* values) {
  CheckWhole(names, sources);
  for (const TensorSource& source : sources) {
    const NamedTensor& tensor = names[source.index];
    if (!ReadTensor(source, tensor.dimensions[0], tensor.dimensions[1], {values + tensor.offset})) {
      throw EngineError("AZR_MODEL_FORMAT", "the tensor " + tensor.name + " in " + source.path +
                                                " holds values that are not finite numbers");
    }
  }
}

}  // namespace

void Engine::LoadAdapters(const std::vector<TensorSource>& sources) {
  if (model_.lora() == nullptr) Invalid("the model was opened without adapters");
  std::vector<float> values(model_.trained_size());
  ReadAdapters(model_.trained_names(), sources, values.data());
  std::copy(values.begin(), values.end(), model_.MutableTrained());
}

void Engine::SaveAdapters(const std::string& path, const std::string& header) const {
  if (model_.lora() == nullptr) Invalid("the model was opened without adapters");
  WriteFloats(path, header, {{model_.trained(), model_.trained_size() * static_cast<int64_t>(sizeof(float))}});
}

void Engine::LoadParameters(const std::vector<TensorSource>& sources, bool fresh, const std::vector<AdapterSource>& merged) {
  const auto& names = model_.layout().names;
  CheckWhole(names, sources);
  std::vector<Lora> adapters;
  for (const AdapterSource& source : merged) {
    Lora& one = adapters.emplace_back(model_.layout(), source.settings);
    ReadAdapters(one.names(), source.tensors, one.values());
  }
  const auto merge = [&](const NamedTensor& tensor, int64_t first, int64_t count, float* values) {
    for (const Lora& one : adapters) one.MergeRows(tensor.offset, first, count, values);
  };
  const auto read_all = [&](bool store) {
    for (const TensorSource& source : sources) {
      const NamedTensor& tensor = names[source.index];
      const int64_t rows = tensor.dimensions.front(), columns = tensor.size() / rows;
      TensorTarget target;
      std::atomic<bool> fits{true};
      if (store) {
        target.place = model_.InPlace(source.index);
        if (target.place == nullptr) {
          target.take = [&](int64_t first, int64_t count, const float* read) {
            std::vector<float> merged_rows;
            if (!adapters.empty()) {
              merged_rows.assign(read, read + count * columns);
              merge(tensor, first, count, merged_rows.data());
              read = merged_rows.data();
            }
            if (!model_.SetRows(source.index, first, count, read)) fits = false;
          };
        }
      }
      if (!ReadTensor(source, rows, columns, target)) {
        throw EngineError("AZR_MODEL_FORMAT", "the tensor " + tensor.name + " in " + source.path +
                                                  " holds values that are not finite numbers");
      }
      if (!adapters.empty() && target.place != nullptr) {
        ParallelFor(rows, 64, [&](int64_t row) { merge(tensor, row, 1, target.place + row * columns); });
      }
      if (!fits) {
        throw EngineError("AZR_MODEL_FORMAT", "the tensor " + tensor.name + " in " + source.path +
                                                  " holds values beyond the range of the format that weights are held in");
      }
    }
  };
  // Reading twice costs less than a second copy of the model.
  if (!fresh) read_all(false);
  if (model_.weights().trainable) model_.MutableParameters();
  read_all(true);
}

void Engine::LoadOptimizer(const std::string& path, int64_t first_offset, int64_t second_offset, int64_t steps) {
  model_.parameters();
  const int64_t total = model_.trained_size();
  std::vector<float> first(total), second(total);
  ReadFloats(path, first_offset, StorageType::kFloat32, total, first.data());
  ReadFloats(path, second_offset, StorageType::kFloat32, total, second.data());
  const auto finite = [](float value) { return std::isfinite(value); };
  if (!std::all_of(first.begin(), first.end(), finite) || !std::all_of(second.begin(), second.end(), [](float value) { return value >= 0.0f && std::isfinite(value); })) {
    throw EngineError("AZR_MODEL_FORMAT", path + " holds moments of the optimizer that no training leaves: not finite, or squares below zero");
  }
  std::memcpy(optimizer_.first(), first.data(), total * sizeof(float));
  std::memcpy(optimizer_.second(), second.data(), total * sizeof(float));
  optimizer_.set_steps(steps);
}

void Engine::SaveParameters(const std::string& path, const std::string& header, StorageType type, int64_t first,
                            int64_t count) const {
  model_.parameters();  // says so when there are none to be saved
  const auto& names = model_.layout().names;
  const int64_t last = count < 0 ? static_cast<int64_t>(names.size()) : first + count;
  if (first < 0 || first > last || last > static_cast<int64_t>(names.size())) Invalid("there are no such parameters");
  std::vector<WrittenTensor> tensors;
  for (int64_t i = first; i < last; ++i) {
    const NamedTensor& tensor = names[i];
    const auto values = [this, &tensor] {
      return model_.Merged(tensor.offset, tensor.dimensions.front(), tensor.size() / tensor.dimensions.front());
    };
    tensors.push_back({tensor.name, values, tensor.size()});
  }
  WriteTensors(path, header, tensors, type);
}

void Engine::SaveOptimizer(const std::string& path, const std::string& header) {
  model_.parameters();
  const int64_t bytes = model_.trained_size() * static_cast<int64_t>(sizeof(float));
  const int64_t steps = optimizer_.steps();
  WriteFloats(path, header,
              {{optimizer_.first(), bytes}, {optimizer_.second(), bytes}, {&steps, static_cast<int64_t>(sizeof(steps))}});
}

void Engine::CheckRows(const TokenRows& rows, int64_t shortest, const char* what) const {
  int64_t total = 0;
  for (int32_t length : rows.lengths) {
    if (length < shortest) {
      Invalid(std::string(what) + " must have at least " + std::to_string(shortest) + " token(s) a row");
    }
    total += length;
  }
  if (total != static_cast<int64_t>(rows.tokens.size())) Invalid(std::string(what) + ": lengths do not add up to the tokens");
  for (int32_t token : rows.tokens) {
    if (token < 0 || token >= model_.shape().vocabulary) {
      Invalid(std::string(what) + ": token " + std::to_string(token) + " is outside the vocabulary of " +
              std::to_string(model_.shape().vocabulary));
    }
  }
}

template <typename Work>
auto Engine::Sparingly(const Work& work) {
  const auto release = [this] {
    decoder_.Release();
    head_.Release();
  };
  try {
    return work();
  } catch (const EngineError& error) {
    if (std::strcmp(error.code(), "AZR_OUT_OF_MEMORY") == 0) release();
    throw;
  } catch (const std::bad_alloc&) {
    release();
    throw;
  }
}

GenerateResult Engine::Generate(const TokenRows& prompts, const GenerateSettings& settings,
                                const std::atomic<bool>& abort) {
  CheckRows(prompts, 1, "prompts");
  if (settings.samples < 1 || settings.max_tokens < 1) Invalid("samples and maxTokens must be at least 1");
  if (!(settings.sampler.temperature >= 0.0f) || !(settings.sampler.top_p > 0.0f && settings.sampler.top_p <= 1.0f) ||
      settings.sampler.top_k < 0) {
    Invalid("temperature must be at least 0, topP in (0, 1], topK at least 0");
  }
  const LogitChanges& changes = settings.changes;
  if (!(settings.sampler.min_p >= 0.0f && settings.sampler.min_p <= 1.0f) || !(changes.repetition_penalty > 0.0f) ||
      !std::isfinite(changes.repetition_penalty)) {
    Invalid("minP must be in [0, 1] and repetitionPenalty a number above 0");
  }
  if (changes.bias_tokens.size() != changes.bias_values.size()) Invalid("logitBias must have one value a token");
  for (size_t i = 0; i < changes.bias_tokens.size(); ++i) {
    const int32_t token = changes.bias_tokens[i];
    if (token < 0 || token >= model_.shape().vocabulary || !std::isfinite(changes.bias_values[i])) {
      Invalid("logitBias: token " + std::to_string(token) + " is outside the vocabulary, or its value is no number");
    }
  }
  if (!settings.seeds.empty() && settings.seeds.size() != prompts.lengths.size()) Invalid("seeds must be one a prompt");
  if (settings.min_tokens < 0 || settings.min_tokens > settings.max_tokens) Invalid("minTokens must be from 0 to maxTokens");
  for (int32_t length : prompts.lengths) {
    if (length + settings.max_tokens > model_.shape().max_positions) {
      Invalid("a prompt of " + std::to_string(length) + " tokens with maxTokens " + std::to_string(settings.max_tokens) +
              " exceeds the model's " + std::to_string(model_.shape().max_positions) + " positions");
    }
  }
  // A result is held whole, so what one call may ask for has an end. In this order nothing overflows.
  const int64_t prompt_count = static_cast<int64_t>(prompts.lengths.size());
  if (prompt_count > 0 && (settings.samples > kMostCompletions / prompt_count ||
                           settings.max_tokens > kMostCompletionTokens / (settings.samples * prompt_count))) {
    Invalid("one call makes at most " + std::to_string(kMostCompletions) + " completions and " +
            std::to_string(kMostCompletionTokens) + " tokens (prompts x samples x maxTokens): ask in several calls");
  }
  Stopwatch watch(&stats_.generate_seconds);
  GenerateResult result = Sparingly([&] { return azr::Generate(&model_, &decoder_, &head_, prompts, settings, abort); });
  stats_.generated_tokens += static_cast<int64_t>(result.completions.tokens.size());
  return result;
}

std::vector<float> Engine::Score(const TokenRows& sequences, const std::atomic<bool>& abort, bool adapters) {
  if (!adapters && model_.lora() == nullptr) Invalid("the model was opened without adapters, so they cannot be left out");
  CheckRows(sequences, 2, "sequences");
  for (int32_t length : sequences.lengths) {
    if (length > model_.shape().max_positions) Invalid("a sequence is longer than the model's positions");
  }
  Stopwatch watch(&stats_.score_seconds);
  const AdapterUse use(&model_, adapters);
  return Sparingly([&] { return trainer_.Score(sequences, kScoreTokens, abort); });
}

UpdateResult Engine::Update(const UpdateBatch& batch, const UpdateSettings& settings, const std::atomic<bool>& abort) {
  model_.parameters();  // says so when there are none to be trained
  CheckRows(batch.prompts, 1, "prompts");
  CheckRows(batch.completions, 1, "completions");
  const size_t tokens = batch.completions.tokens.size();
  if (batch.completion_prompt.size() != batch.completions.lengths.size()) {
    Invalid("completionPrompt must have one index a completion");
  }
  int32_t previous = 0;
  for (size_t i = 0; i < batch.completion_prompt.size(); ++i) {
    const int32_t prompt = batch.completion_prompt[i];
    if (prompt < previous || prompt >= static_cast<int32_t>(batch.prompts.lengths.size())) {
      Invalid("completionPrompt must be in prompt order and name existing prompts");
    }
    previous = prompt;
    if (batch.prompts.lengths[prompt] + batch.completions.lengths[i] > model_.shape().max_positions) {
      Invalid("a prompt with its completion is longer than the model's positions");
    }
  }
  CheckFinite(batch.weights, tokens, "weights");
  if (settings.loss.policy) {
    CheckFinite(batch.advantages, tokens, "advantages");
    CheckFinite(batch.old_log_probabilities, tokens, "oldLogProbabilities");
    if (settings.loss.kl != KlEstimator::kNone) {
      CheckFinite(batch.reference_log_probabilities, tokens, "referenceLogProbabilities");
    }
    if (settings.loss.importance_cap > 0.0f) {
      CheckFinite(batch.sampler_log_probabilities, tokens, "samplerLogProbabilities");
    }
  }
  if (settings.micro_batch_tokens < 1) Invalid("microBatchTokens must be at least 1");
  CheckOptimizer(settings.optimizer, model_.trained_names().size());
  Stopwatch watch(&stats_.update_seconds);
  const UpdateResult result = Sparingly([&] { return trainer_.Update(batch, settings, abort); });
  stats_.trained_tokens += result.computed_tokens;
  return result;
}

}  // namespace azr
