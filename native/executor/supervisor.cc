#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>

namespace azr {
namespace {

/** With this many requests open, the client's next ones wait in the pipe. */
constexpr size_t kMostPending = 16'384;
constexpr size_t kMostOutputBytes = 64u << 20;
constexpr int kMostAttempts = 3;

}  // namespace

Supervisor::Supervisor(ZygoteSettings settings, uint32_t workers) : workers_(workers) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  signals_ = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  watch(signals_, EPOLLIN);
  ZygotePool::Events events;
  events.finished = [this](uint64_t ticket, std::vector<RunRecord> records) {
    finished(ticket, std::move(records));
  };
  events.lost = [this](uint64_t ticket) {
    RunRecord lost;
    lost.message = "the interpreter process that was to run it died";
    finished(ticket, {lost});
  };
  events.outgrown = [this](uint64_t ticket) { outgrown(ticket); };
  events.watch = [this](int fd, ZygotePool::Watch wanted) {
    if (wanted == ZygotePool::Watch::kNothing) {
      epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
    } else {
      watch(fd, wanted == ZygotePool::Watch::kInput ? EPOLLIN | EPOLLRDHUP : EPOLLRDHUP);
    }
  };
  pool_ = std::make_unique<ZygotePool>(std::move(settings), workers, std::move(events));
}

Supervisor::~Supervisor() {
  pool_.reset();
  close(signals_);
  close(epoll_);
}

void Supervisor::watch(int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

int Supervisor::run() {
  fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
  fcntl(1, F_SETFL, fcntl(1, F_GETFL) | O_NONBLOCK);
  watch(0, EPOLLIN);
  while (!input_ended_) {
    // After the greeting only a failed self-test is fatal. The client starts another supervisor, which tests itself again.
    if (!pool_->fatal().empty()) {
      fprintf(stderr, "azr-executor: %s\n", pool_->fatal().c_str());
      return 1;
    }
    for (int index = 0; index < kZygoteKindCount; ++index) {
      if (!pool_->lost(zygote_kind(index))) continue;
      const std::string& why = pool_->last_problem();
      fprintf(stderr, "azr-executor: no interpreter process of variant %d can be started%s%s\n", zygote_kind(index).variant,
              why.empty() ? "" : ": ", why.c_str());
      return 1;
    }
    epoll_event events[64];
    const int count = epoll_wait(epoll_, events, 64, pool_->on_time());
    bool children = false;
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == 0) {
        on_client_input();
      } else if (fd == 1) {
        flush();
      } else if (fd == signals_) {
        signalfd_siginfo drained[8];
        while (read(signals_, drained, sizeof drained) > 0) {
        }
        children = true;
      } else {
        pool_->on_input(fd);
      }
    }
    // After the notices, so that a child's number is usually known by the time it is reaped.
    if (children) pool_->reap();
    if (!greeted_ && pool_->ready()) hello();
    dispatch();
    flush();
    adjust_input();
    if (decoder_.broken()) {
      fprintf(stderr, "azr-executor: the client sent a frame of impossible length\n");
      return 1;
    }
  }
  return 0;
}

void Supervisor::hello() {
  greeted_ = true;
  const uint32_t layers = pool_->layers();
  const struct {
    const char* name;
    bool holds;
  } rows[] = {
      {"seccomp", true},
      {"killProcess", true},
      {"noNewPrivileges", (layers & kLayerNoNewPrivileges) != 0},
      {"unprivilegedUser", (layers & kLayerUnprivileged) != 0},
      {"droppedRoot", (layers & kLayerUserDropped) != 0},
      {"namespaces", (layers & kLayerNamespaces) != 0},
      {"landlock", (layers & kLayerLandlock) != 0},
      {"memoryDenyWriteExecute", (layers & kLayerMemoryDenyWriteExecute) != 0},
      {"fixedAddresses", (layers & kLayerFixedAddresses) != 0},
      {"separateAddresses", (layers & kLayerSeparateAddresses) != 0},
      {"virtualClock", (layers & kLayerVirtualClock) != 0},
  };
  std::string json = "{\"python\":\"" + pool_->python_version() + "\",\"layers\":{";
  bool first = true;
  for (const auto& row : rows) {
    json += std::string(first ? "\"" : ",\"") + row.name + "\":" + (row.holds ? "true" : "false");
    first = false;
  }
  json += "},\"variants\":" + std::to_string(kVariantCount) + ",\"workers\":" + std::to_string(workers_) + "}";
  Writer payload;
  payload.string(json);
  send(0, MessageKind::kHello, payload.bytes());
}

