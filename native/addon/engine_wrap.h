// The JavaScript class NativeEngine: one engine thread and its calls, each a promise. No maths and no argument checking
// beyond types (src/engine/open.ts checks). State belongs to the environment that loaded the addon. JavaScript thread
// only; an environment that ends with an open engine stops its thread from a cleanup hook.
#pragma once

#include <map>
#include <memory>

#include "addon/engine_thread.h"
#include "addon/napi_setup.h"

namespace azr {

class EngineWrap : public Napi::ObjectWrap<EngineWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit EngineWrap(const Napi::CallbackInfo& info);
  ~EngineWrap() override;

 private:
  static Napi::Value LayoutOf(const Napi::CallbackInfo& info);
  static Napi::Value AdapterLayoutOf(const Napi::CallbackInfo& info);
  Napi::Value Layout(const Napi::CallbackInfo& info);
  Napi::Value Ready(const Napi::CallbackInfo& info);
  Napi::Value Initialize(const Napi::CallbackInfo& info);
  Napi::Value LoadParameters(const Napi::CallbackInfo& info);
  Napi::Value LoadAdapters(const Napi::CallbackInfo& info);
  Napi::Value SaveAdapters(const Napi::CallbackInfo& info);
  Napi::Value LoadOptimizer(const Napi::CallbackInfo& info);
  Napi::Value SaveParameters(const Napi::CallbackInfo& info);
  Napi::Value SaveOptimizer(const Napi::CallbackInfo& info);
  Napi::Value Generate(const Napi::CallbackInfo& info);
  Napi::Value Score(const Napi::CallbackInfo& info);
  Napi::Value Update(const Napi::CallbackInfo& info);
  Napi::Value MeasureMachine(const Napi::CallbackInfo& info);
  Napi::Value MeasureProducts(const Napi::CallbackInfo& info);
  void Abort(const Napi::CallbackInfo& info);
  Napi::Value Stats(const Napi::CallbackInfo& info);
  void Stop(const Napi::CallbackInfo& info);

  void Shutdown();
  // The cleanup hook: one function, since a hook is removed by the address it was added under.
  static void EnvironmentEnds(void* self);
  // Queues work that has no abort number.
  Napi::Value Simple(Napi::Env env, std::function<void(Engine&)> work);
  // Queues work under the caller's abort number (a positive integer that Abort() takes).
  Napi::Value Queue(Napi::Env env, std::unique_ptr<Job> job, const Napi::Value& number);

  EngineThread* thread_ = nullptr;
  ModelShape shape_;
  std::map<int64_t, std::weak_ptr<std::atomic<bool>>> aborts_;
};

}  // namespace azr
