#include "page_map.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

namespace azr {

#if defined(__aarch64__)
namespace {

/** Whether code may be jumped to anywhere (PROT_BTI): /proc/self/maps does not say so, and mprotect opens it unless it is told again. */
void add_branch_guards(std::vector<Mapping>* mappings) {
  FILE* file = fopen("/proc/self/smaps", "re");
  if (file == nullptr) return;
  char line[4608];
  unsigned long start = 0, end = 0;
  while (fgets(line, sizeof line, file) != nullptr) {
    unsigned long first = 0, behind = 0;
    if (sscanf(line, "%lx-%lx ", &first, &behind) == 2) {
      start = first;
      end = behind;
    }
    if (strncmp(line, "VmFlags:", 8) != 0 || strstr(line, " bt") == nullptr) continue;
    for (Mapping& mapping : *mappings) {
      if (mapping.start == start && mapping.end == end) mapping.protection |= PROT_BTI;
    }
  }
  fclose(file);
}

}  // namespace
#endif

size_t page_bytes() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

std::vector<Mapping> list_mappings() {
  std::vector<Mapping> out;
  FILE* file = fopen("/proc/self/maps", "re");
  if (file == nullptr) return out;
  char line[4608];
  while (fgets(line, sizeof line, file) != nullptr) {
    unsigned long start = 0, end = 0, inode = 0;
    char rights[5] = {};
    if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &start, &end, rights, &inode) != 4) continue;
    Mapping mapping;
    mapping.start = start;
    mapping.end = end;
    mapping.protection = (rights[0] == 'r' ? PROT_READ : 0) | (rights[1] == 'w' ? PROT_WRITE : 0) |
                         (rights[2] == 'x' ? PROT_EXEC : 0);
    mapping.shared = rights[3] == 's';
    mapping.inode = inode;
    out.push_back(mapping);
  }
  fclose(file);
#if defined(__aarch64__)
  add_branch_guards(&out);
#endif
  return out;
}

bool is_constant_file(const Mapping& mapping) {
  return mapping.file() && !mapping.shared && (mapping.protection & PROT_READ) != 0 &&
         (mapping.protection & PROT_WRITE) == 0;
}

std::vector<PageEntry> read_page_entries(const Mapping& mapping) {
  std::vector<PageEntry> entries(mapping.pages());
  const size_t bytes = entries.size() * sizeof(PageEntry);
  const int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const ssize_t got = pread(file, entries.data(), bytes, static_cast<off_t>(mapping.start / page_bytes() * sizeof(PageEntry)));
  close(file);
  if (got != static_cast<ssize_t>(bytes)) return {};
  return entries;
}

}  // namespace azr
