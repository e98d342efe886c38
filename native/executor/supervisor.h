// Requests in, replies out: queues what the client asks for, gives it to the pool, and puts answers together.
//
// Ownership: owns the pool and all pending requests. Thread: one, an epoll loop. Teardown: run() returns at end of input
// after everything it started has been killed and reaped.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "zygote_pool.h"

namespace azr {

class Supervisor {
 public:
  Supervisor(ZygoteSettings settings, uint32_t workers);
  ~Supervisor();

  /** Serves stdin and stdout until end of input. The exit code of the process. */
  int run();

 private:
  struct Pending {
    uint32_t id = 0;
    Request request;
    std::vector<RunRecord> records;
    size_t remaining = 0;
  };
  /** One fork's worth of a request. */
  struct Unit {
    std::shared_ptr<Pending> pending;
    size_t first = 0;
    size_t count = 0;
    Library library = Library::kCommon;
    int attempts = 0;
    uint64_t ticket = 0;
  };

  void watch(int fd, uint32_t events);
  void on_client_input();
  void on_frame(const Frame& frame);
  void accept(uint32_t id, Request request);
  void cancel(uint32_t id);
  /** The queue that a unit waits in. */
  std::deque<Unit>& queue_of(const Unit& unit);
  void dispatch();
  Job make_job(const Unit& unit) const;
  /** Takes a unit out of those that run; nothing for one that was cancelled. */
  std::optional<Unit> take_running(uint64_t ticket);
  void outgrown(uint64_t ticket);
  void finished(uint64_t ticket, std::vector<RunRecord> records);
  void settle(const Unit& unit, std::vector<RunRecord> records);
  void reply(const Pending& pending);
  void reject(uint32_t id, uint8_t kind, size_t inputs, const std::string& why);
  void send(uint32_t id, MessageKind kind, std::string_view payload);
  void flush();
  void hello();
  void adjust_input();

  int epoll_ = -1;
  int signals_ = -1;
  uint32_t workers_;
  std::unique_ptr<ZygotePool> pool_;
  FrameDecoder decoder_;
  std::string output_;
  size_t output_start_ = 0;
  bool output_watched_ = false;
  bool input_watched_ = true;
  bool input_ended_ = false;
  bool greeted_ = false;
  uint64_t next_ticket_ = 1;
  std::deque<Unit> queues_[kZygoteKindCount];
  std::unordered_map<uint64_t, Unit> running_;
  std::unordered_map<uint32_t, std::shared_ptr<Pending>> pending_;
};

}  // namespace azr
