#include "large_heap.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "page_map.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace azr {
namespace {

/** More than any warm-up takes; what is left over is given back. */
constexpr size_t kAreaBytes = 8 * kLargePageBytes;

uintptr_t round_up(uintptr_t address) { return (address + kLargePageBytes - 1) / kLargePageBytes * kLargePageBytes; }

/** As Python declares it (cpython/objimpl.h). */
struct ArenaAllocator {
  void* context;
  void* (*allocate)(void* context, size_t size);
  void (*release)(void* context, void* address, size_t size);
};

struct Area {
  uintptr_t next = 0;
  uintptr_t end = 0;
};

Area area;

/** Smaller areas are the stacks of interpreter threads; one that ends would leave a hole. */
constexpr size_t kArenaBytes = 256u << 10;

void* take_arena(void*, size_t size) {
  if (size >= kArenaBytes && size <= area.end - area.next) {
    const uintptr_t arena = area.next;
    area.next += size;
    return reinterpret_cast<void*>(arena);
  }
  void* arena = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return arena == MAP_FAILED ? nullptr : arena;
}

void release_arena(void*, void* address, size_t size) { munmap(address, size); }

/** Makes the C heap reach the end of a large page, with free room in it instead of nothing behind it. */
void fill_c_heap() {
  constexpr size_t kBlock = 64u << 10;
  void* blocks[kLargePageBytes / kBlock];
  const uintptr_t top = reinterpret_cast<uintptr_t>(sbrk(0));
  const size_t count = (round_up(top) - top) / kBlock;
  for (size_t i = 0; i < count; ++i) blocks[i] = malloc(kBlock - 16);
  // Without it the room would go back to the kernel.
  static void* volatile guard = malloc(2 * kBlock - 16);
  (void)guard;
  for (size_t i = 0; i < count; ++i) free(blocks[i]);
}

}  // namespace

void align_c_heap(size_t shift) {
  const uintptr_t top = reinterpret_cast<uintptr_t>(sbrk(0));
  sbrk(static_cast<intptr_t>(round_up(top) - top + shift));
}

void align_arenas(size_t shift) {
  const auto set = reinterpret_cast<void (*)(ArenaAllocator*)>(dlsym(RTLD_DEFAULT, "PyObject_SetArenaAllocator"));
  if (set == nullptr) return;
  void* const space = mmap(nullptr, kAreaBytes + kLargePageBytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (space == MAP_FAILED) return;
  const uintptr_t start = reinterpret_cast<uintptr_t>(space);
  const uintptr_t first = round_up(start);
  if (first > start) munmap(space, first - start);
  munmap(reinterpret_cast<void*>(first + kAreaBytes), start + kLargePageBytes - first);
  area.next = first + shift;
  area.end = first + kAreaBytes;
  ArenaAllocator allocator{nullptr, take_arena, release_arena};
  set(&allocator);
}

void use_large_pages() {
  const bool fillable = page_bytes() * 512 == kLargePageBytes;
  if (fillable) fill_c_heap();
  if (area.end > area.next) munmap(reinterpret_cast<void*>(area.next), area.end - area.next);
  area.end = area.next;
  if (!fillable) return;
  for (const Mapping& mapping : list_mappings()) {
    if (mapping.file() || mapping.shared || mapping.protection != (PROT_READ | PROT_WRITE)) continue;
    for (uintptr_t at = round_up(mapping.start); at + kLargePageBytes <= mapping.end; at += kLargePageBytes) {
      madvise(reinterpret_cast<void*>(at), kLargePageBytes, MADV_COLLAPSE);
    }
  }
}

}  // namespace azr