void Supervisor::on_client_input() {
  char buffer[65536];
  for (int round = 0; round < 16; ++round) {
    const ssize_t got = read(0, buffer, sizeof buffer);
    if (got > 0) {
      decoder_.append(buffer, static_cast<size_t>(got));
      if (static_cast<size_t>(got) < sizeof buffer) break;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      input_ended_ = true;
      return;
    } else {
      break;
    }
  }
  while (std::optional<Frame> frame = decoder_.next()) on_frame(*frame);
}

void Supervisor::on_frame(const Frame& frame) {
  if (frame.kind == static_cast<uint8_t>(MessageKind::kCancel)) {
    cancel(frame.id);
    return;
  }
  std::string problem;
  std::optional<Request> request = decode_request(frame, &problem);
  if (!request || pending_.count(frame.id) != 0) {
    if (request) problem = "another request with this number is still open";
    reject(frame.id, frame.kind, request ? request->inputs.size() : 1, problem);
    return;
  }
  accept(frame.id, std::move(*request));
}

void Supervisor::accept(uint32_t id, Request request) {
  auto pending = std::make_shared<Pending>();
  pending->id = id;
  const size_t inputs = request.kind == MessageKind::kRun ? request.inputs.size() : 1;
  const bool shared = request.kind != MessageKind::kRun || request.shared_fork;
  // Where the program itself looks harmless, a literal can still ask for more.
  const Library library = request.kind == MessageKind::kRun ? guess_library(request.text, request.inputs) : Library::kCommon;
  pending->request = std::move(request);
  pending->records.resize(inputs);
  pending->remaining = inputs;
  if (inputs == 0) {
    reply(*pending);
    return;
  }
  pending_[id] = pending;
  for (size_t first = 0; first < inputs; first += shared ? inputs : 1) {
    Unit unit{pending, first, shared ? inputs : 1, library, 0, next_ticket_++};
    queue_of(unit).push_back(std::move(unit));
  }
}

void Supervisor::cancel(uint32_t id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  const std::shared_ptr<Pending> pending = found->second;
  for (auto& queue : queues_) {
    std::erase_if(queue, [&](const Unit& unit) { return unit.pending == pending; });
  }
  for (auto at = running_.begin(); at != running_.end();) {
    if (at->second.pending == pending) {
      pool_->cancel(at->first);
      at = running_.erase(at);
    } else {
      ++at;
    }
  }
  for (RunRecord& record : pending->records) {
    record = RunRecord();
    record.outcome = Outcome::kBadRequest;
    record.message = "cancelled";
  }
  pending_.erase(id);
  reply(*pending);
}

