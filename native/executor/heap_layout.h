// Gives each variant its own, repeatable placement of objects in memory, so that results which depend on addresses differ
// between variants and repeat within one.
//
// Ownership: what it allocates stays for the life of the process. Thread: the only one. Teardown: none.
#pragma once

namespace azr {

/** Shifts the heaps by a variant's own amounts and changes the order in which small blocks are handed out. */
void perturb_heap(int variant);

}  // namespace azr
