#include "addon/engine_wrap.h"

#include <utility>

#include "addon/convert.h"
#include "engine/limits.h"
#include "engine/status.h"

namespace azr {

Napi::Function EngineWrap::Define(Napi::Env env) {
  return DefineClass(env, "NativeEngine",
                     {StaticMethod<&EngineWrap::LayoutOf>("layoutOf"),
                      StaticMethod<&EngineWrap::AdapterLayoutOf>("adapterLayoutOf"),
                      InstanceMethod<&EngineWrap::Layout>("layout"), InstanceMethod<&EngineWrap::Ready>("ready"),
                      InstanceMethod<&EngineWrap::Initialize>("initialize"),
                      InstanceMethod<&EngineWrap::LoadParameters>("loadParameters"),
                      InstanceMethod<&EngineWrap::LoadAdapters>("loadAdapters"),
                      InstanceMethod<&EngineWrap::SaveAdapters>("saveAdapters"),
                      InstanceMethod<&EngineWrap::LoadOptimizer>("loadOptimizer"),
                      InstanceMethod<&EngineWrap::SaveParameters>("saveParameters"),
                      InstanceMethod<&EngineWrap::SaveOptimizer>("saveOptimizer"),
                      InstanceMethod<&EngineWrap::Generate>("generate"), InstanceMethod<&EngineWrap::Score>("score"),
                      InstanceMethod<&EngineWrap::MeasureMachine>("measureMachine"),
                      InstanceMethod<&EngineWrap::MeasureProducts>("measureProducts"),
                      InstanceMethod<&EngineWrap::Update>("update"), InstanceMethod<&EngineWrap::Abort>("abort"),
                      InstanceMethod<&EngineWrap::Stats>("stats"), InstanceMethod<&EngineWrap::Stop>("stop")});
}

// new NativeEngine(shape, threads, {weights, trainable, lora?: {rank, alpha, targets, seed}})
EngineWrap::EngineWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  const Napi::Env env = info.Env();
  shape_ = ToShape(info[0].As<Napi::Object>());
  const int threads = info[1].As<Napi::Number>().Int32Value();
  const WeightSettings weights = ToWeightSettings(info[2].As<Napi::Object>());
  thread_ = EngineThread::Start(
      env, [shape = shape_, threads, weights] { return std::make_unique<Engine>(shape, threads, weights); });
  napi_add_env_cleanup_hook(env, EnvironmentEnds, this);
}

EngineWrap::~EngineWrap() {
  napi_remove_env_cleanup_hook(Env(), EnvironmentEnds, this);
  Shutdown();
}

void EngineWrap::EnvironmentEnds(void* self) { static_cast<EngineWrap*>(self)->Shutdown(); }

void EngineWrap::Shutdown() {
  if (thread_ == nullptr) return;
  std::exchange(thread_, nullptr)->Stop();
}

Napi::Value EngineWrap::Queue(Napi::Env env, std::unique_ptr<Job> job, const Napi::Value& number) {
  if (number.IsNumber()) {
    std::erase_if(aborts_, [](const auto& entry) { return entry.second.expired(); });
    aborts_[number.As<Napi::Number>().Int64Value()] = job->abort;
  }
  if (thread_ == nullptr) {
    Napi::Error error = Napi::Error::New(env, "the engine was disposed");
    error.Set("code", Napi::String::New(env, "AZR_DISPOSED"));
    job->deferred.Reject(error.Value());
    return job->deferred.Promise();
  }
  return thread_->Queue(env, std::move(job));
}

Napi::Value EngineWrap::Simple(Napi::Env env, std::function<void(Engine&)> work) {
  auto job = std::make_unique<Job>(env);
  job->work = [work = std::move(work)](Engine& engine, const std::atomic<bool>&) { work(engine); };
  return Queue(env, std::move(job), env.Undefined());
}

