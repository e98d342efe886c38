// The table of system calls and the filters of both architectures, without a kernel: each number, each argument at its borders, evaluated and
// held against a slow reading of the policy's rows. (executor_lock_test.cc and executor_attack_test.cc try this machine's filter for real.)
//
// Ownership: values. Thread: one. Teardown: none.
#include <errno.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <limits.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "bpf_evaluator.h"
#include "seccomp_policy.h"
#include "system_call_headers.h"

namespace azr {

void PrintTo(Architecture architecture, std::ostream* out) { *out << (architecture == Architecture::kX86_64 ? "x86-64" : "arm64"); }

namespace {

using Arguments = std::vector<uint64_t>;

struct NamedNumber {
  const char* name;
  long number;
};

/** What the kernel's headers of this machine say: a generated line a name. */
const NamedNumber kHeaders[] = {AZR_SYSTEM_CALLS_OF_HEADERS};

/** Above all numbers that anybody has given out so far. */
constexpr long kEndOfTable = 472;

TEST(SystemCalls, AgreeWithTheHeadersOfThisMachine) {
  size_t seen = 0;
  for (const NamedNumber& row : kHeaders) {
    const std::optional<long> number = system_call_number(kHostArchitecture, row.name);
    // Headers may be of a later kernel than the table.
    if (!number && row.number >= kEndOfTable) continue;
    EXPECT_EQ(number.value_or(-1), row.number) << row.name;
    EXPECT_STREQ(system_call_name(kHostArchitecture, row.number), row.name);
    ++seen;
  }
  EXPECT_GE(seen, 280u);
}

TEST(SystemCalls, HaveOneNumberANameAndOneNameANumber) {
  size_t count = 0;
  const SystemCall* const calls = system_calls(&count);
  std::set<std::string> names;
  for (size_t i = 0; i < count; ++i) {
    EXPECT_TRUE(names.insert(calls[i].name).second) << calls[i].name;
    EXPECT_TRUE(calls[i].x86_64 >= 0 || calls[i].arm64 >= 0) << calls[i].name << " is nowhere";
    EXPECT_TRUE(calls[i].x86_64 == calls[i].arm64 || std::max(calls[i].x86_64, calls[i].arm64) < 424) << calls[i].name;
  }
  for (const Architecture architecture : kArchitectures) {
    std::set<long> numbers;
    for (const std::string& name : names) {
      const std::optional<long> number = system_call_number(architecture, name);
      if (!number) continue;
      EXPECT_TRUE(numbers.insert(*number).second) << name;
      EXPECT_EQ(system_call_name(architecture, *number), name);
    }
    EXPECT_EQ(*numbers.rbegin(), kEndOfTable - 1);
    EXPECT_EQ(numbers.size(), architecture == Architecture::kX86_64 ? 385u : 327u);
    for (long number = 424; number < kEndOfTable; ++number) EXPECT_EQ(numbers.count(number), 1u) << number;
  }
}

TEST(SystemCalls, AreKnownByNameAndNumber) {
  const struct {
    const char* name;
    long x86_64, arm64;
  } rows[] = {
      {"read", 0, 63}, {"openat", 257, 56}, {"exit_group", 231, 94}, {"mmap", 9, 222}, {"ptrace", 101, 117}, {"bpf", 321, 280},
      {"clone3", 435, 435}, {"fork", 57, -1}, {"modify_ldt", 154, -1}, {"no_such_call", -1, -1},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(system_call_number(Architecture::kX86_64, row.name).value_or(-1), row.x86_64) << row.name;
    EXPECT_EQ(system_call_number(Architecture::kArm64, row.name).value_or(-1), row.arm64) << row.name;
    EXPECT_EQ(is_system_call_name(row.name), row.x86_64 >= 0);
  }
  for (const long number : {-1L, 0x3fffL, 0x40000000L, long{INT_MIN}, long{INT_MAX}}) {
    for (const Architecture architecture : kArchitectures) EXPECT_EQ(system_call_name(architecture, number), nullptr) << number;
  }
  EXPECT_STREQ(system_call_name(Architecture::kX86_64, AUDIT_ARCH_X86_64, 101), "ptrace");
  EXPECT_EQ(system_call_name(Architecture::kX86_64, AUDIT_ARCH_I386, 26), nullptr);
  EXPECT_STREQ(system_call_name(Architecture::kArm64, AUDIT_ARCH_AARCH64, 117), "ptrace");
  EXPECT_EQ(system_call_name(Architecture::kArm64, AUDIT_ARCH_ARM, 26), nullptr);
  EXPECT_STREQ(audit_architecture_name(AUDIT_ARCH_I386), "i386");
  EXPECT_EQ(audit_architecture_name(0), nullptr);
}

/** Names of the table's rows, of which every number has to have one. */
std::set<std::string> names_of(Architecture architecture, const std::vector<uint32_t>& numbers) {
  std::set<std::string> out;
  for (const uint32_t number : numbers) {
    const char* const name = system_call_name(architecture, number);
    EXPECT_TRUE(name != nullptr && out.insert(name).second) << number << " has no name, or stands there twice";
  }
  return out;
}

class Filter : public testing::TestWithParam<Architecture> {
 protected:
  const Architecture architecture_ = GetParam();
  const FilterTable table_ = seccomp_policy(architecture_);
  const std::vector<sock_filter> program_ = build_filter(table_);

