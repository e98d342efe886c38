// What the kernel says of this process's own memory: its mappings, and what lies behind each of their pages.
//
// Ownership: values. Thread: any; a mapping made meanwhile may be missing. Teardown: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace azr {

/** Size of a page of this machine. */
size_t page_bytes();

struct Mapping {
  uintptr_t start = 0;
  uintptr_t end = 0;
  /** PROT_* bits, on arm64 with PROT_BTI. */
  int protection = 0;
  bool shared = false;
  /** Number of the file behind it, be it a private copy of one; 0 for none. */
  uint64_t inode = 0;

  bool file() const { return inode != 0; }

  size_t pages() const { return (end - start) / page_bytes(); }
};

/** In order of address; empty where /proc cannot be read. */
std::vector<Mapping> list_mappings();

/** Readable, not writable, private: text and constants of programs and libraries. */
bool is_constant_file(const Mapping& mapping);

/** One bit set a page, in the kernel's layout (Documentation/admin-guide/mm/pagemap.rst). */
class PageEntry {
 public:
  explicit PageEntry(uint64_t bits = 0) : bits_(bits) {}
  bool present() const { return (bits_ >> 63 & 1) != 0; }
  /** The file's own page, not a private copy. */
  bool of_file() const { return (bits_ >> 61 & 1) != 0; }
  /** Mapped by this process alone. */
  bool exclusive() const { return (bits_ >> 56 & 1) != 0; }

 private:
  uint64_t bits_;
};

/** One entry a page of the mapping; empty where the kernel does not tell. */
std::vector<PageEntry> read_page_entries(const Mapping& mapping);

}  // namespace azr