namespace {

// Names and dimensions of parameters, in the order of their data: [{name, dimensions, size}].
Napi::Value FromLayout(Napi::Env env, const std::vector<NamedTensor>& names) {
  auto out = Napi::Array::New(env, names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    auto item = Napi::Object::New(env);
    item.Set("name", names[i].name);
    auto dimensions = Napi::Array::New(env);
    for (int64_t d : names[i].dimensions) dimensions.Set(dimensions.Length(), static_cast<double>(d));
    item.Set("dimensions", dimensions);
    item.Set("size", static_cast<double>(names[i].size()));
    out.Set(static_cast<uint32_t>(i), item);
  }
  return out;
}

// The names that `names` gives for a checked shape; what it refuses is thrown with its code.
template <typename Names>
Napi::Value CheckedLayout(Napi::Env env, const ModelShape& shape, const Names& names) {
  try {
    shape.Check();
    return FromLayout(env, names());
  } catch (const EngineError& error) {
    Napi::Error thrown = Napi::Error::New(env, error.what());
    thrown.Set("code", Napi::String::New(env, error.code()));
    throw thrown;
  }
}

}  // namespace

Napi::Value EngineWrap::Layout(const Napi::CallbackInfo& info) {
  return FromLayout(info.Env(), ParameterLayout(shape_).names);
}

// NativeEngine.layoutOf(shape): the layout before there is an engine. Throws AZR_MODEL_FORMAT for a shape it cannot run.
Napi::Value EngineWrap::LayoutOf(const Napi::CallbackInfo& info) {
  const ModelShape shape = ToShape(info[0].As<Napi::Object>());
  return CheckedLayout(info.Env(), shape, [&] { return ParameterLayout(shape).names; });
}

// NativeEngine.adapterLayoutOf(shape, lora): the same of the adapters of a model, in the order of their data.
Napi::Value EngineWrap::AdapterLayoutOf(const Napi::CallbackInfo& info) {
  const ModelShape shape = ToShape(info[0].As<Napi::Object>());
  const LoraSettings lora = ToLoraSettings(info[1].As<Napi::Object>());
  return CheckedLayout(info.Env(), shape, [&] { return LoraLayout(ParameterLayout(shape), lora).names; });
}

Napi::Value EngineWrap::Ready(const Napi::CallbackInfo& info) {
  return Simple(info.Env(), [](Engine&) {});
}

Napi::Value EngineWrap::Initialize(const Napi::CallbackInfo& info) {
  const auto seed = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value());
  return Simple(info.Env(), [seed](Engine& engine) { engine.Initialize(seed); });
}

// loadParameters([{index, path, offset, dtype, pairedRows?, shift?}], fresh, merged?: [{lora, tensors}])
Napi::Value EngineWrap::LoadParameters(const Napi::CallbackInfo& info) {
  std::vector<AdapterSource> merged;
  const auto given = info[2].IsArray() ? info[2].As<Napi::Array>() : Napi::Array::New(info.Env());
  for (uint32_t i = 0; i < given.Length(); ++i) {
    const auto one = given.Get(i).As<Napi::Object>();
    merged.push_back({ToLoraSettings(one.Get("lora").As<Napi::Object>()), ToSources(one.Get("tensors").As<Napi::Array>())});
  }
  return Simple(info.Env(), [sources = ToSources(info[0].As<Napi::Array>()), fresh = info[1].ToBoolean().Value(),
                             merged = std::move(merged)](Engine& engine) {
    engine.LoadParameters(sources, fresh, merged);
  });
}

// loadAdapters([{index, path, offset, dtype}]): indices into adapterLayoutOf().
Napi::Value EngineWrap::LoadAdapters(const Napi::CallbackInfo& info) {
  return Simple(info.Env(), [sources = ToSources(info[0].As<Napi::Array>())](Engine& engine) {
    engine.LoadAdapters(sources);
  });
}

// saveAdapters(path, header): the header's bytes, then the adapters (float32).
Napi::Value EngineWrap::SaveAdapters(const Napi::CallbackInfo& info) {
  const auto header = ToVector<uint8_t>(info[1]);
  return Simple(info.Env(), [path = info[0].As<Napi::String>().Utf8Value(),
                             text = std::string(header.begin(), header.end())](Engine& engine) {
    engine.SaveAdapters(path, text);
  });
}

