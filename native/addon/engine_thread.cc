#include "addon/engine_thread.h"

#include <c10/util/Exception.h>

#include <stdexcept>
#include <utility>

#include "engine/memory.h"
#include "engine/status.h"

namespace azr {
namespace {

// Runs `body` and records its failure, if any, as a code and a message.
template <typename Body>
void Guard(std::string* code, std::string* message, const Body& body) {
  try {
    body();
  } catch (const EngineError& error) {
    *code = error.code();
    *message = error.what();
  } catch (const std::bad_alloc&) {
    *code = "AZR_OUT_OF_MEMORY";
    *message = "the engine could not allocate memory";
  } catch (const std::length_error&) {  // a size beyond any container's limit
    *code = "AZR_OUT_OF_MEMORY";
    *message = "the engine could not allocate memory";
  } catch (const c10::Error& error) {
    *message = error.what_without_backtrace();
    // LibTorch's allocator has no exception type of its own.
    *code = message->find("DefaultCPUAllocator") == std::string::npos ? "AZR_INTERNAL" : "AZR_OUT_OF_MEMORY";
  } catch (const std::exception& error) {
    *code = "AZR_INTERNAL";
    *message = error.what();
  } catch (...) {
    *code = "AZR_INTERNAL";
    *message = "an exception of unknown type";
  }
  if (*code == "AZR_OUT_OF_MEMORY" && !message->ends_with(" bytes are free")) {
    *message += "; " + std::to_string(FreeBytes()) + " bytes are free";
  }
}

Napi::Value ErrorValue(Napi::Env env, const Job& job) {
  Napi::Error error = Napi::Error::New(env, job.error_message);
  error.Set("code", Napi::String::New(env, job.error_code));
  return error.Value();
}

}  // namespace

EngineThread* EngineThread::Start(Napi::Env env, std::function<std::unique_ptr<Engine>()> create) {
  auto* self = new EngineThread();
  // The finalizer runs after the last queued settlement, so no callback meets a deleted object.
  self->settler_ = Settler::New(env, "absolute-zero engine", /*maxQueueSize=*/0, /*initialThreadCount=*/1, self,
                                [](Napi::Env, void*, EngineThread* finished) { delete finished; },
                                static_cast<void*>(nullptr));
  self->settler_.Unref(env);
  try {
    self->thread_ = std::thread([self, create = std::move(create)] { self->Run(create); });
  } catch (const std::exception&) {  // no thread to be had: the finalizer deletes the object
    self->settler_.Release();
    throw;
  }
  return self;
}

Napi::Promise EngineThread::Queue(Napi::Env env, std::unique_ptr<Job> job) {
  Napi::Promise promise = job->deferred.Promise();
  if (stopped_) {
    job->error_code = "AZR_DISPOSED";
    job->error_message = "the engine was disposed";
    job->deferred.Reject(ErrorValue(env, *job));
    return promise;
  }
  if (pending_++ == 0) settler_.Ref(env);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return promise;
}

void EngineThread::Stop() {
  if (stopped_) return;
  stopped_ = true;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    if (running_abort_) running_abort_->store(true);
    for (auto& job : queue_) job->abort->store(true);
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  settler_.Release();
}

EngineStats EngineThread::stats() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return stats_;
}

void EngineThread::Run(std::function<std::unique_ptr<Engine>()> create) {
  std::unique_ptr<Engine> engine;
  Guard(&create_code_, &create_message_, [&] {
    engine = create();
    threads_.store(engine->threads());
  });
  while (true) {
    std::unique_ptr<Job> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      running_abort_ = nullptr;
      wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) break;
      job = std::move(queue_.front());
      queue_.pop_front();
      running_abort_ = job->abort;
    }
    Execute(engine.get(), job.get());
    // The captured inputs go now: their memory must not wait for the JavaScript thread.
    job->work = nullptr;
    settler_.BlockingCall(job.release());
  }
}

void EngineThread::Execute(Engine* engine, Job* job) {
  if (engine == nullptr) {
    job->error_code = create_code_;
    job->error_message = create_message_;
    return;
  }
  if (job->abort->load()) {
    job->error_code = "AZR_ABORTED";
    job->error_message = "the call was aborted before it began";
    return;
  }
  Guard(&job->error_code, &job->error_message, [&] { job->work(*engine, *job->abort); });
  std::lock_guard<std::mutex> lock(mutex_);
  stats_ = engine->stats();
}

void EngineThread::Settle(Napi::Env env, Napi::Function, EngineThread* self, Job* raw) {
  std::unique_ptr<Job> job(raw);
  if (env == nullptr) return;  // the environment is going away: nobody waits for the promise
  Napi::HandleScope scope(env);
  if (!job->error_code.empty()) {
    job->deferred.Reject(ErrorValue(env, *job));
  } else {
    try {
      job->deferred.Resolve(job->result ? job->result(env) : env.Undefined());
    } catch (const Napi::Error& error) {
      job->deferred.Reject(error.Value());
    } catch (const std::exception& error) {  // no memory for the result
      job->error_code = "AZR_OUT_OF_MEMORY";
      job->error_message = error.what();
      job->deferred.Reject(ErrorValue(env, *job));
    }
  }
  if (--self->pending_ == 0 && !self->stopped_) self->settler_.Unref(env);
}

}  // namespace azr
