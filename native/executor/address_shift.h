// How far apart the variants' address spaces lie, while the kernel's own randomisation is off.
//
// The kernel puts the area of mappings below the room that it keeps for the stack, so the stack limit at the time of exec
// moves every library and every heap arena of a process. All steps are pages, because what is mapped begins at the start of one.
// Ownership: constants. Thread: any. Teardown: none.
#pragma once

#include <cstdint>

#include "page_map.h"

namespace azr {

/** What programs get as stack, whatever the host gives its own processes. */
inline constexpr uint64_t kProgramStackBytes = 8u << 20;

/**
 * Soft stack limit under which a variant is started, in bytes. Above 128 MiB, the least room that x86-64 and arm64 keep. The
 * steps are odd numbers of pages, so that addresses differ in their low digits too, not only by whole arenas.
 */
inline uint64_t stack_room_bytes(int variant) {
  return (128ull << 20) + static_cast<uint64_t>(variant + 1) * 6151 * page_bytes();
}

/** Bytes by which the first arena of a variant's objects lies lower. */
inline uint64_t arena_shift_bytes(int variant) { return static_cast<uint64_t>(variant) * 29 * page_bytes(); }

/** Bytes by which a variant's C heap starts later. */
inline uint64_t heap_shift_bytes(int variant) { return static_cast<uint64_t>(variant) * 17 * page_bytes(); }

}  // namespace azr
