// Gives each variant its own, repeatable placement of objects in memory, so that results which depend on addresses differ
// between variants and repeat within one. address_shift.h moves whole areas; this moves objects within them.
//
// Ownership: what it allocates stays for the life of the process. Thread: the only one. Teardown: none.
#pragma once

namespace azr {

/** Before the warm-up: puts a variant's own number of blocks of every size in front of everything that comes. */
void shift_blocks(int variant);

/** After it, and after the last collection: chooses the order in which small blocks are handed out. */
void perturb_heap(int variant);

}  // namespace azr
