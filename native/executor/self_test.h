// Proves inside locked children that forbidden calls really are stopped. The supervisor runs every probe on each zygote
// before it serves anybody.
//
// Ownership: none. Thread: the only one. Teardown: the child exits or is killed.
#pragma once

#include <cstdint>

#include "result_slot.h"

namespace azr {

/** Probe 0 tries everything that must fail softly; each later one must get its child killed. */
inline constexpr uint32_t kProbeCount = 5;

const char* probe_name(uint32_t probe);

/** Leaves one record, kOk when every soft probe was refused, else kBadRequest naming the first that was not. */
void run_probe(uint32_t probe, SlotWriter& slot);

}  // namespace azr
