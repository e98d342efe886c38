#include "zygote_pool.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>

#include "forbidden_call.h"
#include "self_test.h"

namespace azr {
namespace {

/** A zygote that has not answered after this long is stuck. */
constexpr int64_t kForkPatienceUs = 3'000'000;
constexpr int64_t kStartPatienceUs = 60'000'000;
/** Before the next try where a process could not be started: what was short then may not be short now. */
constexpr int64_t kRestartPauseUs = 1'000'000;

constexpr Limits kProbeLimits{2000, 5000, 256u << 20, 1024};

/** Processor time of a child that has not been reaped; 0 where the kernel does not say. */
uint64_t processor_us(pid_t child) {
  clockid_t clock;
  timespec used;
  if (clock_getcpuclockid(child, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
  return static_cast<uint64_t>(used.tv_sec) * 1'000'000 + static_cast<uint64_t>(used.tv_nsec) / 1000;
}

}  // namespace

int64_t now_us() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

ZygotePool::ZygotePool(ZygoteSettings settings, uint32_t workers, Events events)
    : settings_(std::move(settings)), events_(std::move(events)), most_active_(workers) {
  // Every proposal runs once on A an input and once on each other variant: fewer copies of those are enough.
  for (int index = 0; index < kZygoteKindCount; ++index) {
    const ZygoteKind kind = zygote_kind(index);
    const uint32_t copies = kind.variant == 0 ? workers : (workers + 2) / 3;
    for (uint32_t i = 0; i < copies; ++i) {
      auto worker = std::make_unique<Worker>();
      worker->kind = kind;
      workers_.push_back(std::move(worker));
    }
  }
  want(Library::kCommon);
}

void ZygotePool::want(Library library) {
  for (auto& worker : workers_) {
    if (worker->kind.library == library && worker->state == State::kUnwanted) start(*worker);
  }
}

ZygotePool::~ZygotePool() {
  ending_ = true;
  for (auto& worker : workers_) {
    if (worker->child > 0) ::kill(worker->child, SIGKILL);
    if (worker->zygote) worker->zygote->kill();
  }
  // A child whose notice was never read has lost its zygote's socket only; it ends with this process.
  for (auto& worker : workers_) {
    if (worker->zygote && worker->zygote->pid() > 0) waitpid(worker->zygote->pid(), nullptr, 0);
    if (worker->child > 0) waitpid(worker->child, nullptr, 0);
    if (worker->zygote) worker->zygote->forget();
  }
}

bool ZygotePool::ready() const {
  return std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) {
    return worker->kind.library != Library::kCommon || worker->state == State::kIdle || worker->state == State::kBusy;
  });
}

void ZygotePool::start(Worker& worker) {
  worker.zygote = std::make_unique<ZygoteProcess>();
  worker.state = State::kStarting;
  worker.zygote_gone = false;
  worker.listened_to = false;
  worker.child = 0;
  worker.probe = 0;
  worker.deadline_us = now_us() + kStartPatienceUs;
  std::string problem;
  if (!worker.zygote->start(settings_, worker.kind.variant, worker.kind.library, &problem)) {
    start_failures_[worker.kind.index()] += 1;
    last_problem_ = problem;
    if (!was_ready_) fatal_ = problem;
    worker.zygote.reset();
    worker.deadline_us = broken(worker.kind) ? 0 : now_us() + kRestartPauseUs * start_failures_[worker.kind.index()];
    return;
  }
  events_.watch(worker.zygote->control(), Watch::kInput);
}

void ZygotePool::replace(Worker& worker) {
  events_.watch(worker.zygote->control(), Watch::kNothing);
  worker.zygote->kill();
  // The dead process is reaped by reap(), which knows it no longer; the object may go.
  worker.zygote->forget();
  worker.zygote.reset();
  if (ending_ || broken(worker.kind)) {
    worker.state = State::kStarting;
    worker.deadline_us = 0;
    return;
  }
  start(worker);
}

bool ZygotePool::can_take(ZygoteKind kind) const {
  if (active_ >= most_active_) return false;
  return std::any_of(workers_.begin(), workers_.end(), [kind](const auto& worker) {
    return worker->kind == kind && worker->state == State::kIdle;
  });
}

void ZygotePool::give(ZygoteKind kind, Job job) {
  for (auto& worker : workers_) {
    if (!(worker->kind == kind) || worker->state != State::kIdle) continue;
    worker->state = State::kBusy;
    active_ += 1;
    dispatch(*worker, std::move(job));
    return;
  }
}

void ZygotePool::dispatch(Worker& worker, Job job) {
  worker.job = std::move(job);
  worker.cancelled = false;
  worker.child = 0;
  worker.wall_killed = false;
  worker.started_us = now_us();
  // Looked at by then at the latest: the number of the child may have come without waking anybody.
  worker.deadline_us = worker.started_us + std::min(kForkPatienceUs, int64_t{worker.job.limits.wall_ms} * 1000);
  if (!worker.zygote->send(worker.job.command, worker.job.task)) on_gone(worker);
}

void ZygotePool::cancel(uint64_t ticket) {
  for (auto& worker : workers_) {
    if (worker->state != State::kBusy || worker->job.ticket != ticket) continue;
    worker->cancelled = true;
    if (worker->child == 0) drain(*worker);
    if (worker->child > 0) ::kill(worker->child, SIGKILL);
  }
}

void ZygotePool::next_probe(Worker& worker) {
  Job job;
  job.command.kind = JobKind::kProbe;
  job.command.detail = worker.probe;
  job.limits = kProbeLimits;
  job.command.cpu_ms = job.limits.cpu_ms;
  job.command.wall_ms = job.limits.wall_ms;
  job.command.memory_bytes = job.limits.memory_bytes;
  job.command.output_bytes = job.limits.output_bytes;
  dispatch(worker, std::move(job));
}

void ZygotePool::on_input(int fd) {
  for (auto& worker : workers_) {
    if (worker->zygote && !worker->zygote_gone && worker->zygote->control() == fd) {
      drain(*worker);
      return;
    }
  }
}

void ZygotePool::drain(Worker& worker) {
  bool gone = false;
  while (std::optional<Notice> notice = worker.zygote->receive(&gone)) {
    const ZygoteProcess* before = worker.zygote.get();
    on_notice(worker, *notice);
    if (worker.zygote.get() != before) return;
  }
  if (gone) on_gone(worker);
}

void ZygotePool::on_notice(Worker& worker, const Notice& notice) {
  switch (notice.kind) {
    case NoticeKind::kFailed:
      last_problem_ = notice.text;
      if (!was_ready_ && fatal_.empty()) fatal_ = notice.text;
      break;
    case NoticeKind::kReady:
      if (was_ready_ && (layers_ & ~notice.layers) != 0) {
        // What the greeting promised holds for every child.
        last_problem_ = "a later zygote lacks a layer of protection that the first ones had";
        worker.zygote->kill();
        break;
      }
      layers_ &= notice.layers;
      version_ = notice.text;
      worker.resident_bytes = notice.resident_bytes;
      worker.state = State::kProbing;
      next_probe(worker);
      break;
    case NoticeKind::kForked: {
      if (notice.pid <= 0) {
        // The fork itself failed: most likely too many processes or no memory on the machine.
        on_gone(worker);
        break;
      }
      worker.child = notice.pid;
      if (worker.listened_to) events_.watch(worker.zygote->control(), Watch::kGoing);
      worker.listened_to = false;
      worker.deadline_us = worker.started_us + int64_t{worker.job.limits.wall_ms} * 1000;
      if (worker.cancelled) ::kill(worker.child, SIGKILL);
      const auto early = early_.find(notice.pid);
      if (early != early_.end()) {
        const EarlyEnd end = early->second;
        early_.erase(early);
        // What ended before this job began had the same number, and was another process.
        if (end.at_us >= worker.started_us) on_child_end(worker, end.status, end.usage);
      }
      break;
    }
  }
}

void ZygotePool::on_gone(Worker& worker) {
  const State state = worker.state;
  if ((state == State::kBusy || state == State::kProbing) && worker.child > 0) {
    // The child is ours and goes on; its result is as good as ever.
    worker.zygote_gone = true;
    events_.watch(worker.zygote->control(), Watch::kNothing);
    return;
  }
  if (state == State::kStarting || state == State::kProbing) {
    start_failures_[worker.kind.index()] += 1;
    // Not the first time: somebody outside may have ended it.
    if (!was_ready_ && fatal_.empty() && broken(worker.kind)) fatal_ = settings_.python + " ended before it was ready to run programs";
  }
  if (state == State::kBusy) active_ -= 1;
  const uint64_t ticket = worker.job.ticket;
  const bool cancelled = worker.cancelled;
  replace(worker);
  if (state == State::kBusy && !cancelled) events_.lost(ticket);
}

void ZygotePool::on_child_end(Worker& worker, int status, const rusage& usage) {
  Ending ending;
  ending.wait_status = status;
  ending.cpu_us = static_cast<uint64_t>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 +
                  static_cast<uint64_t>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  ending.wall_us = static_cast<uint64_t>(now_us() - worker.started_us);
  ending.peak_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  ending.base_bytes = worker.resident_bytes;
  ending.wall_killed = worker.wall_killed;
  worker.child = 0;
  worker.deadline_us = 0;
  ending.lock = worker.zygote->lock_report();
  const SlotView view = read_slot(worker.zygote->results(), kResultAreaBytes, worker.job.expected,
                                  worker.job.limits.output_bytes);
  const bool explained = worker.job.command.explain != 0;
  const std::string forbidden_call = explained ? describe_forbidden_call(worker.zygote->results(), kResultAreaBytes) : "";
  worker.zygote->clear_results();
  if (worker.state == State::kProbing) {
    on_probe_end(worker, ending, view);
    return;
  }
  const bool outgrown = !explained && worker.kind.library == Library::kCommon && ending.lock.locked != 0 && !ending.wall_killed &&
                        WIFEXITED(status) && WEXITSTATUS(status) == kOutgrownStatus;
  std::vector<RunRecord> records = classify(ending, view, worker.job.limits, worker.job.expected);
  const auto is_violation = [](const RunRecord& record) { return record.outcome == Outcome::kViolation; };
  if (explained) {
    records = std::move(worker.job.verdict);
    for (RunRecord& record : records) {
      if (is_violation(record) && !forbidden_call.empty()) record.message = forbidden_call;
    }
  } else if (!worker.cancelled && !worker.zygote_gone && std::any_of(records.begin(), records.end(), is_violation)) {
    Job again = std::move(worker.job);
    again.command.explain = 1;
    again.verdict = std::move(records);
    dispatch(worker, std::move(again));
    return;
  }
  const bool ours = std::any_of(records.begin(), records.end(), [](const RunRecord& record) {
    return record.outcome == Outcome::kSandboxError;
  });
  const uint64_t ticket = worker.job.ticket;
  const bool cancelled = worker.cancelled;
  worker.state = State::kIdle;
  active_ -= 1;
  // A zygote whose child failed in our own steps is not trusted with the next one; it has no part in what the machine's load does.
  const bool starved = ending.wall_killed && ending.lock.locked != 0;
  if (worker.zygote_gone || (ours && !starved)) replace(worker);
  if (cancelled) return;
  if (outgrown) {
    events_.outgrown(ticket);
  } else {
    events_.finished(ticket, std::move(records));
  }
}

void ZygotePool::on_probe_end(Worker& worker, const Ending& ending, const SlotView& view) {
  if (ending.wall_killed || (WIFSIGNALED(ending.wait_status) && WTERMSIG(ending.wait_status) != SIGSYS)) {
    // Kept from its processor, or ended by somebody outside: this says nothing about the lock, so all of it is tested again.
    start_failures_[worker.kind.index()] += 1;
    if (!was_ready_ && fatal_.empty() && broken(worker.kind)) {
      fatal_ = ending.wall_killed ? "the sandbox's self-test got no processor time"
                                  : std::string("the sandbox's self-test was ended each time: ") + strsignal(WTERMSIG(ending.wait_status));
    }
    replace(worker);
    return;
  }
  std::string failure;
  if (worker.probe == 0) {
    const RunRecord record = classify(ending, view, kProbeLimits, 1)[0];
    if (record.outcome != Outcome::kOk) failure = record.message;
  } else if (!WIFSIGNALED(ending.wait_status) || WTERMSIG(ending.wait_status) != SIGSYS) {
    failure = probe_name(worker.probe);
  }
  if (!failure.empty()) {
    if (fatal_.empty()) fatal_ = "the sandbox's self-test failed: a locked child could " + failure;
    start_failures_[worker.kind.index()] = 3;
    replace(worker);
    return;
  }
  if (worker.zygote_gone) {
    worker.state = State::kStarting;
    on_gone(worker);
    return;
  }
  worker.probe += 1;
  if (worker.probe < kProbeCount) {
    next_probe(worker);
    return;
  }
  worker.state = State::kIdle;
  // From now on its only notices are those of forks, which are read when there is something else to do with them: it wakes nobody for one.
  events_.watch(worker.zygote->control(), Watch::kGoing);
  start_failures_[worker.kind.index()] = 0;
  if (ready()) was_ready_ = true;
}

void ZygotePool::read_notices() {
  for (auto& worker : workers_) {
    if (worker->state == State::kBusy && worker->child == 0 && !worker->zygote_gone && worker->zygote) drain(*worker);
  }
}

void ZygotePool::reap() {
  read_notices();
  int status = 0;
  rusage usage{};
  for (pid_t pid; (pid = wait4(-1, &status, WNOHANG | WUNTRACED, &usage)) > 0;) {
    if (WIFSTOPPED(status)) {
      // Nothing of ours stops: somebody outside did it. What stands still would be missed much later; what is dead is replaced, or tried again.
      // It is not reaped yet, so the number is still its own.
      ::kill(pid, SIGKILL);
      continue;
    }
    Worker* owner = nullptr;
    for (auto& worker : workers_) {
      if (worker->child == pid) owner = worker.get();
    }
    if (owner != nullptr) {
      on_child_end(*owner, status, usage);
      continue;
    }
    for (auto& worker : workers_) {
      if (worker->zygote && worker->zygote->pid() == pid) owner = worker.get();
    }
    if (owner != nullptr) {
      owner->zygote->forget();
      // What it said before it died still counts; reading on finds the end of the socket.
      if (!owner->zygote_gone) drain(*owner);
      continue;
    }
    if (early_.size() > 256) early_.clear();
    // It was faster than its zygote: the notice of it is still to come, and has to be heard.
    for (auto& worker : workers_) {
      if (worker->state != State::kBusy || worker->child != 0 || !worker->zygote || worker->listened_to) continue;
      worker->listened_to = true;
      events_.watch(worker->zygote->control(), Watch::kInput);
    }
    early_[pid] = {status, usage, now_us()};
  }
}

// A starved child gets more time; its processor limit ends it as ever.
bool ZygotePool::extend(Worker& worker, int64_t now) {
  const int64_t wall_us = int64_t{worker.job.limits.wall_ms} * 1000;
  const int64_t last = worker.started_us + int64_t{kMostExtensions} * wall_us;
  if (now >= last || !is_starved(processor_us(worker.child), static_cast<uint64_t>(now - worker.started_us))) return false;
  worker.deadline_us = std::min(last, now + wall_us);
  return true;
}

bool ZygotePool::lost(ZygoteKind kind) const {
  return broken(kind) && std::none_of(workers_.begin(), workers_.end(), [kind](const auto& worker) {
    return worker->kind == kind && worker->zygote != nullptr;
  });
}

int ZygotePool::on_time() {
  const int64_t now = now_us();
  int64_t next = -1;
  for (auto& worker : workers_) {
    if (worker->deadline_us == 0 || worker->state == State::kIdle) continue;
    if (now >= worker->deadline_us) {
      if (worker->state == State::kBusy && worker->child == 0 && worker->zygote && !worker->zygote_gone) {
        const ZygoteProcess* before = worker->zygote.get();
        drain(*worker);
        if (worker->zygote.get() != before || worker->state != State::kBusy) continue;
        if (worker->child == 0 && now < worker->started_us + kForkPatienceUs) worker->deadline_us = worker->started_us + kForkPatienceUs;
      }
      if (now < worker->deadline_us) {
        // Its number has come, or may still do.
      } else if (worker->child > 0 && !worker->wall_killed && extend(*worker, now)) {
        // It goes on.
      } else if (worker->child > 0) {
        // Not reaped yet, so the number is still this child's.
        worker->wall_killed = true;
        ::kill(worker->child, SIGKILL);
        worker->deadline_us = now + 1'000'000;
      } else if (worker->zygote) {
        on_gone(*worker);
      } else {
        start(*worker);
      }
    }
    if (worker->deadline_us != 0 && (next < 0 || worker->deadline_us < next)) next = worker->deadline_us;
  }
  if (next < 0) return -1;
  return static_cast<int>(std::max<int64_t>(0, (next - now_us() + 999) / 1000));
}

}  // namespace azr
