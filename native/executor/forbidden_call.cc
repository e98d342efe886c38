#include "forbidden_call.h"

#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system_calls.h"

namespace azr {
namespace {

ForbiddenCall* note = nullptr;

void on_trap(int, siginfo_t* info, void*) {
  *note = {1, static_cast<uint32_t>(info->si_arch), info->si_syscall};
  for (;;) syscall(SYS_exit_group, kTrappedStatus);
}

size_t note_offset(size_t size) { return (size - sizeof(ForbiddenCall)) & ~size_t{15}; }

}  // namespace

std::vector<sock_filter> trapping_filter(std::vector<sock_filter> filter) {
  for (sock_filter& line : filter) {
    if (line.code == (BPF_RET | BPF_K) && line.k == SECCOMP_RET_KILL_PROCESS) line.k = SECCOMP_RET_TRAP;
  }
  return filter;
}

bool note_forbidden_call(void* area, size_t size) {
  note = reinterpret_cast<ForbiddenCall*>(static_cast<char*>(area) + note_offset(size));
  struct sigaction action{};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO;
  return sigaction(SIGSYS, &action, nullptr) == 0;
}

std::string describe_forbidden_call(const void* area, size_t size) {
  ForbiddenCall call;
  memcpy(&call, static_cast<const char*>(area) + note_offset(size), sizeof call);
  if (call.written != 1) return "";
  const std::string what = "made the system call ", why = ", which only an attack makes";
  const std::string number = std::to_string(call.number);
  if (const char* name = system_call_name(kHostArchitecture, call.architecture, call.number)) return what + name + why;
  if (call.architecture != audit_architecture(kHostArchitecture)) {
    const char* other = audit_architecture_name(call.architecture);
    return what + number + " of " + (other == nullptr ? "another architecture" : other) + why;
  }
  return what + number + why;
}

}  // namespace azr
