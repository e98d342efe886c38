// Entry of azr-zygote.so: loaded into a stock python3 as an extension module whose start-up never returns. It warms the
// interpreter, gives its powers away, and from then on forks one locked child a command, from C.
//
// Ownership: the control socket and both areas belong to the supervisor, which passes them as fixed descriptors.
// Thread: the interpreter's only one. Teardown: the process ends when the control socket closes, or is killed.
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "address_shift.h"
#include "child_job.h"
#include "failure.h"
#include "forbidden_call.h"
#include "heap_layout.h"
#include "interpreter.h"
#include "large_heap.h"
#include "lockdown.h"
#include "page_tables.h"
#include "self_test.h"
#include "zygote_descriptors.h"

namespace azr {
namespace {

using py::api;

struct Zygote {
  const char* request_area = nullptr;
  LockReport* lock_report = nullptr;
  char* result_area = nullptr;
  uint64_t address_bytes = 0;
  int supervisor_pid = 0;
  std::vector<sock_filter> filter;
  std::vector<sock_filter> explaining_filter;
};

Zygote zygote;

[[noreturn]] void leave(int code) {
  for (;;) syscall(SYS_exit_group, code);
}

void send_notice(NoticeKind kind, int32_t pid, uint32_t layers, const char* text, uint64_t resident_bytes = 0) {
  Notice notice;
  notice.kind = kind;
  notice.pid = pid;
  notice.layers = layers;
  notice.resident_bytes = resident_bytes;
  snprintf(notice.text, sizeof notice.text, "%s", text);
  if (send(kControlDescriptor, &notice, sizeof notice, MSG_NOSIGNAL) < 0) leave(3);
}

[[noreturn]] void give_up(const char* sentence) {
  send_notice(NoticeKind::kFailed, 0, 0, sentence);
  leave(1);
}

/** Everything after the fork. The task is read only once the lock is on. */
[[noreturn]] void run_child(const Command& command) {
  LockReport* report = zygote.lock_report;
  if (command.explain != 0 && !note_forbidden_call(zygote.result_area, kResultAreaBytes)) leave(2);
  const std::vector<sock_filter>& filter = command.explain != 0 ? zygote.explaining_filter : zygote.filter;
  const LockStep failed = lock_child({command, zygote.address_bytes, zygote.supervisor_pid, filter});
  if (failed != LockStep::kNone) {
    report->failed_errno = static_cast<uint32_t>(errno);
    report->failed_step = static_cast<uint32_t>(failed);
    leave(2);
  }
  report->locked = 1;
  // From here on nothing that runs in this process can reach the report: there is no descriptor to map it from again.
  if (syscall(SYS_munmap, report, kLockAreaBytes) != 0) leave(2);
  SlotWriter slot(zygote.result_area, kResultAreaBytes);
  const Reader task(zygote.request_area, command.request_bytes);
  switch (command.kind) {
    case JobKind::kRun:
      run_program(command, task, slot);
      break;
    case JobKind::kParse:
      parse_text(command, task, slot);
      break;
    case JobKind::kAnalyse:
    case JobKind::kMeasure:
      answer_text(command, task, slot);
      break;
    case JobKind::kProbe:
      run_probe(command.detail, slot);
      break;
  }
  slot.complete();
  leave(0);
}

[[noreturn]] void serve() {
  for (;;) {
    Command command;
    const ssize_t got = recv(kControlDescriptor, &command, sizeof command, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got != sizeof command) leave(0);
    // The child becomes the supervisor's own, which thus reaps it, whatever happens to this zygote.
    const long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) run_child(command);
    send_notice(NoticeKind::kForked, static_cast<int32_t>(pid < 0 ? -errno : pid), 0, "");
    // Its going is heard at once; the notice alone is not.
    if (pid < 0) leave(1);
  }
}

bool map_areas() {
  void* request = mmap(nullptr, kRequestAreaBytes, PROT_READ, MAP_SHARED, kRequestDescriptor, 0);
  // Two mappings, the report's in front: growing the one of the results cannot bring the report back.
  void* report = mmap(nullptr, kLockAreaBytes, PROT_READ | PROT_WRITE, MAP_SHARED, kResultDescriptor, 0);
  void* result = mmap(nullptr, kResultAreaBytes, PROT_READ | PROT_WRITE, MAP_SHARED, kResultDescriptor, kLockAreaBytes);
  if (request == MAP_FAILED || report == MAP_FAILED || result == MAP_FAILED) return false;
  zygote.lock_report = static_cast<LockReport*>(report);
  zygote.request_area = static_cast<const char*>(request);
  zygote.result_area = static_cast<char*>(result);
  return true;
}

/** Programs must not see the start-up script's frame, so they run on a thread state that never had one. */
void leave_script_frames() {
  void* script = api.PyThreadState_Get();
  void* bare = api.PyThreadState_New(api.PyInterpreterState_Get());
  api.PyThreadState_Swap(bare);
  api.PyThreadState_Clear(script);
  api.PyThreadState_Delete(script);
}

/** What most children do, for keep_warm_pages: runs, one of them failing, a parse, an analysis. */
void rehearse() {
  static char area[1 << 16];
  const auto task = [](std::string_view text, const std::vector<std::string>& inputs) {
    return encode_task(text, inputs, 0, inputs.size());
  };
  Command command;
  command.output_bytes = 1 << 15;
  SlotWriter slot(area, sizeof area);
  const std::string program =
      "def f(a, b=2):\n"
      "    c = sorted(x * 2 for x in a if x > b)[::-1]\n"
      "    d = {str(x): len(c) for x in c}\n"
      "    for key, value in d.items():\n"
      "        c.append(value + sum(c) - max(a) // 3)\n"
      "    return [c, d, 'a' + ','.join(d), 1.5 * b, set(a)]\n";
  const std::string run = task(program, {"[3, 1, 2, 5], 1", "[1, 'b']"});
  run_program(command, Reader(run.data(), run.size()), slot);
  const std::string parse = task("[1, -2, 'x', (3.5, None)]", {});
  parse_text(command, Reader(parse.data(), parse.size()), slot);
  const std::string analysis = task(program, {});
  answer_text(command, Reader(analysis.data(), analysis.size()), slot);
}

[[noreturn]] void start() {
  if (const char* missing = py::load()) {
    char sentence[200];
    snprintf(sentence, sizeof sentence, "this python3 lacks %s, which the executor needs", missing);
    give_up(sentence);
  }
  const char* variant_text = getenv("AZR_VARIANT");
  const int variant = variant_text == nullptr ? 0 : atoi(variant_text);
  const char* library_text = getenv("AZR_LIBRARY");
  const Library library = library_text != nullptr && *library_text == '1' ? Library::kWhole : Library::kCommon;
  uint32_t layers = kLayerVirtualClock;
  if ((personality(0xffffffff) & ADDR_NO_RANDOMIZE) != 0) layers |= kLayerFixedAddresses;
  rlimit stack{};
  if (getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur == stack_room_bytes(variant)) {
    layers |= kLayerSeparateAddresses;
  }
  zygote.supervisor_pid = static_cast<int>(syscall(SYS_getppid));
  leave_script_frames();
  shift_blocks(variant);
  if (const char* problem = prepare_interpreter(variant, library)) give_up(problem);
  zygote.filter = make_child_filter();
  zygote.explaining_filter = trapping_filter(zygote.filter);
  if (!map_areas()) give_up("cannot map the shared areas");
  inherit_page_tables();
  if (api.PyObject_CallObject(interpreter.settle, nullptr) == nullptr) give_up("cannot settle the heap");
  // After the collection, which gives back blocks that would otherwise be handed out first, and alike in all variants.
  perturb_heap(variant);
  use_large_pages();
  keep_warm_pages(rehearse);
  const MemorySize size = memory_size();
  zygote.address_bytes = size.address_space;
  if (zygote.address_bytes == 0) give_up("cannot read /proc/self/statm");
  const char* problem = nullptr;
  layers |= harden_zygote(&problem);
  if (problem != nullptr) give_up(problem);
  for (int fd = 0; fd < 64; ++fd) {
    if (fd != kControlDescriptor) close(fd);
  }
  send_notice(NoticeKind::kReady, 0, layers, interpreter.version, size.resident);
  serve();
}

}  // namespace
}  // namespace azr

extern "C" __attribute__((visibility("default"))) void* PyInit_azr_zygote() { azr::start(); }
