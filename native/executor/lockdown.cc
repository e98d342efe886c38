#include "lockdown.h"

#include <errno.h>
#include <fcntl.h>
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
#include "namespaces.h"
#include "privileges.h"
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

bool start_afresh(uint32_t*) {
  reset_signals();
  // A terminal's interrupt goes to the whole foreground group; the supervisor decides when we end.
  signal(SIGINT, SIG_IGN);
  signal(SIGTSTP, SIG_IGN);
  umask(077);
  return true;
}

bool lower_limits(uint32_t*) {
  for (int which : {RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_RTPRIO}) {
    if (!set_limit(which, 0, 0)) return false;
  }
  // The host's limit, or the room that placed the mappings (address_shift.h), must not decide how deep programs recurse.
  return set_limit(RLIMIT_STACK, kProgramStackBytes, kProgramStackBytes);
}

bool leave_root(uint32_t* layers) {
  if (geteuid() == 0) {
    if (!become_unprivileged()) return false;
    *layers |= kLayerUserDropped;
  }
  *layers |= kLayerUnprivileged;
  return true;
}

bool leave_namespaces(uint32_t* layers) {
  if (!enter_namespaces()) return false;
  *layers |= kLayerNamespaces;
  return true;
}

bool leave_capabilities(uint32_t*) { return drop_capabilities(); }

/** A change of the user or of the namespace cleared the signal and may have brought the dump flag back. */
bool die_with_parent(uint32_t*) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0; }

bool forbid_looking_in(uint32_t*) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0; }

bool forbid_privileges(uint32_t* layers) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  *layers |= kLayerNoNewPrivileges;
  return true;
}

bool forbid_new_code(uint32_t* layers) {
  if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0) return false;
  *layers |= kLayerMemoryDenyWriteExecute;
  return true;
}

bool forbid_files(uint32_t* layers) {
  if (!landlock_deny_all()) return false;
  *layers |= kLayerLandlock;
  return true;
}

constexpr ZygoteStep kZygoteSteps[] = {
    {"signals", nullptr, start_afresh},
    {"limits", "cannot lower a resource limit", lower_limits},
    {"user", "runs as root and cannot become an unprivileged user: this user namespace has no other one; start it as one", leave_root},
    {"namespaces", nullptr, leave_namespaces},
    {"capabilities", "cannot give its capabilities away", leave_capabilities},
    {"parent death", "cannot bind its life to the supervisor's", die_with_parent},
    {"dump", "cannot forbid other processes to look into it", forbid_looking_in},
    {"no new privileges", "the kernel refuses no_new_privs", forbid_privileges},
    {"memory deny write execute", nullptr, forbid_new_code},
    {"landlock", nullptr, forbid_files},
};

bool die_with_supervisor(const ChildLock& lock) {
  return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && syscall(SYS_getppid) == lock.supervisor_pid;
}

bool close_descriptors(const ChildLock&) {
  if (syscall(SYS_close_range, 0u, ~0u, 0u) == 0) return true;
  // Before Linux 5.9. A zygote holds only the control socket and never opens more.
  for (int fd = 0; fd < 16; ++fd) close(fd);
  return true;
}

bool limit_memory(const ChildLock& lock) {
  const uint64_t bytes = lock.address_bytes + lock.command.memory_bytes;
  return set_limit(RLIMIT_AS, bytes, bytes);
}

/** For who holds the timer's signal back: behind the hard limit stands one that cannot be. */
bool limit_processor_seconds(const ChildLock& lock) {
  const uint64_t seconds = (uint64_t{lock.command.cpu_ms} + 999) / 1000 + 1;
  return set_limit(RLIMIT_CPU, seconds, seconds + 1);
}

bool limit_counts(const ChildLock&) { return set_limit(RLIMIT_NOFILE, 0, 0) && set_limit(RLIMIT_NPROC, 0, 0); }

bool start_processor_timer(const ChildLock& lock) {
  return start_timer(CLOCK_PROCESS_CPUTIME_ID, SIGXCPU, lock.command.cpu_ms);
}

/** The wall clock is the supervisor's business; this only serves a child whose supervisor no longer knows it. */
bool start_wall_timer(const ChildLock& lock) {
  return start_timer(CLOCK_MONOTONIC, SIGKILL, uint64_t{lock.command.wall_ms} * kMostExtensions + 2000);
}

bool has_no_privileges(const ChildLock&) {
  return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && syscall(SYS_geteuid) != 0;
}

bool install_filter(const ChildLock& lock) {
  const sock_fprog program{static_cast<unsigned short>(lock.filter.size()), const_cast<sock_filter*>(lock.filter.data())};
  // Synchronising threads is moot with one thread and fails when there is another one that cannot follow.
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

constexpr ChildStep kChildSteps[] = {
    {LockStep::kParentDeath, die_with_supervisor},
    {LockStep::kDescriptors, close_descriptors},
    {LockStep::kMemory, limit_memory},
    {LockStep::kProcessorSeconds, limit_processor_seconds},
    {LockStep::kCounts, limit_counts},
    {LockStep::kProcessorTimer, start_processor_timer},
    {LockStep::kWallTimer, start_wall_timer},
    {LockStep::kPrivileges, has_no_privileges},
    {LockStep::kFilter, install_filter},
};

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

std::span<const ZygoteStep> zygote_steps() { return kZygoteSteps; }

std::span<const ChildStep> child_steps() { return kChildSteps; }

uint32_t harden_zygote(const char** problem) {
  uint32_t layers = 0;
  for (const ZygoteStep& step : kZygoteSteps) {
    if (step.take(&layers) || step.problem == nullptr) continue;
    *problem = step.problem;
    break;
  }
  return layers;
}

std::vector<sock_filter> make_child_filter() { return build_filter(seccomp_policy()); }

LockStep lock_child(const ChildLock& lock) {
  for (const ChildStep& step : kChildSteps) {
    if (!step.take(lock)) return step.step;
  }
  return LockStep::kNone;
}

}  // namespace azr