Job Supervisor::make_job(const Unit& unit) const {
  const Request& request = unit.pending->request;
  Job job;
  job.ticket = unit.ticket;
  job.limits = request.limits;
  // A fork that serves several inputs has the processor and wall time of all of them.
  const uint64_t share = unit.count;
  job.limits.cpu_ms = static_cast<uint32_t>(std::min<uint64_t>(request.limits.cpu_ms * share, 600'000));
  job.limits.wall_ms = static_cast<uint32_t>(std::min<uint64_t>(request.limits.wall_ms * share, 600'000));
  job.expected = unit.count;
  job.command.kind = request.kind == MessageKind::kRun       ? JobKind::kRun
                     : request.kind == MessageKind::kParse   ? JobKind::kParse
                     : request.kind == MessageKind::kMeasure ? JobKind::kMeasure
                                                             : JobKind::kAnalyse;
  job.command.cpu_ms = job.limits.cpu_ms;
  job.command.wall_ms = job.limits.wall_ms;
  job.command.output_bytes = job.limits.output_bytes;
  job.command.memory_bytes = job.limits.memory_bytes;
  job.command.detail = request.arguments ? 1 : 0;
  const size_t inputs = request.kind == MessageKind::kRun ? unit.count : 0;
  job.task = encode_task(request.text, request.inputs, unit.first, inputs);
  return job;
}

std::deque<Supervisor::Unit>& Supervisor::queue_of(const Unit& unit) {
  return queues_[ZygoteKind{unit.library, unit.pending->request.variant}.index()];
}

void Supervisor::dispatch() {
  if (!greeted_) return;
  for (;;) {
    int oldest = -1;
    for (int index = 0; index < kZygoteKindCount; ++index) {
      if (queues_[index].empty()) continue;
      pool_->want(zygote_kind(index).library);
      if (!pool_->can_take(zygote_kind(index))) continue;
      if (oldest < 0 || queues_[index].front().ticket < queues_[oldest].front().ticket) oldest = index;
    }
    if (oldest < 0) return;
    Unit unit = std::move(queues_[oldest].front());
    queues_[oldest].pop_front();
    Job job = make_job(unit);
    const uint64_t ticket = unit.ticket;
    running_[ticket] = std::move(unit);
    pool_->give(zygote_kind(oldest), std::move(job));
  }
}

std::optional<Supervisor::Unit> Supervisor::take_running(uint64_t ticket) {
  const auto found = running_.find(ticket);
  if (found == running_.end()) return std::nullopt;
  Unit unit = std::move(found->second);
  running_.erase(found);
  return unit;
}

void Supervisor::outgrown(uint64_t ticket) {
  std::optional<Unit> unit = take_running(ticket);
  if (!unit) return;
  unit->library = Library::kWhole;
  queue_of(*unit).push_front(std::move(*unit));
}

void Supervisor::finished(uint64_t ticket, std::vector<RunRecord> records) {
  std::optional<Unit> unit = take_running(ticket);
  if (!unit) return;
  const bool ours = std::any_of(records.begin(), records.end(), [](const RunRecord& record) {
    return record.outcome == Outcome::kSandboxError;
  });
  if (ours && ++unit->attempts < kMostAttempts) {
    // The same ticket puts it in front of everything that came later.
    queue_of(*unit).push_front(std::move(*unit));
    return;
  }
  settle(*unit, std::move(records));
}

void Supervisor::settle(const Unit& unit, std::vector<RunRecord> records) {
  for (size_t i = 0; i < unit.count; ++i) {
    unit.pending->records[unit.first + i] = std::move(records[std::min(i, records.size() - 1)]);
  }
  unit.pending->remaining -= unit.count;
  if (unit.pending->remaining != 0) return;
  pending_.erase(unit.pending->id);
  reply(*unit.pending);
}

void Supervisor::reply(const Pending& pending) {
  const MessageKind kind = pending.request.kind;
  if (kind == MessageKind::kRun) {
    send(pending.id, kind, encode_run_reply(pending.records));
    return;
  }
  const RunRecord& record = pending.records[0];
  const TextStatus status = record.outcome == Outcome::kOk             ? TextStatus::kOk
                            : record.outcome == Outcome::kSandboxError ? TextStatus::kSandboxError
                                                                       : TextStatus::kRefused;
  send(pending.id, kind, encode_text_reply(status, status == TextStatus::kOk ? record.value : record.message));
}

void Supervisor::reject(uint32_t id, uint8_t kind, size_t inputs, const std::string& why) {
  const MessageKind asked = static_cast<MessageKind>(kind);
  if (asked == MessageKind::kParse || asked == MessageKind::kAnalyse || asked == MessageKind::kMeasure) {
    send(id, asked, encode_text_reply(TextStatus::kRefused, why));
    return;
  }
  RunRecord record;
  record.outcome = Outcome::kBadRequest;
  record.message = why;
  send(id, MessageKind::kRun, encode_run_reply(std::vector<RunRecord>(std::max<size_t>(inputs, 1), record)));
}

void Supervisor::send(uint32_t id, MessageKind kind, std::string_view payload) {
  output_ += encode_frame(id, static_cast<uint8_t>(kind), payload);
}

void Supervisor::flush() {
  while (output_start_ < output_.size()) {
    const ssize_t put = write(1, output_.data() + output_start_, output_.size() - output_start_);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno != EAGAIN) input_ended_ = true;  // the client is gone
    if (put < 0) break;
    output_start_ += static_cast<size_t>(put);
  }
  if (output_start_ == output_.size() || output_start_ > (1u << 20)) {
    output_.erase(0, output_start_);
    output_start_ = 0;
  }
  const bool wanted = !output_.empty();
  if (wanted == output_watched_) return;
  output_watched_ = wanted;
  if (wanted) {
    watch(1, EPOLLOUT);
  } else {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, 1, nullptr);
  }
}

void Supervisor::adjust_input() {
  const bool wanted = pending_.size() < kMostPending && output_.size() < kMostOutputBytes;
  if (wanted == input_watched_) return;
  input_watched_ = wanted;
  if (wanted) {
    watch(0, EPOLLIN);
  } else {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, 0, nullptr);
  }
}

}  // namespace azr
