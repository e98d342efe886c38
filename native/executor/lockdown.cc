#include "lockdown.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "address_shift.h"
#include "landlock.h"
#include "seccomp_policy.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

namespace azr {
namespace {

/** An id that owns nothing; within the range that every container maps. */
constexpr uid_t kNobody = 65534;

bool set_limit(int which, uint64_t soft, uint64_t hard) {
  const rlimit value{soft, hard};
  return setrlimit(static_cast<__rlimit_resource>(which), &value) == 0;
}

void reset_signals() {
  for (int number = 1; number < 32; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool drop_capabilities() {
  for (int capability = 0; capability < 64; ++capability) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  return syscall(SYS_capset, &header, none) == 0;
}

bool drop_user() {
  if (setgroups(0, nullptr) != 0) return false;
  if (setresgid(kNobody, kNobody, kNobody) != 0) return false;
  return setresuid(kNobody, kNobody, kNobody) == 0;
}

bool start_timer(clockid_t clock, int signal_number, uint64_t milliseconds) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = signal_number;
  // The raw calls: the library's keep state of their own and would start a helper thread for other kinds of event.
  int timer = 0;
  if (syscall(SYS_timer_create, clock, &event, &timer) != 0) return false;
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(milliseconds / 1000);
  when.it_value.tv_nsec = static_cast<long>(milliseconds % 1000) * 1'000'000;
  // Repeats, so that one handled or blocked signal is not the end of it.
  when.it_interval.tv_nsec = 50'000'000;
  return syscall(SYS_timer_settime, timer, 0, &when, nullptr) == 0;
}

}  // namespace

MemorySize memory_size() {
  FILE* file = fopen("/proc/self/statm", "re");
  if (file == nullptr) return {};
  unsigned long long pages = 0, resident = 0;
  const int got = fscanf(file, "%llu %llu", &pages, &resident);
  fclose(file);
  if (got != 2) return {};
  const uint64_t bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return {pages * bytes, resident * bytes};
}

uint32_t harden_zygote(const char** problem) {
  uint32_t layers = 0;
  reset_signals();
  // A terminal's interrupt goes to the whole foreground group; the supervisor decides when we end.
  signal(SIGINT, SIG_IGN);
  signal(SIGTSTP, SIG_IGN);
  umask(077);
  for (int which : {RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_RTPRIO}) {
    if (!set_limit(which, 0, 0)) *problem = "cannot lower a resource limit";
  }
  // The host's limit, or the room that placed the mappings (address_shift.h), must not decide how deep programs recurse.
  if (!set_limit(RLIMIT_STACK, kProgramStackBytes, kProgramStackBytes)) *problem = "cannot set the stack limit";
  if (geteuid() == 0) {
    if (!drop_user() || !drop_capabilities()) {
      *problem = "runs as root and cannot become an unprivileged user (setgroups, setresuid or capset failed)";
      return layers;
    }
    layers |= kLayerUserDropped;
  }
  layers |= kLayerUnprivileged;
  // Changing the user cleared the parent-death signal and the dump flag may have come back.
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    *problem = "the kernel refuses no_new_privs";
    return layers;
  }
  layers |= kLayerNoNewPrivileges;
  if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0) layers |= kLayerMemoryDenyWriteExecute;
  if (landlock_deny_all()) layers |= kLayerLandlock;
  return layers;
}

std::vector<sock_filter> make_child_filter() { return build_filter(seccomp_policy()); }

LockStep lock_child(const Command& command, uint64_t address_bytes, int supervisor_pid,
                    const std::vector<sock_filter>& filter) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || syscall(SYS_getppid) != supervisor_pid) {
    return LockStep::kParentDeath;
  }
  if (syscall(SYS_close_range, 0u, ~0u, 0u) != 0) {
    // Before Linux 5.9. A zygote holds only the control socket and never opens more.
    for (int fd = 0; fd < 16; ++fd) close(fd);
  }
  const uint64_t cpu_seconds = (uint64_t{command.cpu_ms} + 999) / 1000 + 1;
  const uint64_t address_limit = address_bytes + command.memory_bytes;
  if (!set_limit(RLIMIT_AS, address_limit, address_limit) ||
      !set_limit(RLIMIT_CPU, cpu_seconds, cpu_seconds + 1) || !set_limit(RLIMIT_NOFILE, 0, 0) ||
      !set_limit(RLIMIT_NPROC, 0, 0)) {
    return LockStep::kLimits;
  }
  // Processor time stops the child with SIGXCPU. The wall clock is the supervisor's business; this second timer only
  // serves a child whose supervisor no longer knows it.
  if (!start_timer(CLOCK_PROCESS_CPUTIME_ID, SIGXCPU, command.cpu_ms) ||
      !start_timer(CLOCK_MONOTONIC, SIGKILL, uint64_t{command.wall_ms} * kMostExtensions + 2000)) {
    return LockStep::kTimer;
  }
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || syscall(SYS_geteuid) == 0) return LockStep::kPrivileges;
  const sock_fprog program{static_cast<unsigned short>(filter.size()),
                           const_cast<sock_filter*>(filter.data())};
  // Synchronising threads is moot with one thread and fails when there is another one that cannot follow.
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) {
    return LockStep::kFilter;
  }
  return LockStep::kNone;
}

}  // namespace azr
