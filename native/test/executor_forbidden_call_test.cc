// What is told of a forbidden call: its name, for every call that kills; and nothing that a program could make of it reaches the verdict.
//
// Ownership: each test forks and reaps its own. Thread: one. Teardown: none.
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <string>

#include "executor_locked_child.h"
#include "forbidden_call.h"
#include "seccomp_policy.h"

namespace azr {
namespace {

constexpr size_t kAreaBytes = 64 << 10;

struct Told {
  int status;
  std::string text;
};

template <typename Work>
Told trapped(Work work) {
  void* area = mmap(nullptr, kAreaBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE(area, MAP_FAILED);
  LockedChild options{.filter = trapping_filter(make_child_filter())};
  options.before_child = [area] { note_forbidden_call(area, kAreaBytes); };
  const Result result = in_locked_child([&](SlotWriter&) { work(); }, options);
  const Told told{result.status, describe_forbidden_call(area, kAreaBytes)};
  munmap(area, kAreaBytes);
  return told;
}

TEST(ForbiddenCall, IsToldByName) {
  const FilterTable table = seccomp_policy();
  ASSERT_GT(table.killed.size(), 40u);
  for (const auto number : table.killed) {
    const Told told = trapped([number] { syscall(static_cast<long>(number), 0, 0, 0, 0, 0, 0); });
    ASSERT_TRUE(WIFEXITED(told.status)) << number;
    EXPECT_EQ(WEXITSTATUS(told.status), kTrappedStatus);
    const char* name = system_call_name(kHostArchitecture, static_cast<long>(number));
    ASSERT_NE(name, nullptr) << number;
    EXPECT_EQ(told.text, std::string("made the system call ") + name + ", which only an attack makes");
  }
}

TEST(ForbiddenCall, IsNotToldWhereThereIsNone) {
  EXPECT_EQ(trapped([] {}).text, "");
  EXPECT_EQ(trapped([] { syscall(SYS_getpid); }).text, "");
  EXPECT_EQ(trapped([] { *reinterpret_cast<volatile char*>(8) = 0; }).text, "");
}

#if defined(__x86_64__)
TEST(ForbiddenCall, OfAnotherInterfaceIsToldByItsNumber) {
  const Told foreign = trapped([] {
    long number = 20;
    asm volatile("int $0x80" : "+a"(number)::"memory");
  });
  EXPECT_EQ(foreign.text, "made the system call 20 of i386, which only an attack makes");
  const Told x32 = trapped([] { syscall(0x40000000 | SYS_close, 99); });
  EXPECT_EQ(x32.text, "made the system call 1073741827, which only an attack makes");
}
#endif

TEST(ForbiddenCall, FilterThatTrapsDiffersInNothingElse) {
  const std::vector<sock_filter> kills = make_child_filter(), traps = trapping_filter(kills);
  ASSERT_EQ(kills.size(), traps.size());
  size_t changed = 0;
  for (size_t i = 0; i < kills.size(); ++i) {
    EXPECT_EQ(kills[i].code, traps[i].code);
    EXPECT_EQ(kills[i].jt, traps[i].jt);
    EXPECT_EQ(kills[i].jf, traps[i].jf);
    if (kills[i].k == traps[i].k) continue;
    changed += 1;
    EXPECT_EQ(kills[i].k, SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(traps[i].k, SECCOMP_RET_TRAP);
  }
  EXPECT_GT(changed, 0u);
}

}  // namespace
}  // namespace azr
