// Lays the heaps of a zygote out so that they fill large pages: a fork copies the page table of a large page as one entry.
//
// Ownership: the area of arenas stays for the life of the process. Thread: the only one. Teardown: none.
// Everything here is best effort: what the kernel refuses costs time and changes nothing else.
#pragma once

#include <cstddef>
#include <cstdint>

namespace azr {

/**
 * What the 512 entries of one page table cover where pages have 4 KiB. arm64 kernels with pages of 16 or 64 KiB have large ones of 32 and
 * 512 MiB, which no heap fills: there the heaps are only moved, and stay as they are.
 */
inline constexpr uintptr_t kLargePageBytes = 2u << 20;

/** When the library is preloaded, before the interpreter has a heap: the C heap goes to the start of a large page, and `shift` further. */
void align_c_heap(size_t shift);

/** At the same time: the interpreter takes its arenas, one after the other, from an area that begins `shift` after such a start. */
void align_arenas(size_t shift);

/** After the warm-up: arenas come from anywhere again, and what the heaps hold is put into large pages. */
void use_large_pages();

}  // namespace azr
