#include "heap_layout.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "address_shift.h"
#include "large_heap.h"
#include "page_map.h"
#include "python_api.h"

namespace azr {
namespace {

// CPython's allocator of small objects: pools of one size class, that many bytes at such an address, with a header.
constexpr uintptr_t kPoolBytes = 16 << 10;
constexpr uintptr_t kPoolHeaderBytes = 48;
constexpr size_t kGranuleBytes = 16;
constexpr size_t kLargestBytes = 512;

/** Blocks of a class whose order is ours, at most. */
constexpr size_t kMostBlocks = 256;

/**
 * Low bits of an address, counted from the granule, that differ from those of variant 0 wherever the class has a block for it. Each bit differs in
 * two of three variants, and so does what two neighbouring bits have in common in two.
 */
uint32_t flipped_bits(int variant) {
  constexpr uint32_t kFlipped[] = {0, 0b010101, 0b101010, 0b111111};
  return kFlipped[variant];
}

/**
 * Which block is handed out k-th. In variant 0 they have rising addresses, which touches the fewest pages. In the others the k-th one is the
 * nearest of those left whose address differs from variant 0's k-th in the bits that are to be flipped.
 */
std::vector<size_t> order_of_blocks(int variant, size_t size, size_t count) {
  constexpr uint32_t kBits = 0b111111;
  const auto low_bits = [size](size_t block) {
    return static_cast<uint32_t>((kPoolHeaderBytes + block * size) / kGranuleBytes) & kBits;
  };
  std::vector<size_t> left(count), order;
  for (size_t i = 0; i < count; ++i) left[i] = i;
  while (!left.empty()) {
    const size_t k = order.size();
    const uint32_t wanted = low_bits(k) ^ flipped_bits(variant);
    const auto cost = [&](size_t block) {
      const size_t far = block > k ? block - k : k - block;
      return static_cast<size_t>(std::popcount(low_bits(block) ^ wanted)) * kMostBlocks + far;
    };
    const auto best = std::min_element(left.begin(), left.end(), [&](size_t one, size_t other) { return cost(one) < cost(other); });
    order.push_back(*best);
    left.erase(best);
  }
  return order;
}

/** Takes blocks until one begins a pool, so that no other of the class has room; null when none comes. */
char* begin_pool(size_t size) {
  for (size_t tries = 0; tries < 1 << 16; ++tries) {
    char* block = static_cast<char*>(py::api.PyObject_Malloc(size));
    if (block == nullptr) return nullptr;
    if ((reinterpret_cast<uintptr_t>(block) & (kPoolBytes - 1)) == kPoolHeaderBytes) return block;
  }
  return nullptr;
}

/** Has the next objects of a class placed in the order of the variant. */
void order_class(int variant, size_t size) {
  // The first block stays taken: a pool without any would be given back, and its order lost.
  if (begin_pool(size) == nullptr) return;
  const size_t count = std::min((kPoolBytes - kPoolHeaderBytes) / size - 1, kMostBlocks);
  std::vector<void*> blocks(count);
  for (void*& block : blocks) block = py::api.PyObject_Malloc(size);
  const std::vector<size_t> order = order_of_blocks(variant, size, count);
  // The allocator hands out first what was given back last.
  for (size_t i = count; i-- > 0;) py::api.PyObject_Free(blocks[order[i]]);
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
  for (size_t size = kGranuleBytes; size <= kLargestBytes; size += kGranuleBytes) {
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
  for (size_t size = kGranuleBytes; size <= kLargestBytes; size += kGranuleBytes) order_class(variant, size);
}

}  // namespace azr
