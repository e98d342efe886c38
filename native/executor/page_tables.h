// Makes a fork cheap: its cost is the page table entries that it copies, and gives back when the child ends.
//
// Both measures are best effort: a kernel that refuses one leaves a zygote that is right and slower.
// Ownership: none. Thread: the only one, before write-and-execute is forbidden. Teardown: none.
#pragma once

namespace azr {

/**
 * Children inherit the entries of program text and constants. A fork copies no entries of a private file mapping that never had
 * a private page, so that every child would fault its way through the interpreter's code again. One written page makes the kernel copy them.
 */
void inherit_page_tables();

/**
 * ... but only those that a child uses: `rehearse` runs in a child that has none, and what it did not need is dropped here too.
 * A child that needs more faults it in.
 */
void keep_warm_pages(void (*rehearse)());

}  // namespace azr
