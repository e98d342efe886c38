#include "self_test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace azr {
namespace {

struct SoftProbe {
  const char* name;
  int wanted_errno;
  long number;
  long arguments[6];
};

const int32_t kFutexWord = 0;

const SoftProbe kSoftProbes[] = {
    {"open a file", EPERM, SYS_openat, {AT_FDCWD, reinterpret_cast<long>("/etc/hostname"), O_RDONLY}},
    {"make a socket", EPERM, SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
    {"fork", EPERM, SYS_clone, {SIGCHLD}},
    {"fork by clone3", EPERM, 435, {0, 0}},
    {"read", EPERM, SYS_read, {0, 0, 0}},
    {"write", EPERM, SYS_write, {1, 0, 0}},
    {"execute a program", EPERM, SYS_execve, {reinterpret_cast<long>("/bin/true"), 0, 0}},
    {"map executable memory", EPERM, SYS_mmap,
     {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
    {"map shared memory", EPERM, SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0}},
    {"make memory executable", EPERM, SYS_mprotect, {0, 0, PROT_READ | PROT_EXEC}},
    {"poison memory", EPERM, SYS_madvise, {0, 0, 100}},
    {"change a limit", EPERM, SYS_prlimit64, {0, 0, 0, 0}},
    {"signal the parent", EPERM, SYS_kill, {1, 0}},
    {"change signal handling", EPERM, SYS_rt_sigaction, {SIGXCPU, 0, 0, 8}},
    {"stop the timer", EPERM, SYS_timer_settime, {0, 0, 0, 0}},
    {"change the process", EPERM, SYS_prctl, {4, 1, 0, 0, 0}},
    {"take entropy", ENOSYS, SYS_getrandom, {0, 0, 0}},
    {"take a futex with priority inheritance", EPERM, SYS_futex,
     {reinterpret_cast<long>(&kFutexWord), FUTEX_LOCK_PI, 0, 0}},
    {"make an unknown call", EPERM, 0x3fff, {}},
};

#if defined(__x86_64__)
constexpr long kForeignCall = 0x40000000 | SYS_close;
const char* const kForeignName = "an x32 call";
#else
// arm64 has no numbers of another interface that its own code could make.
constexpr long kForeignCall = SYS_bpf;
const char* const kForeignName = "bpf";
#endif

}  // namespace

const char* probe_name(uint32_t probe) {
  static const char* const names[kProbeCount] = {"soft refusals", "ptrace", "a second filter", kForeignName, "io_uring"};
  return probe < kProbeCount ? names[probe] : "unknown";
}

void run_probe(uint32_t probe, SlotWriter& slot) {
  switch (probe) {
    case 0:
      break;
    case 1:
      syscall(SYS_ptrace, 0, 0, 0, 0);
      return;
    case 2:
      syscall(SYS_seccomp, 1, 0, nullptr);
      return;
    case 3:
      syscall(kForeignCall, 99, 0, 0);
      return;
    default:
      syscall(425 /* io_uring_setup */, 1, 0);
      return;
  }
  for (const SoftProbe& soft : kSoftProbes) {
    const long* a = soft.arguments;
    const long result = syscall(soft.number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (result != -1 || errno != soft.wanted_errno) {
      slot.commit(Outcome::kBadRequest, 0, "", soft.name);
      return;
    }
  }
  slot.commit(Outcome::kOk, 0, "", "");
}

}  // namespace azr
