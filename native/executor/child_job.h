// What a locked child does with its task: run a program, parse a literal, analyse a program or measure several, and leave
// the results in the shared area.
//
// Ownership: borrows both areas. Thread: the only one. Teardown: the caller exits at once, nothing is freed.
#pragma once

#include "frame.h"
#include "messages.h"
#include "result_slot.h"

namespace azr {

/** Compiles, parses every input, executes, then calls `f` once an input; one record an input. */
void run_program(const Command& command, Reader task, SlotWriter& slot);

/** One record: canonical value text, or kBadRequest with the reason. */
void parse_text(const Command& command, Reader task, SlotWriter& slot);

/** Analyses or measures, as the command says: one record whose value is JSON, or kBadRequest when it does not fit. */
void answer_text(const Command& command, Reader task, SlotWriter& slot);

}  // namespace azr
