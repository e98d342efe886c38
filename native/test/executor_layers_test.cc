// What each layer of the lock is good for: an attack that the lock holds, and that gets through once just that layer is left out. Layers that
// stand behind others, and would otherwise never be asked, are tried alone: with the others out of the way, they hold the attack by themselves.
//
// Ownership: each test forks and reaps its own. Thread: one. Teardown: none.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "classify.h"
#include "executor_locked_child.h"

namespace azr {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kBudget = 64u << 20;

const std::vector<sock_filter>& everything() {
  static const std::vector<sock_filter> filter = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  return filter;
}

uint64_t processor_ms() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<uint64_t>(used.tv_sec) * 1000 + static_cast<uint64_t>(used.tv_nsec) / 1'000'000;
}

bool spin_for(uint64_t milliseconds) {
  while (processor_ms() < milliseconds) {
  }
  return true;
}

bool opens(const char* path) { return open(path, O_RDONLY) >= 0; }

/** A page of its own, where nothing else lies. */
alignas(64 << 10) char own_pages[64 << 10];
int pipe_ends[2] = {-1, -1};
/** A port of this machine's loopback, and a segment of shared memory, that the test process holds. */
uint16_t udp_port = 0;
int segment = -1;

struct Layer {
  const char* name;
  /** What is left out to see the attack get through. */
  std::set<std::string> zygote_steps = {};
  std::set<LockStep> child_steps = {};
  /** What is out of the way in both runs: steps, and with `open_filter` the filter. */
  bool open_filter = false;
  std::set<std::string> zygote_steps_off = {};
  std::set<LockStep> child_steps_off = {};
  /** True when it got through; false, or an end by a signal, when it was held. */
  std::function<bool()> attack;
  uint32_t cpu_ms = 2000;
  bool root_only = false;
  /** A reason why this machine cannot show it, or null. */
  std::function<const char*()> missing = {};
  std::function<void()> before_zygote = {};
  std::function<void()> before_child = {};
};

void PrintTo(const Layer& layer, std::ostream* out) { *out << layer.name; }

const char* no_namespaces() {
  const pid_t child = fork();
  if (child == 0) {
    uint32_t layers = 0;
    for (const ZygoteStep& step : zygote_steps()) {
      if (std::string(step.name) == "user" || std::string(step.name) == "namespaces") step.take(&layers);
    }
    _exit((layers & kLayerNamespaces) != 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? nullptr : "the kernel lets an unprivileged process make no namespaces here";
}

const char* no_landlock() {
  return syscall(444, nullptr, 0, 1) >= 1 ? nullptr : "the kernel has no Landlock";
}

const char* no_memory_deny() {
  return prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0) >= 0 ? nullptr : "the kernel cannot deny executable memory for good";
}

bool makes_code() {
  own_pages[0] = static_cast<char>(0xc3);
  const bool fresh = mmap(nullptr, kPage, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
  return mprotect(own_pages, sizeof own_pages, PROT_READ | PROT_EXEC) == 0 || fresh;
}

bool reads_another_process() {
  const pid_t other = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (other == 0) {
    for (;;) pause();
  }
  char got = 0;
  iovec here{&got, 1}, there{own_pages, 1};
  const bool read = process_vm_readv(other, &here, 1, &there, 1, 0) == 1;
  kill(other, SIGKILL);
  return read;
}

bool reaches_the_network() {
  const int one = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = udp_port;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return sendto(one, "x", 1, 0, reinterpret_cast<sockaddr*>(&to), sizeof to) == 1;
}

bool writes_a_file() {
  char path[] = "/tmp/file-too-large-XXXXXX";
  const int file = mkstemp(path);
  if (file < 0) return false;
  unlink(path);
  signal(SIGXFSZ, SIG_IGN);
  return write(file, "x", 1) == 1;
}

bool forks() {
  const long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) leave(0);
  return child > 0;
}

void block_all_signals() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
}

const std::set<LockStep> kNoCounts = {LockStep::kCounts};

