// Lets forked children inherit the page table entries of program text and constants.
//
// A fork copies no entries of a private file mapping that never had a private page, so that every child would fault its
// way through the interpreter's code again. One written page makes the kernel copy them.
// Ownership: none. Thread: the only one, before write-and-execute is forbidden. Teardown: none.
#pragma once

namespace azr {

/** Best effort: mappings that refuse stay as they are. */
void inherit_page_tables();

}  // namespace azr
