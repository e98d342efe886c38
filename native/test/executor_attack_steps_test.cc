// Attacks of several steps by native code inside a really locked child: what it makes of the calls that it has, what it writes where its
// result should be, and what still holds when the filter alone is taken away. (executor_attack_test.cc has the calls one by one.)
//
// Ownership: each test forks and reaps its own. Thread: one. Teardown: none.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#include <functional>
#include <ostream>
#include <vector>

#include "classify.h"
#include "executor_locked_child.h"
#include "shared_area.h"
#include "page_map.h"

namespace azr {
namespace {

const long kPage = static_cast<long>(page_bytes());
constexpr size_t kBudget = 64u << 20;
#if defined(__x86_64__)
constexpr long kAddressSpace = 1l << 47;
#else
constexpr long kAddressSpace = 1l << 48;
#endif

void* map(size_t bytes, int flags = 0) {
  const long got = syscall(SYS_mmap, nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  return got == -1 ? nullptr : reinterpret_cast<void*>(got);
}

void say(SlotWriter& slot, bool held) { slot.commit(held ? Outcome::kOk : Outcome::kBadRequest, 0, "", ""); }

void spin() {
  for (volatile bool on = true; on;) {
  }
}

// "Return", on x86-64. At the start of a page, however large they are.
alignas(64 << 10) char some_code[2 * (64 << 10)] = {static_cast<char>(0xc3)};
volatile int never = 0;
// Code with a page of its own, however large pages are.
[[gnu::section(".text.alone"), gnu::aligned(64 << 10), gnu::noinline, gnu::used]] int alone() { return never; }
[[gnu::section(".text.alone"), gnu::aligned(64 << 10), gnu::noinline, gnu::used]] int behind_it() { return never + 1; }
int deeper(int depth) {
  if (never != 0) return depth;
  volatile char frame[4096];
  frame[0] = static_cast<char>(depth);
  return deeper(depth + 1) + frame[never];
}

struct Attack {
  const char* name;
  /** Signals of which one must end it; empty: it must end by itself and say that it could not. */
  std::vector<int> ended_by;
  std::function<void(SlotWriter&)> work;
  uint32_t cpu_ms = 2000;
};

void PrintTo(const Attack& attack, std::ostream* out) { *out << attack.name; }

void call_as_code(const void* place) {
  void (*function)();
  memcpy(&function, &place, sizeof function);
  function();
}

const std::vector<Attack>& attacks() {
  static const std::vector<Attack> all = {
      {"TakeMoreThanTheBudgetPageByPage", {}, [](SlotWriter& slot) {
         size_t taken = 0;
         while (taken <= 2 * kBudget && map(256 * kPage) != nullptr) taken += 256 * kPage;
         say(slot, taken <= kBudget);
       }},
      {"TakeMoreThanTheBudgetWithoutReserve", {}, [](SlotWriter& slot) { say(slot, map(2 * kBudget, MAP_NORESERVE) == nullptr); }},
      {"GrowAMappingBeyondTheBudget", {}, [](SlotWriter& slot) {
         void* area = map(kPage);
         say(slot, syscall(SYS_mremap, area, kPage, 2 * kBudget, MREMAP_MAYMOVE) == -1);
       }},
      {"MoveTheBreakBeyondTheBudget", {}, [](SlotWriter& slot) {
         const long now = syscall(SYS_brk, 0);
         say(slot, syscall(SYS_brk, now + static_cast<long>(2 * kBudget)) == now);
       }},
      {"MapTheNullPage", {}, [](SlotWriter& slot) {
         say(slot, syscall(SYS_mmap, nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == -1);
       }},
      {"WriteCodeAndMakeItExecutableAgain", {}, [](SlotWriter& slot) {
         char* code = reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(&alone));
         syscall(SYS_mprotect, code, kPage, PROT_READ | PROT_WRITE);  // a page of code that nothing needs any more
         say(slot, syscall(SYS_mprotect, code, kPage, PROT_READ | PROT_EXEC) == -1);
       }},
      {"RunData", {SIGSEGV}, [](SlotWriter&) { call_as_code(some_code); }},
      {"UnmapEverything", {SIGSEGV, SIGBUS}, [](SlotWriter&) { syscall(SYS_munmap, kPage, kAddressSpace - 2 * kPage); }},
      {"RecurseWithoutEnd", {SIGSEGV}, [](SlotWriter&) { deeper(never); }},
      {"SpinWithoutEnd", {SIGXCPU}, [](SlotWriter&) { spin(); }, 60},
#if defined(__x86_64__)
      {"BlockAllSignalsByAForgedReturn", {SIGKILL}, [](SlotWriter&) {
         static ucontext_t context;
         static char stack[64 << 10];
         memset(&context.uc_sigmask, 0xff, sizeof context.uc_sigmask);
         context.uc_mcontext.gregs[REG_RIP] = reinterpret_cast<long long>(&spin);
         context.uc_mcontext.gregs[REG_RSP] = reinterpret_cast<long long>(stack + sizeof stack - 72);
         context.uc_mcontext.gregs[REG_CSGSFS] = 0x002b'0000'0000'0033;
         asm volatile("mov %0, %%rsp\n mov $15, %%eax\n syscall\n ud2" ::"r"(&context) : "memory");
       }, 60},
      {"CallThe32BitKernel", {SIGSYS}, [](SlotWriter& slot) {
         long number = 20;  // its getpid
         asm volatile("int $0x80" : "+a"(number)::"memory");
         say(slot, false);
       }},
      {"ExecuteByThe32BitKernel", {SIGSYS}, [](SlotWriter& slot) {
         long number = 11;
         asm volatile("int $0x80" : "+a"(number) : "b"(0), "c"(0), "d"(0) : "memory");
         say(slot, false);
       }},
      {"HideANumberBehindAHighHalf", {}, [](SlotWriter& slot) {
         long number = (1l << 32) | SYS_getpid;
         asm volatile("syscall" : "+a"(number)::"rcx", "r11", "memory");
         say(slot, number == -EPERM);
       }},
      {"TalkToAPort", {SIGSEGV}, [](SlotWriter& slot) {
         asm volatile("outb %0, $0x80" ::"a"(static_cast<unsigned char>(0)));
         say(slot, false);
       }},
      {"StopTheProcessor", {SIGSEGV}, [](SlotWriter& slot) {
         asm volatile("hlt");
         say(slot, false);
       }},
#endif
  };
  return all;
}

class Steps : public testing::TestWithParam<Attack> {};

TEST_P(Steps, Hold) {
  const Attack& attack = GetParam();
  const Result result = in_locked_child(attack.work, {.cpu_ms = attack.cpu_ms, .memory_bytes = kBudget});
  if (attack.ended_by.empty()) {
    ASSERT_EQ(result.status, 0);
    ASSERT_EQ(result.records.size(), 1u);
    EXPECT_EQ(result.records[0].outcome, Outcome::kOk) << "it got through";
    return;
  }
  ASSERT_TRUE(WIFSIGNALED(result.status)) << result.status;
  bool wanted = false;
  for (const int number : attack.ended_by) wanted = wanted || WTERMSIG(result.status) == number;
  EXPECT_TRUE(wanted) << "ended by signal " << WTERMSIG(result.status);
}

INSTANTIATE_TEST_SUITE_P(Native, Steps, testing::ValuesIn(attacks()), [](const auto& row) { return std::string(row.param.name); });

/** What a child leaves where its results should be, and what the supervisor makes of it. */
struct Forgery {
  const char* name;
  uint32_t record_count;
  uint32_t complete;
  SlotRecord record;
  /** How it ends: by exit code, or for -1 by a crash. */
  int code;
  Outcome wanted;
};

constexpr uint32_t kOk = 0, kHuge = 0xffffffff;
const Forgery kForgeries[] = {
    {"ItsOwnResult", 1, 1, {kOk, 1, 0, 0}, 0, Outcome::kOk},
    {"CompleteWithoutAResult", 0, 1, {kOk, 1, 0, 0}, 0, Outcome::kRuntimeError},
    {"AResultThatIsNotComplete", 1, 0, {kOk, 1, 0, 0}, 0, Outcome::kRuntimeError},
    {"CompleteIsNoTruthValue", 1, 2, {kOk, 1, 0, 0}, 0, Outcome::kRuntimeError},
    {"TwoResultsForOneInput", 2, 1, {kOk, 1, 0, 0}, 0, Outcome::kRuntimeError},
    {"ResultsWithoutNumber", kHuge, 1, {kOk, 1, 0, 0}, 0, Outcome::kRuntimeError},
    {"AFailureOfTheSandbox", 1, 1, {9, 0, 0, 0}, 0, Outcome::kRuntimeError},
    {"AnOutcomeThatThereIsNot", 1, 1, {kHuge, 0, 0, 0}, 0, Outcome::kRuntimeError},
    {"AValueBeyondTheLimit", 1, 1, {kOk, 1025, 0, 0}, 0, Outcome::kRuntimeError},
    {"AValueBeyondTheArea", 1, 1, {kOk, kHuge, 0, 0}, 0, Outcome::kRuntimeError},
    {"LengthsThatOverflow", 1, 1, {kOk, 16, kHuge, kHuge}, 0, Outcome::kRuntimeError},
    {"AMessageBeyondTheArea", 1, 1, {2, 0, 4, kSlotBytes}, 0, Outcome::kRuntimeError},
    {"AResultAndThenACrash", 1, 1, {kOk, 1, 0, 0}, -1, Outcome::kRuntimeError},
    {"AResultAndThenAFailure", 1, 1, {kOk, 1, 0, 0}, 3, Outcome::kRuntimeError},
};

TEST(Result, IsBelievedOnlyWhole) {
  for (const Forgery& row : kForgeries) {
    const Result result = in_locked_child([&](SlotWriter& slot) {
      char* area = reinterpret_cast<char*>(slot.header());
      memset(area, '7', kSlotBytes);
      *slot.header() = {row.record_count, row.complete};
      memcpy(area + kFirstRecord, &row.record, sizeof row.record);
      if (row.code == -1) *reinterpret_cast<volatile char*>(8) = 0;
      leave(row.code);
    });
    Ending ending;
    ending.wait_status = result.status;
    ending.lock.locked = 1;
    const std::vector<RunRecord> records = classify(ending, result.view, Limits{}, 1);
    ASSERT_EQ(records.size(), 1u) << row.name;
    EXPECT_EQ(records[0].outcome, row.wanted) << row.name;
    EXPECT_EQ(records[0].value, row.wanted == Outcome::kOk ? "7" : "") << row.name;
  }
}

TEST(LockReport, CannotBeTakenBack) {
  // As in a zygote: one file, the report in front of the results, each with a mapping of its own.
  const int file = static_cast<int>(syscall(SYS_memfd_create, "areas", 0));
  ASSERT_GE(file, 0);
  ASSERT_EQ(ftruncate(file, kLockAreaBytes + kSlotBytes), 0);
  const auto open_area = [file](size_t bytes, off_t offset) { return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, offset); };
  auto* report = static_cast<LockReport*>(open_area(kLockAreaBytes, 0));
  auto* seen = static_cast<LockReport*>(open_area(kLockAreaBytes, 0));
  char* area = static_cast<char*>(open_area(kSlotBytes, kLockAreaBytes));
  const Result result = in_locked_child([&](SlotWriter& slot) {
    report->locked = 1;
    syscall(SYS_munmap, report, kLockAreaBytes);
    syscall(SYS_munmap, seen, kLockAreaBytes);
    const size_t more = kSlotBytes + kLockAreaBytes;
    bool reached = false;
    // An old size of nothing makes a second mapping of the same pages; growing goes on behind them. None of it lies before them.
    for (const size_t old_size : {size_t{0}, kSlotBytes}) {
      const long copy = syscall(SYS_mremap, area, old_size, more, MREMAP_MAYMOVE);
      if (copy == -1) continue;
      area = reinterpret_cast<char*>(copy);
      memset(area, 0, kSlotBytes);
    }
    reached = syscall(SYS_mmap, nullptr, kLockAreaBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) != -1;
    say(slot, !reached);
  });
  EXPECT_EQ(result.status, 0);
  ASSERT_EQ(result.records.size(), 1u);
  EXPECT_EQ(result.records[0].outcome, Outcome::kOk);
  EXPECT_EQ(seen->locked, 1u);
  close(file);
}

TEST(RequestArea, CannotBeWritten) {
  // As in a zygote: the supervisor writes, everybody else has mapped it for reading only.
  SharedArea request = SharedArea::create("request", 2 * kPage, true);
  ASSERT_TRUE(request.valid());
  memset(request.data(), 7, 2 * kPage);
  char* const area = static_cast<char*>(mmap(nullptr, 2 * kPage, PROT_READ, MAP_SHARED, request.fd(), 0));
  ASSERT_NE(area, MAP_FAILED);
  const Result result = in_locked_child([&](SlotWriter& slot) {
    const bool writable = syscall(SYS_mprotect, area, 2 * kPage, PROT_READ | PROT_WRITE) != -1;
    const long copy = syscall(SYS_mremap, area, 0, 2 * kPage, MREMAP_MAYMOVE);
    const bool copy_writable = copy != -1 && syscall(SYS_mprotect, copy, 2 * kPage, PROT_READ | PROT_WRITE) != -1;
    for (const int advice : {MADV_DONTNEED, MADV_FREE}) syscall(SYS_madvise, area, 2 * kPage, advice);
    // What it puts over the area is its own.
    syscall(SYS_mmap, area + kPage, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    area[kPage] = 1;
    say(slot, !writable && !copy_writable && area[0] == 7);
  });
  ASSERT_EQ(result.records.size(), 1u);
  EXPECT_EQ(result.records[0].outcome, Outcome::kOk);
  for (long at = 0; at < 2 * kPage; ++at) ASSERT_EQ(request.data()[at], 7) << at;
  munmap(area, 2 * kPage);
}

/** With a filter that allows everything: the error of the layer that holds then, or 0 where nothing else does. */
struct Unfiltered {
  const char* name;
  long number;
  long arguments[6];
  std::vector<int> errors;
};

TEST(Layers, WithoutTheFilterTheOthersHoldWhatTheyCanAndTheRestGetsThrough) {
  static const char path[] = "/etc/hostname";
  const std::vector<sock_filter> everything = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const Unfiltered rows[] = {
      {"its own number", SYS_getpid, {}, {0}},
      {"shared memory", SYS_mmap, {0, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0}, {0}},
      {"entropy", SYS_getrandom, {reinterpret_cast<long>(some_code + kPage), 16, 0}, {0}},
      {"signal handling", SYS_rt_sigaction, {SIGXCPU, 0, 0, 8}, {0}},
      {"blocked signals", SYS_rt_sigprocmask, {SIG_BLOCK, 0, 0, 8}, {0}},
      {"the timer", SYS_timer_delete, {0}, {0}},
      {"a file, by the limit of descriptors or by Landlock", SYS_openat, {AT_FDCWD, reinterpret_cast<long>(path), O_RDONLY}, {EMFILE, EACCES}},
      {"a socket, by the limit of descriptors", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, {EMFILE}},
      {"memory in a file, by the limit of descriptors", SYS_memfd_create, {reinterpret_cast<long>(path), 0}, {EMFILE}},
      {"the terminal, by the closed descriptors", SYS_write, {1, reinterpret_cast<long>(path), 1}, {EBADF}},
      // The limit counts nothing for whom the host takes for root, as one may be in a user namespace; that one knows no other user there.
      {"a process, by the limit of processes", SYS_clone, {SIGCHLD}, {EAGAIN, 0}},
      {"another user, by the dropped one", SYS_setresuid, {0, 0, 0}, {EPERM, EINVAL}},
      {"a higher limit, by the dropped capabilities", SYS_setpriority, {0, 0, -20}, {EACCES, EPERM}},
      {"locked memory, by its limit", SYS_mlock, {reinterpret_cast<long>(some_code), kPage}, {EPERM, ENOMEM}},
  };
  for (const Unfiltered& row : rows) {
    int error = -1;
    const long* a = row.arguments;
    const Result result = in_locked_child([&](SlotWriter& slot) {
      const long value = syscall(row.number, a[0], a[1], a[2], a[3], a[4], a[5]);
      if (row.number == SYS_clone && value == 0) leave(0);
      const char code = static_cast<char>(value == -1 ? errno : 0);
      slot.value_space()[0] = code;
      slot.commit(Outcome::kOk, 1, "", "");
    }, {.filter = everything});
    if (!result.records.empty()) error = result.records[0].value[0];
    bool wanted = false;
    for (const int one : row.errors) wanted = wanted || error == one;
    EXPECT_TRUE(wanted) << row.name << ": " << strerror(error);
  }
}

}  // namespace
}  // namespace azr
