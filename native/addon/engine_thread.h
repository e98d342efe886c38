// The thread that owns one Engine and, with it, LibTorch's intra-op team. Jobs run one at a time in the order they were
// queued; each settles a promise on the JavaScript thread through one thread-safe function, which keeps the process
// alive only while a promise is pending. EngineThread is created, used and stopped on the JavaScript thread; the Engine
// itself is touched by its own thread alone. Teardown: Stop() raises every abort flag, lets the running job notice,
// rejects what is queued, and joins; the object deletes itself once the last promise has been settled.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "addon/napi_setup.h"
#include "engine/engine.h"

namespace azr {

// One queued call. `work` runs on the engine thread; `result` on the JavaScript thread after success.
struct Job {
  explicit Job(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}
  std::function<void(Engine&, const std::atomic<bool>& abort)> work;
  std::function<Napi::Value(Napi::Env)> result;
  Napi::Promise::Deferred deferred;
  std::shared_ptr<std::atomic<bool>> abort = std::make_shared<std::atomic<bool>>(false);
  std::string error_code, error_message;  // set when the work failed
};

class EngineThread {
 public:
  // `create` builds the engine on the engine thread; when it throws, every job fails with that error.
  static EngineThread* Start(Napi::Env env, std::function<std::unique_ptr<Engine>()> create);
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  // Queues a job and returns its promise.
  Napi::Promise Queue(Napi::Env env, std::unique_ptr<Job> job);
  // Raises all flags, waits for the thread, gives the object up. The owner must drop its pointer.
  void Stop();

  EngineStats stats() const;
  int threads() const { return threads_.load(); }

 private:
  EngineThread() = default;
  ~EngineThread() = default;
  static void Settle(Napi::Env env, Napi::Function callback, EngineThread* self, Job* job);
  using Settler = Napi::TypedThreadSafeFunction<EngineThread, Job, Settle>;

  void Run(std::function<std::unique_ptr<Engine>()> create);
  void Execute(Engine* engine, Job* job);

  Settler settler_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Job>> queue_;            // guarded by mutex_
  std::shared_ptr<std::atomic<bool>> running_abort_;  // guarded by mutex_
  EngineStats stats_;                                 // guarded by mutex_
  bool stopping_ = false;                             // guarded by mutex_
  bool stopped_ = false;                              // JavaScript thread only
  int64_t pending_ = 0;                               // JavaScript thread only
  std::atomic<int> threads_{0};
  std::string create_code_, create_message_;          // engine thread only
  std::thread thread_;
};

}  // namespace azr
