#include "page_tables.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <vector>

namespace azr {
namespace {

struct Mapping {
  uintptr_t start;
  uintptr_t end;
  int protection;
};

std::vector<Mapping> file_mappings() {
  std::vector<Mapping> out;
  FILE* file = fopen("/proc/self/maps", "re");
  if (file == nullptr) return out;
  char line[4608];
  while (fgets(line, sizeof line, file) != nullptr) {
    unsigned long start = 0, end = 0, inode = 0;
    char rights[5] = {};
    if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &start, &end, rights, &inode) != 4 || inode == 0) continue;
    if (rights[0] != 'r' || rights[1] == 'w' || rights[3] != 'p') continue;
    out.push_back({start, end, PROT_READ | (rights[2] == 'x' ? PROT_EXEC : 0)});
  }
  fclose(file);
  return out;
}

}  // namespace

void inherit_page_tables() {
  for (const Mapping& mapping : file_mappings()) {
    void* start = reinterpret_cast<void*>(mapping.start);
    const size_t size = mapping.end - mapping.start;
    // Stays executable all the while: this very code, and the C library's, may lie in it.
    if (mprotect(start, size, mapping.protection | PROT_WRITE) != 0) continue;
    volatile char* first = static_cast<volatile char*>(start);
    *first = *first;
    mprotect(start, size, mapping.protection);
  }
}

}  // namespace azr