// loadOptimizer(undefined) forgets the state; loadOptimizer({path, firstOffset, secondOffset, steps}) replaces it.
Napi::Value EngineWrap::LoadOptimizer(const Napi::CallbackInfo& info) {
  if (info[0].IsUndefined()) return Simple(info.Env(), [](Engine& engine) { engine.ResetOptimizer(); });
  const auto o = info[0].As<Napi::Object>();
  return Simple(info.Env(), [path = Text(o, "path"), first = Integer(o, "firstOffset"),
                             second = Integer(o, "secondOffset"), steps = Integer(o, "steps")](Engine& engine) {
    engine.LoadOptimizer(path, first, second, steps);
  });
}

// saveParameters(path, header, dtype, first, count): the header's bytes, then parameters in layout order.
Napi::Value EngineWrap::SaveParameters(const Napi::CallbackInfo& info) {
  const auto header = ToVector<uint8_t>(info[1]);
  return Simple(info.Env(), [path = info[0].As<Napi::String>().Utf8Value(),
                             text = std::string(header.begin(), header.end()),
                             type = ToStorageType(info[2]),
                             first = info[3].As<Napi::Number>().Int64Value(),
                             count = info[4].As<Napi::Number>().Int64Value()](Engine& engine) {
    engine.SaveParameters(path, text, type, first, count);
  });
}

// saveOptimizer(path, header): header, first moments, second moments (float32), the step count (int64).
Napi::Value EngineWrap::SaveOptimizer(const Napi::CallbackInfo& info) {
  const auto header = ToVector<uint8_t>(info[1]);
  return Simple(info.Env(), [path = info[0].As<Napi::String>().Utf8Value(),
                             text = std::string(header.begin(), header.end())](Engine& engine) {
    engine.SaveOptimizer(path, text);
  });
}

namespace {

// Calls `function` on the JavaScript thread with the tokens of each step: (rows, tokens, logProbabilities). It is let go with the returned object.
std::function<void(const std::vector<DrawnToken>&)> TokenListener(Napi::Env env, const Napi::Function& function) {
  const std::shared_ptr<Napi::ThreadSafeFunction> listener(
      new Napi::ThreadSafeFunction(Napi::ThreadSafeFunction::New(env, function, "absolute-zero tokens", 0, 1)),
      [](Napi::ThreadSafeFunction* ended) {
        ended->Release();
        delete ended;
      });
  return [listener](const std::vector<DrawnToken>& drawn) {
    auto* copy = new std::vector<DrawnToken>(drawn);
    const napi_status status = listener->NonBlockingCall(copy, [](Napi::Env env, Napi::Function call, std::vector<DrawnToken>* raw) {
      const std::unique_ptr<std::vector<DrawnToken>> tokens(raw);
      if (env == nullptr || call.IsEmpty()) return;
      std::vector<int32_t> rows, ids;
      std::vector<float> log_probabilities;
      for (const DrawnToken& one : *tokens) {
        rows.push_back(one.row);
        ids.push_back(one.token);
        log_probabilities.push_back(one.log_probability);
      }
      call.Call({ToArray(env, rows), ToArray(env, ids), ToArray(env, log_probabilities)});
    });
    if (status != napi_ok) delete copy;  // the environment is going away
  };
}

}  // namespace

// generate(request, number, listener?)
Napi::Value EngineWrap::Generate(const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  auto job = std::make_unique<Job>(info.Env());
  auto result = std::make_shared<GenerateResult>();
  GenerateSettings settings = ToGenerateSettings(request);
  if (info[2].IsFunction()) settings.on_tokens = TokenListener(info.Env(), info[2].As<Napi::Function>());
  job->work = [result, prompts = Rows(request, "prompts"), settings = std::move(settings)](
                  Engine& engine, const std::atomic<bool>& abort) { *result = engine.Generate(prompts, settings, abort); };
  job->result = [result](Napi::Env env) { return FromGenerate(env, *result); };
  return Queue(info.Env(), std::move(job), info[1]);
}