  uint32_t evaluated(uint32_t audit, int32_t number, const Arguments& arguments) const {
    seccomp_data data{};
    data.nr = number;
    data.arch = audit;
    data.instruction_pointer = 0xfeedfacecafebeef;
    std::copy(arguments.begin(), arguments.end(), data.args);
    const std::optional<uint32_t> action = evaluate_filter(program_, data);
    EXPECT_TRUE(action.has_value()) << number;
    return action.value_or(0xffffffff);
  }

  /** Compares, and says which call it was when they differ. */
  void expect_same(int32_t number, const Arguments& arguments) const;
};

bool reads_as_true(const ArgumentCheck& check, uint64_t argument) {
  switch (check.kind) {
    case ArgumentCheck::Kind::kWithin:
      return (argument | check.value) == check.value;
    case ArgumentCheck::Kind::kContains:
      return (argument & check.value) == check.value;
    case ArgumentCheck::Kind::kLowEquals:
      return argument % (1ull << 32) == check.value;
    case ArgumentCheck::Kind::kOneOf:
      return std::count(check.values.begin(), check.values.end(), argument) == 1;  // compares all 64 bits
  }
  return false;
}

/** What the policy's rows say, read from the top without a search. */
uint32_t read_slowly(const FilterTable& table, uint32_t audit, int32_t number, const Arguments& arguments) {
  if (audit != table.architecture) return SECCOMP_RET_KILL_PROCESS;
  const uint32_t unsigned_number = static_cast<uint32_t>(number);
  if (table.number_bound != 0 && unsigned_number >= table.number_bound) return SECCOMP_RET_KILL_PROCESS;
  for (const AllowRule& rule : table.allowed) {
    if (rule.number != unsigned_number) continue;
    const bool allowed = std::all_of(rule.checks.begin(), rule.checks.end(), [&](const ArgumentCheck& check) {
      return reads_as_true(check, arguments[check.index]);
    });
    return allowed ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EPERM;
  }
  for (const FilterTable::ErrnoRule& rule : table.errors) {
    if (rule.number == unsigned_number) return SECCOMP_RET_ERRNO | rule.value;
  }
  const bool killed = std::count(table.killed.begin(), table.killed.end(), unsigned_number) > 0;
  return killed ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
}

void Filter::expect_same(int32_t number, const Arguments& arguments) const {
  const uint32_t wanted = read_slowly(table_, table_.architecture, number, arguments);
  const uint32_t seen = evaluated(table_.architecture, number, arguments);
  if (seen == wanted) return;
  ADD_FAILURE() << "number " << number << ", arguments " << testing::PrintToString(arguments) << ": " << seen << " where " << wanted
                << " must come";
}

TEST_P(Filter, SaysOfEachNumberWhatThePolicySays) {
  std::vector<int32_t> numbers = {-1, -2, INT_MIN, INT_MIN + 1, INT_MAX, 0x3fff, 0x3fffffff};
  for (int32_t number = 0; number < 1024; ++number) {
    numbers.push_back(number);
    numbers.push_back(0x40000000 | number);          // the x32 calls
    numbers.push_back(number | (1 << 16));           // a filter that compared 16 bits would take it for the number itself
    numbers.push_back(static_cast<int32_t>(0x80000000u) | number);
  }
  for (const int32_t number : numbers) {
    for (const uint64_t fill : {uint64_t{0}, ~uint64_t{0}, uint64_t{1} << 32, uint64_t{0xffffffff}}) expect_same(number, Arguments(6, fill));
  }
}

TEST_P(Filter, KillsTheCallsOfEveryOtherArchitecture) {
  const uint32_t others[] = {AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_ARMEB, AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, AUDIT_ARCH_PPC64LE,
                             AUDIT_ARCH_RISCV64, 0, 62, 183, ~0u, table_.architecture ^ 1, table_.architecture ^ 0x80000000};
  for (const uint32_t audit : others) {
    if (audit == table_.architecture) continue;
    for (int32_t number = -1; number < 1024; ++number) {
      EXPECT_EQ(evaluated(audit, number, Arguments(6, 0)), SECCOMP_RET_KILL_PROCESS) << audit << " " << number;
    }
  }
}

/** Values around the borders of all checks on one argument: what is allowed, each bit more and less, and one to both sides. */
std::set<uint64_t> borders(const AllowRule& rule, uint8_t index) {
  std::set<uint64_t> seeds = {0, ~uint64_t{0}, 0xffffffff, 1ull << 32, 1ull << 31};
  for (const ArgumentCheck& check : rule.checks) {
    if (check.index != index) continue;
    seeds.insert(check.value);
    seeds.insert(~check.value);
    seeds.insert(check.values.begin(), check.values.end());
  }
  std::set<uint64_t> out;
  for (const uint64_t seed : seeds) {
    out.insert({seed, seed + 1, seed - 1});
    for (int bit = 0; bit < 64; ++bit) out.insert(seed ^ 1ull << bit);
  }
  return out;
}

TEST_P(Filter, ComparesEachArgumentAtItsBorders) {
  std::mt19937_64 random(7);
  for (const AllowRule& rule : table_.allowed) {
    // Arguments that pass: the others stay like this while one is tried.
    Arguments passing(6, 0);
    for (const ArgumentCheck& check : rule.checks) {
      passing[check.index] |= check.values.empty() ? check.value : check.values.front();
    }
    const int32_t number = static_cast<int32_t>(rule.number);
    EXPECT_EQ(evaluated(table_.architecture, number, passing), SECCOMP_RET_ALLOW) << rule.number;
    std::vector<std::vector<uint64_t>> tried;
    for (uint8_t index = 0; index < 6; ++index) {
      const std::set<uint64_t> values = borders(rule, index);
      tried.emplace_back(values.begin(), values.end());
      size_t refused = 0;
      for (const uint64_t value : values) {
        Arguments arguments = passing;
        arguments[index] = value;
        expect_same(number, arguments);
        if (evaluated(table_.architecture, number, arguments) != SECCOMP_RET_ALLOW) ++refused;
      }
      const bool checked = std::any_of(rule.checks.begin(), rule.checks.end(), [index](const ArgumentCheck& check) { return check.index == index; });
      EXPECT_EQ(refused > 0, checked) << "number " << rule.number << ", argument " << int{index};
    }
    // And several at once.
    for (int round = 0; round < 2000; ++round) {
      Arguments arguments = passing;
      for (uint8_t index = 0; index < 6; ++index) {
        if (random() % 3 == 0) arguments[index] = tried[index][random() % tried[index].size()];
      }
      expect_same(number, arguments);
    }
  }
}

TEST_P(Filter, HasThePolicyThatIsWrittenDownHere) {
  // Once more, by name: a row that goes astray in one architecture's table has to be seen.
  const std::set<std::string> allowed = {"brk", "clock_gettime", "exit", "exit_group", "futex", "madvise", "mmap", "mprotect", "mremap", "munmap",
                                         "restart_syscall", "rt_sigreturn"};
  std::set<std::string> killed = {
      "acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module", "fanotify_init", "finit_module",
      "fsconfig", "fsmount", "fsopen", "fspick", "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "kcmp",
      "kexec_file_load", "kexec_load", "keyctl", "mount", "mount_setattr", "move_mount", "name_to_handle_at", "open_by_handle_at", "open_tree", "open_tree_attr",
      "perf_event_open", "pidfd_getfd", "pidfd_open", "pidfd_send_signal", "pivot_root", "process_madvise", "process_mrelease",
      "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot", "request_key", "seccomp", "setns", "settimeofday", "swapoff",
      "swapon", "syslog", "umount2", "unshare", "userfaultfd", "vhangup"};
  // Calls that arm64 does not have.
  if (architecture_ == Architecture::kX86_64) killed.insert({"iopl", "ioperm", "modify_ldt", "uselib"});
  std::vector<uint32_t> allowed_numbers, error_numbers;
  for (const AllowRule& rule : table_.allowed) allowed_numbers.push_back(rule.number);
  for (const FilterTable::ErrnoRule& rule : table_.errors) error_numbers.push_back(rule.number);
  EXPECT_EQ(names_of(architecture_, allowed_numbers), allowed);
  EXPECT_EQ(names_of(architecture_, table_.killed), killed);
  EXPECT_EQ(names_of(architecture_, error_numbers), std::set<std::string>{"getrandom"});
  EXPECT_EQ(table_.number_bound, architecture_ == Architecture::kX86_64 ? 0x40000000u : 0u);
  EXPECT_EQ(table_.architecture, architecture_ == Architecture::kX86_64 ? 0xc000003eu : 0xc00000b7u);
  EXPECT_LE(program_.size(), 4096u) << "what a kernel takes";
}

INSTANTIATE_TEST_SUITE_P(Of, Filter, testing::ValuesIn(kArchitectures),
                         [](const auto& row) { return std::string(row.param == Architecture::kX86_64 ? "X86_64" : "Arm64"); });

TEST(Filters, DifferOnlyInNumbers) {
  const FilterTable x86 = seccomp_policy(Architecture::kX86_64), arm = seccomp_policy(Architecture::kArm64);
  std::map<std::string, const AllowRule*> rules;
  for (const AllowRule& rule : arm.allowed) rules[system_call_name(Architecture::kArm64, rule.number)] = &rule;
  for (const AllowRule& rule : x86.allowed) {
    const AllowRule* const other = rules[system_call_name(Architecture::kX86_64, rule.number)];
    ASSERT_NE(other, nullptr);
    ASSERT_EQ(rule.checks.size(), other->checks.size());
    for (size_t i = 0; i < rule.checks.size(); ++i) {
      EXPECT_EQ(rule.checks[i].kind, other->checks[i].kind);
      EXPECT_EQ(rule.checks[i].index, other->checks[i].index);
      EXPECT_EQ(rule.checks[i].value, other->checks[i].value);
      EXPECT_EQ(rule.checks[i].values, other->checks[i].values);
    }
  }
}

}  // namespace
}  // namespace azr
