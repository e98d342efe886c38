// The lock of a child: the seccomp policy evaluated without a kernel, and real children that lock themselves and then try
// what they must not be able to do. No Python takes part.
//
// Ownership: each test forks, reaps and unmaps its own. Thread: one. Teardown: none.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <set>
#include <vector>

#include "address_shift.h"
#include "bpf_evaluator.h"
#include "executor_locked_child.h"
#include "lockdown.h"
#include "seccomp_policy.h"
#include "self_test.h"

namespace azr {
namespace {

constexpr uint32_t kAllow = SECCOMP_RET_ALLOW, kKill = SECCOMP_RET_KILL_PROCESS;
constexpr uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;

uint32_t action_of(const std::vector<sock_filter>& program, uint32_t architecture, long number,
                   const std::vector<uint64_t>& arguments = {}) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = architecture;
  for (size_t i = 0; i < arguments.size(); ++i) data.args[i] = arguments[i];
  const auto action = evaluate_filter(program, data);
  EXPECT_TRUE(action.has_value()) << number;
  return action.value_or(0xffffffff);
}

uint32_t action_of(long number, const std::vector<uint64_t>& arguments = {}) {
  static const std::vector<sock_filter> program = make_child_filter();
  return action_of(program, seccomp_policy().architecture, number, arguments);
}

constexpr uint64_t kHigh = 1ull << 32;
constexpr uint64_t kMapped = MAP_PRIVATE | MAP_ANONYMOUS;

TEST(Policy, AllowsOnlyTheseArguments) {
  const struct {
    const char* name;
    long number;
    std::vector<uint64_t> arguments;
    bool allowed;
  } rows[] = {
      {"map", SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, kMapped, ~0ull, 0}, true},
      {"map, with an int for -1", SYS_mmap, {0, 4096, PROT_READ, kMapped, 0xffffffff, 0}, true},
      {"map without access, no reserve", SYS_mmap, {0, 4096, 0, kMapped | MAP_NORESERVE, ~0ull, 0}, true},
      {"map a stack, fixed, filled", SYS_mmap, {0, 4096, 3, kMapped | MAP_STACK | MAP_FIXED | MAP_POPULATE, ~0ull, 0}, true},
      {"map executable", SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, kMapped, ~0ull, 0}, false},
      {"map with a high protection bit", SYS_mmap, {0, 4096, PROT_READ | kHigh, kMapped, ~0ull, 0}, false},
      {"map shared", SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, ~0ull, 0}, false},
      {"map a file", SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE, 3, 0}, false},
      {"map a descriptor as well", SYS_mmap, {0, 4096, PROT_READ, kMapped, 3, 0}, false},
      {"map huge pages", SYS_mmap, {0, 4096, PROT_READ, kMapped | MAP_HUGETLB, ~0ull, 0}, false},
      {"map locked", SYS_mmap, {0, 4096, PROT_READ, kMapped | MAP_LOCKED, ~0ull, 0}, false},
      {"map growing down", SYS_mmap, {0, 4096, PROT_READ, kMapped | MAP_GROWSDOWN, ~0ull, 0}, false},
      {"map with a high flag", SYS_mmap, {0, 4096, PROT_READ, kMapped | kHigh, ~0ull, 0}, false},
      {"unmap", SYS_munmap, {0, 4096}, true},
      {"move the break", SYS_brk, {0}, true},
      {"grow a mapping", SYS_mremap, {0, 4096, 8192, MREMAP_MAYMOVE}, true},
      {"move a mapping to a place", SYS_mremap, {0, 4096, 8192, MREMAP_MAYMOVE | MREMAP_FIXED}, false},
      {"keep the old mapping", SYS_mremap, {0, 4096, 8192, MREMAP_MAYMOVE | 4}, false},
      {"give pages back", SYS_madvise, {0, 4096, MADV_DONTNEED}, true},
      {"poison a page", SYS_madvise, {0, 4096, 100}, false},
      {"a high bit of advice", SYS_madvise, {0, 4096, MADV_DONTNEED | kHigh}, false},
      {"protect", SYS_mprotect, {0, 4096, PROT_READ}, true},
      {"make executable", SYS_mprotect, {0, 4096, PROT_READ | PROT_EXEC}, false},
      {"make growing down", SYS_mprotect, {0, 4096, PROT_READ | 0x01000000}, false},
      {"wait", SYS_futex, {0, FUTEX_WAIT | FUTEX_PRIVATE_FLAG}, false},
      {"wake", SYS_futex, {0, FUTEX_WAKE}, true},
      {"wait by the clock", SYS_futex, {0, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME}, false},
      {"lock with priority inheritance", SYS_futex, {0, FUTEX_LOCK_PI}, false},
      {"requeue", SYS_futex, {0, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG}, false},
      {"wake and change", SYS_futex, {0, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG}, false},
      {"the monotonic clock", SYS_clock_gettime, {CLOCK_MONOTONIC}, true},
      {"another process's clock", SYS_clock_gettime, {static_cast<uint32_t>(~1000 << 3 | 2)}, false},
      {"a clock device", SYS_clock_gettime, {static_cast<uint32_t>(~3 << 3 | 3)}, false},
      {"end", SYS_exit_group, {0}, true},
      {"return from a handler", SYS_rt_sigreturn, {}, true},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(action_of(row.number, row.arguments), row.allowed ? kAllow : kRefuse) << row.name;
  }
}

