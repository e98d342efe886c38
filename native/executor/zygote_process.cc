#include "zygote_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "address_shift.h"
#include "zygote_descriptors.h"

namespace azr {
namespace {

/** Loads the shared object as an extension module; its start-up takes the process over and never returns. */
const char kLoader[] =
    "import sys, _imp\n"
    "from importlib.machinery import ModuleSpec\n"
    "_imp.create_dynamic(ModuleSpec('azr_zygote', None, origin=sys.argv[1]))\n";

/** Environment of a zygote. Its length differs between variants, and with it the place of the stack. */
std::vector<std::string> environment(const ZygoteSettings& settings, int variant, Library library) {
  static const char* const kHashSeeds[kVariantCount] = {"1", "20021", "3000017", "404040409"};
  std::vector<std::string> out = {
      std::string("PYTHONHASHSEED=") + kHashSeeds[variant],
      "LD_PRELOAD=" + settings.shared_object,
      "AZR_VARIANT=" + std::to_string(variant),
      "AZR_LIBRARY=" + std::to_string(static_cast<int>(library)),
      "LC_ALL=C.UTF-8",
      "TZ=UTC0",
      "PYTHONNODEBUGRANGES=1",
      // Every symbol is bound before the first fork, instead of again in each child.
      "LD_BIND_NOW=1",
      "AZR_PADDING=" + std::string(static_cast<size_t>(variant) * 1040, 'x'),
  };
  if (const char* libraries = getenv("LD_LIBRARY_PATH")) out.push_back(std::string("LD_LIBRARY_PATH=") + libraries);
  return out;
}

/** Moves the next program's mappings (address_shift.h). Best effort: the zygote looks at the limit and reports. */
void make_stack_room(int variant) {
  rlimit limit{};
  getrlimit(RLIMIT_STACK, &limit);
  limit.rlim_cur = stack_room_bytes(variant);
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < limit.rlim_cur) limit.rlim_max = limit.rlim_cur;
  setrlimit(RLIMIT_STACK, &limit);
}

[[noreturn]] void become_zygote(const char* python, char* const* arguments, char* const* variables, int variant,
                                int control, int request, int results) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  personality(ADDR_NO_RANDOMIZE);
  make_stack_room(variant);
  // First out of the way of the fixed numbers, then onto them; duplicates survive the exec.
  const int high[3] = {fcntl(control, F_DUPFD, 32), fcntl(request, F_DUPFD, 32), fcntl(results, F_DUPFD, 32)};
  const int fixed[3] = {kControlDescriptor, kRequestDescriptor, kResultDescriptor};
  for (int i = 0; i < 3; ++i) {
    if (high[i] < 0 || dup2(high[i], fixed[i]) < 0) _exit(126);
    close(high[i]);
  }
  const int nowhere = open("/dev/null", O_RDWR);
  if (nowhere < 0 || dup2(nowhere, 0) < 0 || dup2(nowhere, 1) < 0) _exit(126);
  syscall(436 /* close_range */, static_cast<unsigned>(kResultDescriptor) + 1, ~0u, 0u);
  execve(python, arguments, variables);
  _exit(127);
}

}  // namespace

ZygoteProcess::~ZygoteProcess() {
  kill();
  if (control_ >= 0) close(control_);
}

bool ZygoteProcess::start(const ZygoteSettings& settings, int variant, Library library, std::string* problem) {
  request_ = SharedArea::create("azr-request", kRequestAreaBytes, true);
  results_ = SharedArea::create("azr-results", kLockAreaBytes + kResultAreaBytes, false);
  int ends[2];
  if (!request_.valid() || !results_.valid() ||
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    *problem = std::string("cannot make shared memory or a socket: ") + strerror(errno);
    return false;
  }
  std::vector<std::string> variables = environment(settings, variant, library);
  std::vector<std::string> arguments = {settings.python, "-s", "-S", "-P", "-B", "-W", "ignore", "-X", "utf8",
                                        "-c", kLoader, settings.shared_object};
  std::vector<char*> variable_pointers, argument_pointers;
  for (std::string& text : variables) variable_pointers.push_back(text.data());
  for (std::string& text : arguments) argument_pointers.push_back(text.data());
  variable_pointers.push_back(nullptr);
  argument_pointers.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    become_zygote(settings.python.c_str(), argument_pointers.data(), variable_pointers.data(), variant, ends[1],
                  request_.fd(), results_.fd());
  }
  close(ends[1]);
  control_ = ends[0];
  pid_ = pid;
  fcntl(control_, F_SETFL, O_NONBLOCK);
  if (pid < 0) *problem = std::string("cannot start a process: ") + strerror(errno);
  return pid > 0;
}

bool ZygoteProcess::send(Command command, std::string_view task) {
  memcpy(request_.data(), task.data(), task.size());
  // What an earlier task left behind is nobody else's to read.
  if (last_task_bytes_ > task.size()) memset(request_.data() + task.size(), 0, last_task_bytes_ - task.size());
  last_task_bytes_ = task.size();
  command.request_bytes = static_cast<uint32_t>(task.size());
  return ::send(control_, &command, sizeof command, MSG_NOSIGNAL) == sizeof command;
}

std::optional<Notice> ZygoteProcess::receive(bool* gone) {
  Notice notice;
  const ssize_t got = recv(control_, &notice, sizeof notice, 0);
  if (got == sizeof notice) {
    notice.text[sizeof notice.text - 1] = 0;
    return notice;
  }
  *gone = got >= 0 || (errno != EAGAIN && errno != EINTR);
  return std::nullopt;
}

LockReport ZygoteProcess::lock_report() const {
  LockReport report;
  memcpy(&report, results_.data(), sizeof report);
  return report;
}

void ZygoteProcess::clear_results() { results_.empty(); }

void ZygoteProcess::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

}  // namespace azr
