#include "page_map.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

namespace azr {

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