TEST(Policy, RefusesOrKillsEverythingElse) {
  for (long number : std::initializer_list<long>{SYS_read, SYS_write, SYS_openat, SYS_close, SYS_dup, SYS_socket, SYS_connect, SYS_sendmsg, SYS_clone,
                      435, SYS_execve, SYS_kill, SYS_tgkill, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_prctl, SYS_prlimit64,
                      SYS_setrlimit, SYS_timer_settime, SYS_timer_delete, SYS_nanosleep, SYS_getpid, SYS_ioctl, SYS_shmat,
                      SYS_remap_file_pages, SYS_pkey_mprotect, SYS_memfd_create, SYS_pipe2, SYS_sched_setaffinity}) {
    EXPECT_EQ(action_of(number), kRefuse) << number;
  }
  for (long number : std::initializer_list<long>{SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_bpf, SYS_userfaultfd, SYS_perf_event_open,
                      425, 426, 427, SYS_keyctl, SYS_mount, SYS_unshare, SYS_setns, SYS_seccomp, SYS_init_module,
                      SYS_open_by_handle_at, 438, SYS_pidfd_open}) {
    EXPECT_EQ(action_of(number), kKill) << number;
  }
  EXPECT_EQ(action_of(SYS_getrandom), SECCOMP_RET_ERRNO | ENOSYS);
  const FilterTable table = seccomp_policy();
  std::set<long> allowed;
  for (const AllowRule& rule : table.allowed) allowed.insert(rule.number);
  size_t seen = 0;
  for (long number = 0; number < 1024; ++number) {
    // Arguments of all ones pass no check, those of none pass few; no other number may ever be allowed.
    for (uint64_t fill : {uint64_t{0}, ~uint64_t{0}}) {
      if (action_of(number, std::vector<uint64_t>(6, fill)) != kAllow) continue;
      EXPECT_EQ(allowed.count(number), 1u) << number;
      ++seen;
    }
  }
  EXPECT_GT(seen, 0u);
  const std::vector<sock_filter> program = make_child_filter();
  for (uint32_t architecture : std::initializer_list<uint32_t>{AUDIT_ARCH_I386, AUDIT_ARCH_ARM, 0, ~0u}) {
    EXPECT_EQ(action_of(program, architecture, SYS_exit_group), kKill) << "another architecture";
  }
#if defined(__x86_64__)
  for (long number : {0x40000000L, 0x40000000L | SYS_exit_group, -1L}) EXPECT_EQ(action_of(number), kKill) << number;
#endif
}

TEST(Builder, ComparesBothHalvesAndNeverFallsThrough) {
  FilterTable table;
  table.architecture = 1;
  table.number_bound = 0;
  table.default_errno = 5;
  table.allowed = {{10, {{0, ArgumentCheck::Kind::kContains, 3ull << 32 | 4, {}}}},
                   {11, {{1, ArgumentCheck::Kind::kOneOf, 0, {7}}, {2, ArgumentCheck::Kind::kOneOf, 0, {1, 2, 3}}}},
                   // A number that an argument of the row before may equal.
                   {12, {}}};
  table.errors = {{13, 9}};
  for (uint32_t number = 100; number < 400; ++number) table.killed.push_back(number);
  const std::vector<sock_filter> program = build_filter(table);
  const uint32_t refuse = SECCOMP_RET_ERRNO | 5;
  EXPECT_EQ(action_of(program, 1, 10, {3ull << 32 | 4}), kAllow);
  EXPECT_EQ(action_of(program, 1, 10, {7ull << 32 | 6}), kAllow);
  EXPECT_EQ(action_of(program, 1, 10, {1ull << 32 | 4}), refuse);
  EXPECT_EQ(action_of(program, 1, 10, {3ull << 32 | 3}), refuse);
  for (uint64_t value : {1, 2, 3}) EXPECT_EQ(action_of(program, 1, 11, {0, 7, value}), kAllow);
  EXPECT_EQ(action_of(program, 1, 11, {0, 12, 1}), refuse);
  EXPECT_EQ(action_of(program, 1, 11, {0, 7, 12}), refuse);
  EXPECT_EQ(action_of(program, 1, 11, {0, 7, 1 | kHigh}), refuse);
  EXPECT_EQ(action_of(program, 1, 12), kAllow);
  EXPECT_EQ(action_of(program, 1, 13), SECCOMP_RET_ERRNO | 9u);
  for (long number : {100, 163, 164, 228, 399}) EXPECT_EQ(action_of(program, 1, number), kKill) << number;
  EXPECT_EQ(action_of(program, 1, 400), refuse);
  EXPECT_EQ(action_of(program, 2, 12), kKill);
}