Napi::Value EngineWrap::Score(const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  auto job = std::make_unique<Job>(info.Env());
  auto result = std::make_shared<std::vector<float>>();
  job->work = [result, sequences = Rows(request, "sequences"), adapters = request.Get("adapters").ToBoolean().Value()](
                  Engine& engine, const std::atomic<bool>& abort) { *result = engine.Score(sequences, abort, adapters); };
  job->result = [result](Napi::Env env) { return ToArray(env, *result); };
  return Queue(info.Env(), std::move(job), info[1]);
}

Napi::Value EngineWrap::Update(const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  auto job = std::make_unique<Job>(info.Env());
  auto result = std::make_shared<UpdateResult>();
  job->work = [result, batch = ToUpdateBatch(request), settings = ToUpdateSettings(request)](
                  Engine& engine, const std::atomic<bool>& abort) { *result = engine.Update(batch, settings, abort); };
  job->result = [result](Napi::Env env) { return FromUpdate(env, *result); };
  return Queue(info.Env(), std::move(job), info[1]);
}

// measureMachine(weights): {flops, bytesPerSecond}
Napi::Value EngineWrap::MeasureMachine(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<Job>(info.Env());
  auto result = std::make_shared<MachineLimits>();
  const std::string weights = info[0].As<Napi::String>();
  job->work = [result, weights](Engine&, const std::atomic<bool>&) {
    *result = MeasureLimits(WeightFormatNamed(weights));
  };
  job->result = [result](Napi::Env env) {
    auto out = Napi::Object::New(env);
    out.Set("flops", result->flops);
    out.Set("bytesPerSecond", result->bytes_per_second);
    return out;
  };
  return Queue(info.Env(), std::move(job), info.Env().Undefined());
}

// measureProducts(shape, weights, rows): {own, library}, seconds
Napi::Value EngineWrap::MeasureProducts(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<Job>(info.Env());
  auto result = std::make_shared<ProductSeconds>();
  job->work = [result, shape = ToShape(info[0].As<Napi::Object>()), weights = std::string(info[1].As<Napi::String>()),
               rows = info[2].As<Napi::Number>().Int64Value()](Engine&, const std::atomic<bool>&) {
    *result = azr::MeasureProducts(shape, WeightFormatNamed(weights), rows);
  };
  job->result = [result](Napi::Env env) {
    auto out = Napi::Object::New(env);
    out.Set("own", result->own);
    out.Set("library", result->library);
    return out;
  };
  return Queue(info.Env(), std::move(job), info.Env().Undefined());
}

// abort(number): the call queued under that number stops at its next check.
void EngineWrap::Abort(const Napi::CallbackInfo& info) {
  const auto found = aborts_.find(info[0].As<Napi::Number>().Int64Value());
  if (found == aborts_.end()) return;
  if (const auto flag = found->second.lock()) flag->store(true);
}

Napi::Value EngineWrap::Stats(const Napi::CallbackInfo& info) {
  const EngineStats stats = thread_ ? thread_->stats() : EngineStats{};
  auto out = Napi::Object::New(info.Env());
  out.Set("threads", thread_ ? thread_->threads() : 0);
  out.Set("generatedTokens", static_cast<double>(stats.generated_tokens));
  out.Set("trainedTokens", static_cast<double>(stats.trained_tokens));
  out.Set("generateSeconds", stats.generate_seconds);
  out.Set("scoreSeconds", stats.score_seconds);
  out.Set("updateSeconds", stats.update_seconds);
  auto memory = Napi::Object::New(info.Env());
  const auto bytes = [&](const char* name, int64_t value) { memory.Set(name, static_cast<double>(value)); };
  bytes("weights", stats.memory.weights);
  bytes("copies", stats.memory.copies);
  bytes("gradients", stats.memory.gradients);
  bytes("moments", stats.memory.moments);
  bytes("activations", stats.memory.activations);
  bytes("logits", stats.memory.logits);
  out.Set("memory", memory);
  return out;
}

void EngineWrap::Stop(const Napi::CallbackInfo&) { Shutdown(); }

}  // namespace azr