const std::vector<Layer>& layers() {
  static const std::vector<Layer> all = {
      // In the first line: nothing else holds the attack.
      {.name = "Filter", .child_steps = {LockStep::kFilter}, .attack = [] {
         const timespec long_time{0, 1000};
         return nanosleep(&long_time, nullptr) == 0;
       }},
      {.name = "MemoryLimit", .child_steps = {LockStep::kMemory}, .attack = [] {
         return mmap(nullptr, 2 * kBudget, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
       }},
      {.name = "ProcessorTimer", .child_steps = {LockStep::kProcessorTimer}, .attack = [] { return spin_for(250); }, .cpu_ms = 60},
      // Signals held back stand for what a forged return from a signal handler makes of them.
      // The kernel counts these seconds in ticks, and on a busy machine late.
      {.name = "ProcessorSeconds", .child_steps = {LockStep::kProcessorSeconds}, .attack = [] { return spin_for(4500); }, .cpu_ms = 60,
       .before_child = block_all_signals},
      {.name = "SignalsAsTheHostHadThem", .zygote_steps = {"signals"}, .attack = [] { return spin_for(250); }, .cpu_ms = 60,
       .before_zygote = [] { signal(SIGXCPU, SIG_IGN); }},
      // Behind the filter, each alone.
      {.name = "UserDropped", .zygote_steps = {"user"}, .open_filter = true, .zygote_steps_off = {"namespaces", "landlock"},
       .child_steps_off = {LockStep::kCounts, LockStep::kPrivileges}, .attack = [] { return opens("/etc/shadow"); }, .root_only = true},
      {.name = "CapabilitiesDropped", .zygote_steps = {"capabilities"}, .open_filter = true, .attack = [] { return sethostname("x", 1) == 0; },
       .missing = no_namespaces},
      {.name = "NamespaceOfFiles", .zygote_steps = {"namespaces"}, .open_filter = true, .zygote_steps_off = {"landlock"}, .child_steps_off = kNoCounts,
       .attack = [] { return opens("/etc/passwd"); }, .missing = no_namespaces},
      {.name = "NamespaceOfTheNetwork", .zygote_steps = {"namespaces"}, .open_filter = true, .child_steps_off = kNoCounts,
       .attack = reaches_the_network, .missing = no_namespaces},
      {.name = "NamespaceOfSharedMemory", .zygote_steps = {"namespaces"}, .open_filter = true, .attack = [] {
         return shmat(segment, nullptr, SHM_RDONLY) != reinterpret_cast<void*>(-1);
       }, .missing = no_namespaces},
      {.name = "Landlock", .zygote_steps = {"landlock"}, .open_filter = true, .zygote_steps_off = {"namespaces"}, .child_steps_off = kNoCounts,
       .attack = [] { return opens("/etc/passwd"); }, .missing = no_landlock},
      {.name = "LimitOfDescriptors", .child_steps = {LockStep::kCounts}, .open_filter = true, .zygote_steps_off = {"landlock", "namespaces"},
       .attack = [] { return opens("/etc/passwd"); }},
      {.name = "LimitOfProcesses", .child_steps = {LockStep::kCounts}, .open_filter = true, .attack = forks},
      {.name = "DescriptorsClosed", .child_steps = {LockStep::kDescriptors}, .open_filter = true, .attack = [] { return write(pipe_ends[1], "x", 1) == 1; }},
      {.name = "MemoryDenyWriteExecute", .zygote_steps = {"memory deny write execute"}, .open_filter = true, .attack = makes_code,
       .missing = no_memory_deny},
      {.name = "NoLookingIn", .zygote_steps = {"dump"}, .open_filter = true, .child_steps_off = kNoCounts, .attack = reads_another_process},
      {.name = "LimitOfFileSize", .zygote_steps = {"limits"}, .open_filter = true, .zygote_steps_off = {"landlock", "namespaces"},
       .child_steps_off = kNoCounts, .attack = writes_a_file},
  };
  return all;
}

class Layers : public testing::TestWithParam<Layer> {
 protected:
  static void SetUpTestSuite() {
    ASSERT_EQ(pipe(pipe_ends), 0);
    const int receiver = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof own;
    ASSERT_EQ(bind(receiver, reinterpret_cast<sockaddr*>(&own), size), 0);
    ASSERT_EQ(getsockname(receiver, reinterpret_cast<sockaddr*>(&own), &size), 0);
    udp_port = own.sin_port;
    segment = shmget(IPC_PRIVATE, kPage, IPC_CREAT | 0644);
    ASSERT_GE(segment, 0);
  }
  static void TearDownTestSuite() { shmctl(segment, IPC_RMID, nullptr); }

  static bool gets_through(const Layer& layer, bool left_out) {
    LockedChild options{.cpu_ms = layer.cpu_ms, .memory_bytes = kBudget};
    if (layer.open_filter) options.filter = everything();
    options.without_zygote_steps = layer.zygote_steps_off;
    options.without_child_steps = layer.child_steps_off;
    if (left_out) options.without_zygote_steps.insert(layer.zygote_steps.begin(), layer.zygote_steps.end());
    if (left_out) options.without_child_steps.insert(layer.child_steps.begin(), layer.child_steps.end());
    options.before_zygote = layer.before_zygote;
    options.before_child = layer.before_child;
    const Result result = in_locked_child(
        [&](SlotWriter& slot) { slot.commit(layer.attack() ? Outcome::kOk : Outcome::kBadRequest, 0, "", ""); }, options);
    if (WIFEXITED(result.status)) {
      EXPECT_EQ(WEXITSTATUS(result.status), 0) << "the lock itself failed";
    }
    return WIFEXITED(result.status) && result.records.size() == 1 && result.records[0].outcome == Outcome::kOk;
  }
};

TEST_P(Layers, HoldAnAttackThatGetsThroughWithoutThem) {
  const Layer& layer = GetParam();
  // Root in name only, as in a user namespace, cannot read it either.
  if (layer.root_only && access("/etc/shadow", R_OK) != 0) GTEST_SKIP() << "only root has this layer";
  if (const char* missing = layer.missing ? layer.missing() : nullptr) GTEST_SKIP() << missing;
  EXPECT_FALSE(gets_through(layer, false)) << "it got through the whole lock";
  EXPECT_TRUE(gets_through(layer, true)) << "it was held without the layer too: by what?";
}

INSTANTIATE_TEST_SUITE_P(Each, Layers, testing::ValuesIn(layers()), [](const auto& row) { return std::string(row.param.name); });

TEST(LayersOfTheProcess, ChildWithoutTheParentDeathSignalOutlivesItsSupervisor) {
  auto* beats = static_cast<volatile uint64_t*>(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(static_cast<volatile void*>(beats), MAP_FAILED);
  for (const bool left_out : {false, true}) {
    *beats = 0;
    const pid_t supervisor = fork();
    if (supervisor == 0) {
      LockedChild options{.cpu_ms = 1000};
      if (left_out) options.without_child_steps = {LockStep::kParentDeath};
      in_locked_child([&](SlotWriter&) { for (;;) *beats = *beats + 1; }, options);
      _exit(0);
    }
    while (*beats == 0) usleep(1000);
    kill(supervisor, SIGKILL);
    waitpid(supervisor, nullptr, 0);
    usleep(50'000);
    const uint64_t before = *beats;
    usleep(200'000);
    EXPECT_EQ(*beats != before, left_out);
  }
}

TEST(LayersOfTheProcess, ChildWithoutAWallTimerOfItsOwnStandsStillForEver) {
  auto* locked = static_cast<volatile bool*>(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(static_cast<volatile void*>(locked), MAP_FAILED);
  for (const bool left_out : {false, true}) {
    *locked = false;
    LockedChild options{.wall_ms = 1};
    if (left_out) options.without_child_steps = {LockStep::kWallTimer};
    bool stands = false;
    options.meanwhile = [&](pid_t child) {
      while (!*locked) usleep(1000);
      kill(child, SIGSTOP);
      usleep((kMostExtensions + 2000 + 500) * 1000);
      siginfo_t info{};
      waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT);
      stands = info.si_pid == 0;
      kill(child, SIGKILL);
    };
    in_locked_child([&](SlotWriter&) { for (*locked = true;;) {} }, options);
    EXPECT_EQ(stands, left_out);
  }
}

TEST(LayersOfTheProcess, FilterCannotBeHadWithoutNoNewPrivilegesAndTheChildSaysSo) {
  LockedChild options;
  options.without_zygote_steps = {"no new privileges", "landlock"};
  EXPECT_EQ(WEXITSTATUS(in_locked_child([](SlotWriter&) {}, options).status), 100 + static_cast<int>(LockStep::kPrivileges));
  options.without_child_steps = {LockStep::kPrivileges};
  EXPECT_EQ(WEXITSTATUS(in_locked_child([](SlotWriter&) {}, options).status), 100 + static_cast<int>(LockStep::kFilter));
}

TEST(LayersOfTheProcess, ChildThatIsStillRootRefuses) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can stay root";
  LockedChild options;
  options.without_zygote_steps = {"user", "namespaces"};
  EXPECT_EQ(WEXITSTATUS(in_locked_child([](SlotWriter&) {}, options).status), 100 + static_cast<int>(LockStep::kPrivileges));
}

TEST(LayersOfTheVerdict, ReportThatIsNotGivenAwayIsTakenBack) {
  auto* report = static_cast<LockReport*>(mmap(nullptr, kLockAreaBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(static_cast<void*>(report), MAP_FAILED);
  for (const bool left_out : {false, true}) {
    *report = {};
    const Result result = in_locked_child([&](SlotWriter&) {
      report->locked = 1;
      if (!left_out) syscall(SYS_munmap, report, kLockAreaBytes);
      // A program that would rather have no verdict than a bad one.
      *static_cast<volatile uint32_t*>(&report->locked) = 0;
      leave(2);
    });
    Ending ending;
    ending.wait_status = result.status;
    ending.lock = *report;
    const Outcome outcome = classify(ending, result.view, Limits{}, 1)[0].outcome;
    EXPECT_EQ(outcome, left_out ? Outcome::kSandboxError : Outcome::kRuntimeError);
  }
  munmap(report, kLockAreaBytes);
}

}  // namespace
}  // namespace azr
