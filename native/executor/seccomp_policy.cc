#include "seccomp_policy.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <time.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace azr {
namespace {

using Kind = ArgumentCheck::Kind;

ArgumentCheck within(uint8_t index, uint64_t mask) { return {index, Kind::kWithin, mask, {}}; }
ArgumentCheck contains(uint8_t index, uint64_t mask) { return {index, Kind::kContains, mask, {}}; }
ArgumentCheck low_equals(uint8_t index, uint32_t value) { return {index, Kind::kLowEquals, value, {}}; }
ArgumentCheck one_of(uint8_t index, std::vector<uint32_t> values) {
  return {index, Kind::kOneOf, 0, std::move(values)};
}

// Flags and constants have the same values on both architectures. arm64's own bits of protection, PROT_BTI and PROT_MTE, are not
// among the permitted ones: what they are for, code and tagged memory, a child does not make.
constexpr uint64_t kReadWrite = PROT_READ | PROT_WRITE;
constexpr uint64_t kPrivateAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;
constexpr uint64_t kMapFlags =
    kPrivateAnonymous | MAP_NORESERVE | MAP_STACK | MAP_FIXED | MAP_POPULATE;

// Waking only: the child has one thread, so a wait for a lock would last until the wall limit. Refused, the C library ends the process.
std::vector<uint32_t> futex_operations() {
  std::vector<uint32_t> out;
  for (uint32_t operation : {FUTEX_WAKE, FUTEX_WAKE_BITSET}) {
    for (uint32_t flag : {0, FUTEX_PRIVATE_FLAG}) out.push_back(operation | flag);
  }
  return out;
}

/** What only an attack calls: other processes, the kernel's own code and clocks, mounts and namespaces, whole subsystems. */
constexpr const char* kKilled[] = {
    "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_send_signal", "pidfd_open", "pidfd_getfd",
    "process_madvise", "process_mrelease", "bpf", "userfaultfd", "perf_event_open", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "add_key", "request_key", "keyctl", "mount", "umount2", "pivot_root", "chroot", "open_tree",
    "move_mount", "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "unshare", "setns", "seccomp", "init_module",
    "finit_module", "delete_module", "kexec_load", "kexec_file_load", "open_by_handle_at", "name_to_handle_at", "reboot",
    "swapon", "swapoff", "acct", "quotactl", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "fanotify_init",
    "syslog", "vhangup",
};
/** The same, of calls that arm64 does not have. */
constexpr const char* kKilledOnX86[] = {"iopl", "ioperm", "modify_ldt", "uselib"};

}  // namespace

FilterTable seccomp_policy(Architecture architecture) {
  const auto number = [architecture](const char* name) {
    const std::optional<long> found = system_call_number(architecture, name);
    if (!found) throw std::logic_error(std::string("the policy names the call ") + name + ", which this architecture lacks");
    return static_cast<uint32_t>(*found);
  };
  FilterTable table;
  table.architecture = audit_architecture(architecture);
  table.number_bound = system_call_bound(architecture);
  table.default_errno = EPERM;
  table.allowed = {
      {number("mmap"), {within(2, kReadWrite), contains(3, kPrivateAnonymous), within(3, kMapFlags),
                        low_equals(4, 0xffffffffu)}},
      {number("munmap"), {}},
      {number("brk"), {}},
      {number("mremap"), {within(3, MREMAP_MAYMOVE)}},
      {number("madvise"), {one_of(2, {MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE})}},
      {number("mprotect"), {within(2, kReadWrite)}},
      {number("futex"), {one_of(1, futex_operations())}},
      {number("clock_gettime"), {one_of(0, {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
                                            CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME})}},
      {number("exit_group"), {}},
      {number("exit"), {}},
      {number("rt_sigreturn"), {}},
      {number("restart_syscall"), {}},
  };
  // "No such call" rather than "not permitted": callers then fall back, and fail, in an ordinary way.
  table.errors = {{number("getrandom"), ENOSYS}};
  for (const char* name : kKilled) table.killed.push_back(number(name));
  if (architecture == Architecture::kX86_64) {
    for (const char* name : kKilledOnX86) table.killed.push_back(number(name));
  }
  return table;
}

}  // namespace azr
