// Every system call there is, made by native code inside a really locked child, one row and one test each: the allowed ones with the arguments that
// are allowed and those that are not, those that kill, and all the others. The evaluator has to agree with the kernel on each row.
// (executor_attack_steps_test.cc has the attacks of several steps.)
//
// Ownership: each test forks and reaps its own. Thread: one. Teardown: none.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "bpf_evaluator.h"
#include "executor_locked_child.h"
#include "seccomp_policy.h"

namespace azr {
namespace {

enum class Want : uint8_t {
  /** Reached the kernel and did its work. */
  kWorks,
  /** Reached the kernel, which may not know what was asked for: EINVAL. */
  kWorksOrUnknown,
  /** Reached the kernel, which says EINTR. */
  kInterrupted,
  /** The process ended with status 7. */
  kEnds,
  /** Reached the kernel, and the process crashed by what it asked for. */
  kCrashes,
  kRefused,
  kNoSuchCall,
  kKilled,
};

struct Row {
  const char* name;
  long number;
  std::vector<long> arguments;
  Want want;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

/** A multiple of every page size that there is: arm64 has kernels with pages of 16 and 64 KiB. */
constexpr long kPage = 64 << 10;
/** Own pages, for calls that need some. */
alignas(kPage) char pages[16 * kPage];
int32_t futex_word = 0;
char path[] = "/etc/hostname";

template <typename T>
long at(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

constexpr long kReadWrite = PROT_READ | PROT_WRITE, kPrivate = MAP_PRIVATE | MAP_ANONYMOUS, kShared = MAP_SHARED | MAP_ANONYMOUS;
constexpr long kHigh = 1l << 32;

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      // Allowed, with what is allowed.
      {"map", SYS_mmap, {0, kPage, kReadWrite, kPrivate, -1, 0}, Want::kWorks},
      {"map_without_access", SYS_mmap, {0, kPage, PROT_NONE, kPrivate | MAP_NORESERVE, -1, 0}, Want::kWorks},
      {"map_over_itself", SYS_mmap, {at(pages), kPage, PROT_READ, kPrivate | MAP_FIXED | MAP_POPULATE | MAP_STACK, -1, 0}, Want::kWorks},
      {"map_with_an_int_for_minus_one", SYS_mmap, {0, kPage, PROT_READ, kPrivate, 0xffffffffl, 0}, Want::kWorks},
      {"unmap", SYS_munmap, {at(pages), kPage}, Want::kWorks},
      {"break", SYS_brk, {0}, Want::kWorks},
      {"remap", SYS_mremap, {at(pages), 2 * kPage, kPage, 0}, Want::kWorks},
      {"remap_elsewhere", SYS_mremap, {at(pages), kPage, 4 * kPage, MREMAP_MAYMOVE}, Want::kWorks},
      {"advise_not_needed", SYS_madvise, {at(pages), kPage, MADV_DONTNEED}, Want::kWorks},
      {"advise_free", SYS_madvise, {at(pages) + 4 * kPage, kPage, MADV_FREE}, Want::kWorks},
      {"advise_huge", SYS_madvise, {at(pages), kPage, MADV_HUGEPAGE}, Want::kWorksOrUnknown},
      {"advise_not_huge", SYS_madvise, {at(pages), kPage, MADV_NOHUGEPAGE}, Want::kWorksOrUnknown},
      {"protect", SYS_mprotect, {at(pages), kPage, PROT_READ}, Want::kWorks},
      {"wake", SYS_futex, {at(&futex_word), FUTEX_WAKE, 1}, Want::kWorks},
      {"wake_privately", SYS_futex, {at(&futex_word), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1}, Want::kWorks},
      {"wake_some", SYS_futex, {at(&futex_word), FUTEX_WAKE_BITSET, 1, 0, 0, -1}, Want::kWorks},
      {"wake_some_privately", SYS_futex, {at(&futex_word), FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 1, 0, 0, -1}, Want::kWorks},
      {"clock_real", SYS_clock_gettime, {CLOCK_REALTIME, at(pages)}, Want::kWorks},
      {"clock_monotonic", SYS_clock_gettime, {CLOCK_MONOTONIC, at(pages)}, Want::kWorks},
      {"clock_raw", SYS_clock_gettime, {CLOCK_MONOTONIC_RAW, at(pages)}, Want::kWorks},
      {"clock_since_boot", SYS_clock_gettime, {CLOCK_BOOTTIME, at(pages)}, Want::kWorks},
      {"clock_of_the_process", SYS_clock_gettime, {CLOCK_PROCESS_CPUTIME_ID, at(pages)}, Want::kWorks},
      {"clock_of_the_thread", SYS_clock_gettime, {CLOCK_THREAD_CPUTIME_ID, at(pages)}, Want::kWorks},
      {"exit", SYS_exit, {7}, Want::kEnds},
      {"exit_group", SYS_exit_group, {7}, Want::kEnds},
      {"return_from_no_handler", SYS_rt_sigreturn, {}, Want::kCrashes},
      {"restart", SYS_restart_syscall, {}, Want::kInterrupted},
      // The same calls, with what is not.
      {"map_executable", SYS_mmap, {0, kPage, PROT_READ | PROT_EXEC, kPrivate, -1, 0}, Want::kRefused},
      {"map_writable_and_executable", SYS_mmap, {0, kPage, kReadWrite | PROT_EXEC, kPrivate, -1, 0}, Want::kRefused},
      {"map_with_a_high_protection", SYS_mmap, {0, kPage, PROT_READ | kHigh, kPrivate, -1, 0}, Want::kRefused},
      {"map_growing_down", SYS_mmap, {0, kPage, kReadWrite, kPrivate | MAP_GROWSDOWN, -1, 0}, Want::kRefused},
      {"map_shared", SYS_mmap, {0, kPage, kReadWrite, kShared, -1, 0}, Want::kRefused},
      {"map_shared_and_private", SYS_mmap, {0, kPage, kReadWrite, kShared | MAP_PRIVATE, -1, 0}, Want::kRefused},
      {"map_a_descriptor", SYS_mmap, {0, kPage, PROT_READ, MAP_PRIVATE, 3, 0}, Want::kRefused},
      {"map_anonymous_with_a_descriptor", SYS_mmap, {0, kPage, PROT_READ, kPrivate, 0, 0}, Want::kRefused},
      {"map_huge_pages", SYS_mmap, {0, 2l << 20, kReadWrite, kPrivate | MAP_HUGETLB, -1, 0}, Want::kRefused},
      {"map_locked", SYS_mmap, {0, kPage, kReadWrite, kPrivate | MAP_LOCKED, -1, 0}, Want::kRefused},
      {"map_with_a_high_flag", SYS_mmap, {0, kPage, kReadWrite, kPrivate | kHigh, -1, 0}, Want::kRefused},
      {"remap_to_a_place", SYS_mremap, {at(pages), kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, at(pages) + kPage}, Want::kRefused},
      {"remap_and_keep", SYS_mremap, {at(pages), kPage, kPage, MREMAP_MAYMOVE | 4}, Want::kRefused},
      {"advise_poison", SYS_madvise, {at(pages), kPage, 100}, Want::kRefused},
      {"advise_take_offline", SYS_madvise, {at(pages), kPage, 101}, Want::kRefused},
      {"advise_merge", SYS_madvise, {at(pages), kPage, 12}, Want::kRefused},
      {"advise_remove", SYS_madvise, {at(pages), kPage, 9}, Want::kRefused},
      {"advise_wipe_on_fork", SYS_madvise, {at(pages), kPage, 18}, Want::kRefused},
      {"advise_with_a_high_half", SYS_madvise, {at(pages), kPage, MADV_DONTNEED | kHigh}, Want::kRefused},
      {"protect_executable", SYS_mprotect, {at(pages), kPage, PROT_READ | PROT_EXEC}, Want::kRefused},
      {"protect_growing_down", SYS_mprotect, {at(pages), kPage, kReadWrite | 0x01000000}, Want::kRefused},
      {"protect_with_a_high_half", SYS_mprotect, {at(pages), kPage, PROT_READ | kHigh}, Want::kRefused},
      {"wait", SYS_futex, {at(&futex_word), FUTEX_WAIT, 0, 0}, Want::kRefused},
      {"wait_privately", SYS_futex, {at(&futex_word), FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, 0}, Want::kRefused},
      {"wait_by_the_clock", SYS_futex, {at(&futex_word), FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, 0, 0, -1}, Want::kRefused},
      {"lock_with_inheritance", SYS_futex, {at(&futex_word), FUTEX_LOCK_PI}, Want::kRefused},
      {"requeue", SYS_futex, {at(&futex_word), FUTEX_REQUEUE, 1, 1, at(pages)}, Want::kRefused},
      {"requeue_with_inheritance", SYS_futex, {at(&futex_word), FUTEX_CMP_REQUEUE_PI, 1, 1, at(pages)}, Want::kRefused},
      {"wake_and_change", SYS_futex, {at(&futex_word), FUTEX_WAKE_OP, 1, 1, at(pages)}, Want::kRefused},
      {"wake_with_a_high_half", SYS_futex, {at(&futex_word), FUTEX_WAKE | kHigh, 1}, Want::kRefused},
      {"clock_of_another_process", SYS_clock_gettime, {static_cast<uint32_t>(~1 << 3 | 2), at(pages)}, Want::kRefused},
      {"clock_device", SYS_clock_gettime, {static_cast<uint32_t>(~3 << 3 | 3), at(pages)}, Want::kRefused},
      {"clock_alarm", SYS_clock_gettime, {9, at(pages)}, Want::kRefused},
      {"entropy", SYS_getrandom, {at(pages), 16, 0}, Want::kNoSuchCall},
      // What a clumsy program, or a first try at getting out, would call: with arguments that would do it.
      {"open_a_file", SYS_openat, {AT_FDCWD, at(path), O_RDONLY}, Want::kRefused},
      {"open_a_file_anew", 437, {AT_FDCWD, at(path), at(pages), 24}, Want::kRefused},
      {"read", SYS_read, {0, at(pages), 1}, Want::kRefused},
      {"write", SYS_write, {1, at(pages), 1}, Want::kRefused},
      {"write_with_a_high_half", SYS_write, {1 | kHigh, at(pages), 1}, Want::kRefused},
      {"duplicate", SYS_dup, {0}, Want::kRefused},
      {"pipe", SYS_pipe2, {at(pages), 0}, Want::kRefused},
      {"socket", SYS_socket, {AF_INET, SOCK_STREAM, 0}, Want::kRefused},
      {"socket_to_the_host", SYS_socket, {40 /* AF_VSOCK */, SOCK_STREAM, 0}, Want::kRefused},
      {"socket_pair", SYS_socketpair, {AF_UNIX, SOCK_DGRAM, 0, at(pages)}, Want::kRefused},
      {"memory_file", SYS_memfd_create, {at(path), 0}, Want::kRefused},
      {"secret_memory", 447, {0}, Want::kRefused},
      {"fork", SYS_clone, {SIGCHLD}, Want::kRefused},
      {"fork_anew", 435, {at(pages), 88}, Want::kRefused},
      {"thread", SYS_clone, {CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, at(pages) + kPage}, Want::kRefused},
      {"execute", SYS_execve, {at(path), 0, 0}, Want::kRefused},
      {"execute_a_descriptor", SYS_execveat, {3, at(path), 0, 0, AT_EMPTY_PATH}, Want::kRefused},
      {"kill_everything", SYS_kill, {-1, 0}, Want::kRefused},
      {"kill_a_thread", SYS_tgkill, {1, 1, 0}, Want::kRefused},
      {"handle_the_time_limit", SYS_rt_sigaction, {SIGXCPU, 0, 0, 8}, Want::kRefused},
      {"block_the_time_limit", SYS_rt_sigprocmask, {SIG_BLOCK, at(pages), 0, 8}, Want::kRefused},
      {"stop_the_timer", SYS_timer_settime, {0, 0, at(pages), 0}, Want::kRefused},
      {"delete_the_timer", SYS_timer_delete, {0}, Want::kRefused},
      {"raise_a_limit", SYS_prlimit64, {0, 9, at(pages), 0}, Want::kRefused},
      {"survive_the_parent", SYS_prctl, {PR_SET_PDEATHSIG, 0}, Want::kRefused},
      {"become_dumpable", SYS_prctl, {PR_SET_DUMPABLE, 1}, Want::kRefused},
      {"become_root", SYS_setresuid, {0, 0, 0}, Want::kRefused},
      {"take_capabilities", SYS_capset, {at(pages), at(pages)}, Want::kRefused},
      {"change_personality", SYS_personality, {0x0040000 /* no randomisation */}, Want::kRefused},
      {"sleep", SYS_nanosleep, {at(pages), 0}, Want::kRefused},
      {"own_number", SYS_getpid, {}, Want::kRefused},
      {"parent_number", SYS_getppid, {}, Want::kRefused},
      {"shared_segment", SYS_shmget, {0, kPage, 0600}, Want::kRefused},
      {"attach_a_segment", SYS_shmat, {0, 0, 0}, Want::kRefused},
      {"reorder_pages", SYS_remap_file_pages, {at(pages), kPage, 0, 0, 0}, Want::kRefused},
      {"protect_by_key", SYS_pkey_mprotect, {at(pages), kPage, PROT_READ | PROT_EXEC, -1}, Want::kRefused},
      {"lock_memory", SYS_mlockall, {1}, Want::kRefused},
      {"old_asynchronous_reads", SYS_io_setup, {1, at(pages)}, Want::kRefused},
      {"wait_for_several", 449, {at(pages), 1, 0, 0, 0}, Want::kRefused},
      {"new_wake", 454, {at(&futex_word), 1, 1, 2}, Want::kRefused},
      {"shadow_stack", 453, {0, kPage, 0}, Want::kRefused},
      {"landlock", 444, {0, 0, 1}, Want::kRefused},
      {"control_a_device", SYS_ioctl, {0, 0x5412 /* type into the terminal */, at(path)}, Want::kRefused},
      {"processor", SYS_sched_setaffinity, {0, 8, at(pages)}, Want::kRefused},
      {"priority", SYS_setpriority, {0, 0, -20}, Want::kRefused},
#if defined(__x86_64__)
      {"old_open", SYS_open, {at(path), O_RDONLY}, Want::kRefused},
      {"old_fork", SYS_fork, {}, Want::kRefused},
      {"old_virtual_fork", SYS_vfork, {}, Want::kRefused},
      {"segment_base", SYS_arch_prctl, {0x1002, 0}, Want::kRefused},
      {"pause", SYS_pause, {}, Want::kRefused},
#endif
  };
  return all;
}

/** Numbers that end the process, written down once more: the policy's list must be this one. */
struct Hostile {
  const char* name;
  long number;
};
void PrintTo(const Hostile& row, std::ostream* out) { *out << row.name; }

const Hostile kHostile[] = {
    {"ptrace", SYS_ptrace}, {"process_vm_readv", SYS_process_vm_readv}, {"process_vm_writev", SYS_process_vm_writev}, {"kcmp", SYS_kcmp},
    {"pidfd_send_signal", 424}, {"io_uring_setup", 425}, {"io_uring_enter", 426}, {"io_uring_register", 427}, {"open_tree", 428},
    {"move_mount", 429}, {"open_tree_attr", 467}, {"fsopen", 430}, {"fsconfig", 431}, {"fsmount", 432}, {"fspick", 433}, {"pidfd_open", 434}, {"pidfd_getfd", 438},
    {"process_madvise", 440}, {"mount_setattr", 442}, {"process_mrelease", 448}, {"bpf", SYS_bpf}, {"userfaultfd", SYS_userfaultfd},
    {"perf_event_open", SYS_perf_event_open}, {"add_key", SYS_add_key}, {"request_key", SYS_request_key}, {"keyctl", SYS_keyctl},
    {"mount", SYS_mount}, {"umount2", SYS_umount2}, {"pivot_root", SYS_pivot_root}, {"chroot", SYS_chroot}, {"unshare", SYS_unshare},
    {"setns", SYS_setns}, {"seccomp", SYS_seccomp}, {"init_module", SYS_init_module}, {"finit_module", SYS_finit_module},
    {"delete_module", SYS_delete_module}, {"kexec_load", SYS_kexec_load}, {"open_by_handle_at", SYS_open_by_handle_at},
    {"name_to_handle_at", SYS_name_to_handle_at}, {"reboot", SYS_reboot}, {"swapon", SYS_swapon}, {"swapoff", SYS_swapoff},
    {"acct", SYS_acct}, {"quotactl", SYS_quotactl}, {"settimeofday", SYS_settimeofday}, {"clock_settime", SYS_clock_settime},
    {"clock_adjtime", SYS_clock_adjtime}, {"adjtimex", SYS_adjtimex}, {"fanotify_init", SYS_fanotify_init}, {"syslog", SYS_syslog},
    {"vhangup", SYS_vhangup},
    {"kexec_file_load", SYS_kexec_file_load},
#if defined(__x86_64__)
    {"iopl", SYS_iopl}, {"ioperm", SYS_ioperm}, {"modify_ldt", SYS_modify_ldt}, {"uselib", SYS_uselib},
    {"x32_close", 0x40000003}, {"x32_exit_group", 0x400000e7}, {"x32_execve", 0x40000208}, {"minus_one", -1}, {"least_number", INT32_MIN},
#endif
};

uint32_t evaluated(long number, const std::vector<long>& arguments) {
  static const std::vector<sock_filter> program = make_child_filter();
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = seccomp_policy().architecture;
  for (size_t i = 0; i < arguments.size(); ++i) data.args[i] = static_cast<uint64_t>(arguments[i]);
  return evaluate_filter(program, data).value_or(0xffffffff);
}

uint32_t action_of(Want want) {
  switch (want) {
    case Want::kRefused: return SECCOMP_RET_ERRNO | EPERM;
    case Want::kNoSuchCall: return SECCOMP_RET_ERRNO | ENOSYS;
    case Want::kKilled: return SECCOMP_RET_KILL_PROCESS;
    default: return SECCOMP_RET_ALLOW;
  }
}

struct Answer {
  int status = 0;
  /** False when the call did not return. */
  bool returned = false;
  long value = 0;
  int error = 0;
};

Answer make_call(long number, const std::vector<long>& arguments) {
  long a[6] = {};
  for (size_t i = 0; i < arguments.size(); ++i) a[i] = arguments[i];
  const Result result = in_locked_child([&](SlotWriter& slot) {
    const long value = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    const int error = errno;
    char text[64];
    const int length = snprintf(text, sizeof text, "%ld %d", value, error);
    slot.commit(Outcome::kOk, 0, "", {text, static_cast<size_t>(length)});
  });
  Answer answer{result.status};
  if (!result.records.empty()) answer.returned = sscanf(result.records[0].message.c_str(), "%ld %d", &answer.value, &answer.error) == 2;
  return answer;
}

void expect_row(const Row& row) {
  EXPECT_EQ(evaluated(row.number, row.arguments), action_of(row.want)) << "the evaluator";
  const Answer answer = make_call(row.number, row.arguments);
  const bool failed = answer.returned && answer.value == -1;
  const int ended_by = WIFSIGNALED(answer.status) ? WTERMSIG(answer.status) : 0;
  SCOPED_TRACE(testing::Message() << "status " << answer.status << ", gave " << answer.value << ", errno " << answer.error);
  switch (row.want) {
    case Want::kWorks: EXPECT_TRUE(answer.returned && !failed); break;
    case Want::kWorksOrUnknown: EXPECT_TRUE(answer.returned && (!failed || answer.error == EINVAL)); break;
    case Want::kInterrupted: EXPECT_TRUE(failed && answer.error == EINTR); break;
    case Want::kEnds: EXPECT_TRUE(WIFEXITED(answer.status) && WEXITSTATUS(answer.status) == 7 && !answer.returned); break;
    case Want::kCrashes: EXPECT_TRUE(ended_by != 0 && ended_by != SIGSYS); break;
    case Want::kRefused: EXPECT_TRUE(failed && answer.error == EPERM); break;
    case Want::kNoSuchCall: EXPECT_TRUE(failed && answer.error == ENOSYS); break;
    case Want::kKilled: EXPECT_TRUE(ended_by == SIGSYS && !answer.returned); break;
  }
}

class WithArguments : public testing::TestWithParam<Row> {};
TEST_P(WithArguments, Holds) { expect_row(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Call, WithArguments, testing::ValuesIn(rows()), [](const auto& row) { return std::string(row.param.name); });

class Killed : public testing::TestWithParam<Hostile> {};
TEST_P(Killed, Holds) { expect_row({GetParam().name, GetParam().number, {}, Want::kKilled}); }
INSTANTIATE_TEST_SUITE_P(Call, Killed, testing::ValuesIn(kHostile), [](const auto& row) { return std::string(row.param.name); });

std::set<uint32_t> numbers_of(Want least, Want most) {
  std::set<uint32_t> out;
  for (const Row& row : rows()) {
    if (row.want >= least && row.want <= most) out.insert(static_cast<uint32_t>(row.number));
  }
  return out;
}

std::set<uint32_t> hostile_numbers() {
  std::set<uint32_t> out;
  for (const Hostile& row : kHostile) out.insert(static_cast<uint32_t>(row.number));
  return out;
}

TEST(Rows, AreThoseOfThePolicy) {
  const FilterTable table = seccomp_policy();
  std::set<uint32_t> allowed, checked, killed(table.killed.begin(), table.killed.end());
  for (const AllowRule& rule : table.allowed) {
    allowed.insert(rule.number);
    if (!rule.checks.empty()) checked.insert(rule.number);
  }
  EXPECT_EQ(numbers_of(Want::kWorks, Want::kCrashes), allowed);
  std::set<uint32_t> refused = numbers_of(Want::kRefused, Want::kRefused);
  for (const uint32_t number : checked) EXPECT_EQ(refused.count(number), 1u) << number << " has arguments that are not allowed";
  std::set<uint32_t> hostile;
  for (const uint32_t number : hostile_numbers()) {
    if (table.number_bound == 0 || number < table.number_bound) hostile.insert(number);
  }
  EXPECT_EQ(hostile, killed);
  std::set<std::string> names;
  for (const Row& row : rows()) EXPECT_TRUE(names.insert(row.name).second) << row.name;
}

#if defined(__x86_64__)
constexpr long kProbeReturn = 335, kProbe = 336;

/** Recent kernels let these two pass every filter. They serve code that a tracer has patched: from anywhere else they crash or fail. */
TEST(Probes, DoNothing) {
  for (const long number : {kProbeReturn, kProbe}) {
    EXPECT_EQ(evaluated(number, {}), action_of(Want::kRefused)) << number;
    const Answer answer = make_call(number, {});
    const bool refused = answer.returned && answer.value == -1 && (answer.error == EPERM || answer.error == ENXIO);
    EXPECT_TRUE(refused || (WIFSIGNALED(answer.status) && WTERMSIG(answer.status) == SIGILL)) << number << ": " << answer.status;
  }
}
#endif

/** All numbers that kernels have, and those of the next years. */
class AnyOther : public testing::TestWithParam<int> {};
TEST_P(AnyOther, IsRefused) {
  const long number = GetParam();
  for (const long fill : {0l, -1l}) expect_row({"", number, std::vector<long>(6, fill), Want::kRefused});
}

std::vector<int> other_numbers() {
  std::set<uint32_t> listed = numbers_of(Want::kWorks, Want::kCrashes), hostile = hostile_numbers();
  listed.insert(hostile.begin(), hostile.end());
  listed.insert(SYS_getrandom);
#if defined(__x86_64__)
  listed.insert(kProbeReturn);
  listed.insert(kProbe);
#endif
  std::vector<int> out;
  for (int number = 0; number < 512; ++number) {
    if (listed.count(static_cast<uint32_t>(number)) == 0) out.push_back(number);
  }
  for (const int number : {1000, 0x3fff, 0x3fffffff}) out.push_back(number);
  return out;
}
INSTANTIATE_TEST_SUITE_P(Number, AnyOther, testing::ValuesIn(other_numbers()), [](const auto& row) { return std::to_string(row.param); });

}  // namespace
}  // namespace azr
