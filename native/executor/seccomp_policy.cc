#include "seccomp_policy.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

// Numbers that older kernel headers lack. From 424 up they are the same on every architecture.
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

namespace azr {
namespace {

using Kind = ArgumentCheck::Kind;

ArgumentCheck within(uint8_t index, uint64_t mask) { return {index, Kind::kWithin, mask, {}}; }
ArgumentCheck contains(uint8_t index, uint64_t mask) { return {index, Kind::kContains, mask, {}}; }
ArgumentCheck low_equals(uint8_t index, uint32_t value) { return {index, Kind::kLowEquals, value, {}}; }
ArgumentCheck one_of(uint8_t index, std::vector<uint32_t> values) {
  return {index, Kind::kOneOf, 0, std::move(values)};
}

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

}  // namespace

FilterTable seccomp_policy() {
  FilterTable table;
#if defined(__x86_64__)
  table.architecture = AUDIT_ARCH_X86_64;
  table.number_bound = 0x40000000;  // the x32 numbers
#elif defined(__aarch64__)
  table.architecture = AUDIT_ARCH_AARCH64;
  table.number_bound = 0;
#else
#error "no system call policy for this architecture"
#endif
  table.default_errno = EPERM;
  table.allowed = {
      {SYS_mmap, {within(2, kReadWrite), contains(3, kPrivateAnonymous), within(3, kMapFlags),
                  low_equals(4, 0xffffffffu)}},
      {SYS_munmap, {}},
      {SYS_brk, {}},
      {SYS_mremap, {within(3, MREMAP_MAYMOVE)}},
      {SYS_madvise, {one_of(2, {MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE})}},
      {SYS_mprotect, {within(2, kReadWrite)}},
      {SYS_futex, {one_of(1, futex_operations())}},
      {SYS_clock_gettime, {one_of(0, {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
                                      CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME})}},
      {SYS_exit_group, {}},
      {SYS_exit, {}},
      {SYS_rt_sigreturn, {}},
      {SYS_restart_syscall, {}},
  };
  // "No such call" rather than "not permitted": callers then fall back, and fail, in an ordinary way.
  table.errors = {{SYS_getrandom, ENOSYS}};
  table.killed = {
      SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_pidfd_send_signal, SYS_pidfd_open,
      438 /* pidfd_getfd */, 440 /* process_madvise */, 448 /* process_mrelease */, SYS_bpf, SYS_userfaultfd,
      SYS_perf_event_open, 425 /* io_uring_setup */, 426 /* io_uring_enter */, 427 /* io_uring_register */,
      SYS_add_key, SYS_request_key, SYS_keyctl, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot,
      428 /* open_tree */, 429 /* move_mount */, 430 /* fsopen */, 431 /* fsconfig */, 432 /* fsmount */,
      433 /* fspick */, 442 /* mount_setattr */, SYS_unshare, SYS_setns, SYS_seccomp, SYS_init_module,
      SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_open_by_handle_at, SYS_name_to_handle_at,
      SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, SYS_settimeofday, SYS_clock_settime,
      SYS_clock_adjtime, SYS_adjtimex, SYS_fanotify_init, SYS_syslog, SYS_vhangup,
#if defined(__x86_64__)
      SYS_kexec_file_load, SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib,
#endif
  };
  return table;
}

}  // namespace azr