TEST(Evaluator, RefusesProgramsThatAKernelWould) {
  const seccomp_data data{};
  EXPECT_FALSE(evaluate_filter({}, data)) << "no return";
  EXPECT_FALSE(evaluate_filter({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof data)}, data)) << "a load past the end";
  EXPECT_FALSE(evaluate_filter({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2)}, data)) << "a load across words";
  EXPECT_FALSE(evaluate_filter({BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0)}, data)) << "an unknown instruction";
  EXPECT_FALSE(evaluate_filter({BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 9, 0), BPF_STMT(BPF_RET | BPF_K, 1)}, data));
}

TEST(AddressShift, KeepsVariantsApart) {
  for (int a = 0; a < 4; ++a) {
    EXPECT_GT(stack_room_bytes(a), 128ull << 20);
    EXPECT_EQ(stack_room_bytes(a) % page_bytes(), 0u);
    for (int b = 0; b < a; ++b) {
      for (uint64_t unit : {1ull << 20, 2ull << 20, 16'000ull}) {
        EXPECT_NE((stack_room_bytes(a) - stack_room_bytes(b)) % unit, 0u) << a << b;
        EXPECT_NE((arena_shift_bytes(a) - arena_shift_bytes(b)) % unit, 0u) << a << b;
        EXPECT_NE((heap_shift_bytes(a) - heap_shift_bytes(b)) % unit, 0u) << a << b;
      }
    }
  }
}

TEST(LockedChild, PassesTheSelfTestOfTheSupervisor) {
  const Result soft = in_locked_child([](SlotWriter& slot) { run_probe(0, slot); });
  ASSERT_EQ(soft.status, 0);
  ASSERT_EQ(soft.records.size(), 1u);
  EXPECT_EQ(soft.records[0].outcome, Outcome::kOk) << "it could " << soft.records[0].message;
  for (uint32_t probe = 1; probe < kProbeCount; ++probe) {
    const Result hard = in_locked_child([probe](SlotWriter& slot) { run_probe(probe, slot); });
    EXPECT_TRUE(WIFSIGNALED(hard.status) && WTERMSIG(hard.status) == SIGSYS) << probe_name(probe);
  }
}

TEST(LockedChild, HasNoDescriptorsNoNewMemoryBeyondItsBudgetAndItsOwnStack) {
  const Result result = in_locked_child([](SlotWriter& slot) {
    const char* why = nullptr;
    auto map = [](size_t bytes) {
      return syscall(SYS_mmap, nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    };
    if (map(32u << 20) == -1) why = "not map half of its budget";
    if (map(64u << 20) != -1) why = "map more than its budget";
    for (int fd = 0; fd < 64; ++fd) {
      if (syscall(SYS_write, fd, "x", 1) != -1 || errno != EPERM) why = "write to a descriptor";
    }
    slot.commit(why == nullptr ? Outcome::kOk : Outcome::kBadRequest, 0, "", why == nullptr ? "" : why);
  });
  ASSERT_EQ(result.status, 0);
  ASSERT_EQ(result.records.size(), 1u);
  EXPECT_EQ(result.records[0].outcome, Outcome::kOk) << "it could " << result.records[0].message;
}

TEST(LockedChild, IsStoppedByItsProcessorTime) {
  timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  const Result result = in_locked_child([](SlotWriter&) {
    for (volatile bool on = true; on;) {
    }
  }, {.cpu_ms = 60});
  clock_gettime(CLOCK_MONOTONIC, &end);
  EXPECT_TRUE(WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGXCPU);
  EXPECT_LT(end.tv_sec - start.tv_sec, 5);
}

TEST(LockedChild, IsNotLockedUnderAnotherParent) {
  const Result result = in_locked_child([](SlotWriter&) {}, {.parent = 1});
  EXPECT_TRUE(WIFEXITED(result.status));
  EXPECT_EQ(WEXITSTATUS(result.status), 100 + static_cast<int>(LockStep::kParentDeath));
}

}  // namespace
}  // namespace azr
