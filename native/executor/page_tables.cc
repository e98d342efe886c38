#include "page_tables.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

#include "page_map.h"

namespace azr {
namespace {

/** Calls `each(start, bytes)` for every longest row of pages of the mapping for which `chosen(index)` holds. */
template <typename Chosen, typename Each>
void for_rows(const Mapping& mapping, Chosen chosen, Each each) {
  size_t first = 0;
  for (size_t at = 0; at <= mapping.pages(); ++at) {
    if (at < mapping.pages() && chosen(at)) continue;
    if (at > first) each(reinterpret_cast<void*>(mapping.start + first * page_bytes()), (at - first) * page_bytes());
    first = at + 1;
  }
}

/** What a rehearsal watches: the first access to a page is a fault, which is noted. */
struct Watch {
  std::vector<Mapping> files;
  size_t pages = 0;
  /** One byte a page, in the order of `files`; shared with the process that waits. */
  char* touched = nullptr;

  /** The note of an address's page and, in `mapping`, what it belongs to; null for an address that is not watched. */
  char* note_of(uintptr_t address, const Mapping** mapping) const {
    char* note = touched;
    for (const Mapping& file : files) {
      if (address >= file.start && address < file.end) {
        *mapping = &file;
        return note + (address - file.start) / page_bytes();
      }
      note += file.pages();
    }
    return nullptr;
  }
};

Watch* watch = nullptr;

void on_access(int, siginfo_t* info, void*) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(info->si_addr);
  const Mapping* mapping = nullptr;
  char* const note = watch->note_of(address, &mapping);
  // Not one of ours, or one that was let through before: the rehearsal itself is broken.
  if (note == nullptr || *note != 0) syscall(SYS_exit_group, 1);
  *note = 1;
  mprotect(reinterpret_cast<void*>(address / page_bytes() * page_bytes()), page_bytes(), mapping->protection);
}

void start_watching() {
  // The handler itself needs these at any time.
  for (const auto address : {reinterpret_cast<uintptr_t>(&mprotect), reinterpret_cast<uintptr_t>(&syscall)}) {
    const Mapping* mapping = nullptr;
    for (const uintptr_t byte : {address, address + 63}) {
      if (char* note = watch->note_of(byte, &mapping)) *note = 1;
    }
  }
  struct sigaction action = {};
  action.sa_sigaction = on_access;
  // The way back from the handler lies in a page of the C library, and so is the next access.
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, nullptr);
  const char* note = watch->touched;
  for (const Mapping& mapping : watch->files) {
    for_rows(mapping, [note](size_t at) { return note[at] == 0; },
             [](void* start, size_t bytes) { mprotect(start, bytes, PROT_NONE); });
    note += mapping.pages();
  }
}

std::vector<Mapping> constant_files() {
  std::vector<Mapping> out;
  for (const Mapping& mapping : list_mappings()) {
    if (is_constant_file(mapping)) out.push_back(mapping);
  }
  return out;
}

/** The handler's own library must stay whole. */
std::vector<Mapping> without_this_library(const std::vector<Mapping>& files) {
  const uintptr_t here = reinterpret_cast<uintptr_t>(&on_access);
  uint64_t inode = 0;
  for (const Mapping& mapping : files) {
    if (here >= mapping.start && here < mapping.end) inode = mapping.inode;
  }
  std::vector<Mapping> out;
  for (const Mapping& mapping : files) {
    if (mapping.inode != inode) out.push_back(mapping);
  }
  return out;
}

/** A page of the file comes back from it when it is needed again; a private copy would be lost for good. */
void drop_untouched(const Mapping& mapping, const char* touched) {
  const std::vector<PageEntry> entries = read_page_entries(mapping);
  if (entries.empty()) return;
  for_rows(mapping, [&](size_t at) { return entries[at].present() && entries[at].of_file() && touched[at] == 0; },
           [](void* start, size_t bytes) { madvise(start, bytes, MADV_DONTNEED); });
}

}  // namespace

void inherit_page_tables() {
  for (const Mapping& mapping : constant_files()) {
    void* start = reinterpret_cast<void*>(mapping.start);
    const size_t size = mapping.end - mapping.start;
    // Stays executable all the while: this very code, and the C library's, may lie in it.
    if (mprotect(start, size, mapping.protection | PROT_WRITE) != 0) continue;
    volatile char* first = static_cast<volatile char*>(start);
    *first = *first;
    mprotect(start, size, mapping.protection);
  }
}

void keep_warm_pages(void (*rehearse)()) {
  Watch watched;
  watched.files = without_this_library(constant_files());
  for (const Mapping& mapping : watched.files) watched.pages += mapping.pages();
  void* shared = mmap(nullptr, watched.pages, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (watched.pages == 0 || shared == MAP_FAILED) return;
  watched.touched = static_cast<char*>(shared);
  const pid_t child = fork();
  if (child == 0) {
    // Should it hang, it must not be for long, nor outlive its zygote.
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    alarm(10);
    watch = &watched;
    start_watching();
    rehearse();
    syscall(SYS_exit_group, 0);
  }
  int status = 0;
  const bool waited = child > 0 && waitpid(child, &status, WUNTRACED) == child;
  if (waited && WIFSTOPPED(status)) {
    // Somebody outside did it. It goes without: the zygote must not wait for that one to change his mind.
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  if (waited && status == 0) {
    const char* touched = watched.touched;
    for (const Mapping& mapping : watched.files) {
      drop_untouched(mapping, touched);
      touched += mapping.pages();
    }
  }
  munmap(shared, watched.pages);
}

}  // namespace azr
