// Keeps the zygotes of every variant alive, gives each idle one a job, and turns the ends of their children into results.
//
// Ownership: owns zygotes and running children; jobs belong to the caller and are named by a ticket number.
// Thread: the event loop's. Teardown: the destructor kills everything it started and reaps it.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "classify.h"
#include "zygote_process.h"

namespace azr {

/** Milliseconds of a clock that never steps. */
int64_t now_us();

struct Job {
  /** Chosen by the caller; 0 is kept for the pool's own probes. */
  uint64_t ticket = 0;
  Command command;
  Limits limits;
  /** Bytes for the request area (encode_task). */
  std::string task;
  /** Records that the child must leave. */
  size_t expected = 1;
  /** How it ended, once it runs again to learn which forbidden call it made. */
  std::vector<RunRecord> verdict;
};

/** Zygotes of one kind are alike: a job may go to any of them. */
struct ZygoteKind {
  Library library = Library::kCommon;
  int variant = 0;

  int index() const { return static_cast<int>(library) * static_cast<int>(kVariantCount) + variant; }
  bool operator==(const ZygoteKind& other) const { return library == other.library && variant == other.variant; }
};
inline constexpr int kZygoteKindCount = kLibraryCount * static_cast<int>(kVariantCount);
constexpr ZygoteKind zygote_kind(int index) {
  const int variants = static_cast<int>(kVariantCount);
  return {static_cast<Library>(index / variants), index % variants};
}

class ZygotePool {
 public:
  /** Input also means the other end's going. */
  enum class Watch { kNothing, kGoing, kInput };

  struct Events {
    /** A job ended. Not called for a cancelled ticket. */
    std::function<void(uint64_t ticket, std::vector<RunRecord> records)> finished;
    /** The job's zygote died under it before a child was known: it has to be given again. */
    std::function<void(uint64_t ticket)> lost;
    /** The job needs the whole library: it has to be given again, to a zygote that has it. */
    std::function<void(uint64_t ticket)> outgrown;
    /** What of the descriptor is to be watched. */
    std::function<void(int fd, Watch watch)> watch;
  };

  ZygotePool(ZygoteSettings settings, uint32_t workers, Events events);
  ~ZygotePool();

  /** True once every zygote of the common library has passed its self-test. Those of the whole one are started when one is wanted. */
  bool ready() const;
  /** A sentence when the pool cannot serve at all (first start or self-test failed); empty otherwise. */
  const std::string& fatal() const { return fatal_; }
  /** True when jobs for this kind of zygote cannot be served: it has no process left and none can be started. */
  bool lost(ZygoteKind kind) const;
  /** What the last zygote that could not serve said of it; empty for nothing. */
  const std::string& last_problem() const { return last_problem_; }

  /** Starts the zygotes of a library if they are not there yet. */
  void want(Library library);
  bool can_take(ZygoteKind kind) const;
  void give(ZygoteKind kind, Job job);
  /** Kills the child of a job whose result nobody wants. */
  void cancel(uint64_t ticket);

  /** To be called when a watched descriptor has input. */
  void on_input(int fd);
  /** To be called after SIGCHLD. */
  void reap();
  /** Kills what is over its time; returns milliseconds until the next deadline, -1 for none. */
  int on_time();

  uint32_t layers() const { return layers_; }
  const std::string& python_version() const { return version_; }

 private:
  enum class State { kUnwanted, kStarting, kProbing, kIdle, kBusy };
  struct Worker {
    ZygoteKind kind;
    State state = State::kUnwanted;
    std::unique_ptr<ZygoteProcess> zygote;
    /** The zygote is gone, but its child still runs. */
    bool zygote_gone = false;
    Job job;
    bool cancelled = false;
    pid_t child = 0;
    int64_t started_us = 0;
    int64_t deadline_us = 0;
    bool wall_killed = false;
    /** The notice of its fork is awaited by epoll. */
    bool listened_to = false;
    uint32_t probe = 0;
    /** Resident memory of the zygote. */
    uint64_t resident_bytes = 0;
  };

  /** Starts failed so often in a row that another is not worth it. */
  bool broken(ZygoteKind kind) const { return start_failures_[kind.index()] >= 3; }
  /** Moves the deadline of a child that other work keeps from its processor; false when it has to end. */
  bool extend(Worker& worker, int64_t now);
  void start(Worker& worker);
  void replace(Worker& worker);
  void dispatch(Worker& worker, Job job);
  void next_probe(Worker& worker);
  void on_notice(Worker& worker, const Notice& notice);
  void on_gone(Worker& worker);
  void on_child_end(Worker& worker, int status, const rusage& usage);
  void on_probe_end(Worker& worker, const Ending& ending, const SlotView& view);
  void drain(Worker& worker);
  /** Reads the notices of forks that nobody has read yet: they wake nobody. */
  void read_notices();

  ZygoteSettings settings_;
  Events events_;
  std::vector<std::unique_ptr<Worker>> workers_;
  uint32_t most_active_;
  uint32_t active_ = 0;
  uint32_t layers_ = ~0u;
  int start_failures_[kZygoteKindCount] = {};
  std::string version_;
  std::string fatal_;
  std::string last_problem_;
  bool was_ready_ = false;
  bool ending_ = false;
  struct EarlyEnd {
    int status = 0;
    rusage usage{};
    int64_t at_us = 0;
  };
  /** Processes that ended and were nobody's child as far as was known: children whose notice was not read yet, and what replaced zygotes left. */
  std::map<pid_t, EarlyEnd> early_;
};

}  // namespace azr
