#include "heap_layout.h"

#include <stdlib.h>
#include <sys/mman.h>

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

}  // namespace

void perturb_heap(int variant) {
  // Later mappings move down by this much, the C heap up by that much.
  const size_t gap = (static_cast<size_t>(variant) * 37 + 1) * 4096 * 5;
  if (mmap(nullptr, gap, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED) return;
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
