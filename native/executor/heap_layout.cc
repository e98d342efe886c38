#include "heap_layout.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "address_shift.h"
#include "large_heap.h"
#include "page_map.h"
#include "python_api.h"

namespace azr {
namespace {

constexpr int kBlocks = 48;

/** Order in which a class's blocks are given back; the allocator hands the last one out first. */
int slot_in_order(int variant, int i) {
  switch (variant) {
    case 0:
      return kBlocks - 1 - i;  // then new objects have rising addresses
    case 1:
      return i;  // falling
    case 2:
      return i * 29 % kBlocks;  // 29 and 35 are prime to 48: two shuffles
    default:
      return i * 35 % kBlocks;
  }
}

/** Keeps a stretch of addresses, so that later mappings lie lower by it. False when there is no room. */
bool keep_gap(size_t bytes) {
  return mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

/** When the library is preloaded, before the interpreter has a heap. Elsewhere there is no variant and nothing to do. */
__attribute__((constructor)) void shift_heaps() {
  const char* text = getenv("AZR_VARIANT");
  if (text == nullptr || *text < '0' || *text > '3') return;
  const int variant = *text - '0';
  align_c_heap(heap_shift_bytes(variant));
  align_arenas(arena_shift_bytes(variant));
  if (variant == 0 || !keep_gap(arena_shift_bytes(variant))) return;
  static void* volatile kept = malloc(static_cast<size_t>(variant) * 4112);
  (void)kept;
}

}  // namespace

void shift_blocks(int variant) {
  for (size_t size = 16; size <= 512; size += 16) {
    for (int i = 0; i < 5 * variant; ++i) {
      if (py::api.PyObject_Malloc(size) == nullptr) return;
    }
  }
}

void perturb_heap(int variant) {
  // Later mappings move down by this much, the C heap up by that much.
  const size_t gap = (static_cast<size_t>(variant) * 37 + 1) * 5 * page_bytes();
  if (!keep_gap(gap)) return;
  if (malloc(1000 + static_cast<size_t>(variant) * 4112) == nullptr) return;
  for (size_t size = 16; size <= 512; size += 16) {
    for (int i = 0; i < 3 + 5 * variant; ++i) {
      if (py::api.PyObject_Malloc(size) == nullptr) return;
    }
    void* blocks[kBlocks];
    for (void*& block : blocks) block = py::api.PyObject_Malloc(size);
    for (int i = 0; i < kBlocks; ++i) py::api.PyObject_Free(blocks[slot_in_order(variant, i)]);
  }
}

}  // namespace azr
