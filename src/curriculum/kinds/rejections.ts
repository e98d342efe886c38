// Why a proposal is not accepted: each reason by its name in events, metrics (`propose/KIND/rejected/NAME`) and rollouts, and what it means. The table in
// docs/task-kinds.md is made of this one.

export const rejectionReasons = {
  wrapper: "The response does not have the outer form of its format: tags, markers, the end",
  malformed: "The outer form is kept, but a block is missing that the proposal needs",
  "too-few-inputs": "Fewer inputs than asked for, or two that are equal values (`curriculum.induction.distinct`)",
  composite: "With `curriculum.composite`: it does not call the functions that it was given, uses their names otherwise, or adds nothing to them",
  "too-long": "Program, input, message or output is longer than `curriculum.validation` allows, or the prompt that would pose the task leaves no room for an answer",
  "bad-input": "An input is empty, is no list of literals, or its number of arguments differs from that of the others",
  banned: "It imports a module, uses a name or holds a word that `curriculum.validation` or `curriculum.error` bans",
  marker: "A text holds a marker or tag of the format, so that it could not be read back",
  syntax: "The program is not Python",
  "no-entry-function": "The module does not define `f` by exactly one `def`",
  "several-functions": "It defines more functions than one (`curriculum.validation.rejectSeveralFunctions`)",
  "held-out": "The program is one of `curriculum.heldOut`",
  duplicate: "The program, or the program with this input, is known, was proposed before in the step, or was removed (see below)",
  "runtime-error": "The call ended with an exception; for the kind `error`, the interpreter itself failed",
  "time-limit": "The call needed more time than a proposal may",
  "memory-limit": "The call needed more memory than a proposal may",
  "output-limit": "The text of the value is longer than a result may be",
  "too-costly": "The call ended well, but had used more than its share of the processor time (`curriculum.validation.headroom`)",
  unrepresentable: "The value is not plain data",
  violation: "The program made a system call that only an attack makes",
  nondeterministic: "Two executions differed, at once or, before the step was over, when answers were judged",
  "no-error": "Kind `error`: nothing is raised, and the step has enough such tasks (`curriculum.error.noError`)",
  "sandbox-error": "The executor itself failed: not the proposal's fault, so it leaves its group and is never scored",
} as const;

/** Why a proposal was not accepted. `sandbox-error` is our fault: such a proposal leaves its group and is never scored. */
export type RejectionReason = keyof typeof rejectionReasons;

/** The reasons as the table of docs/task-kinds.md. */
export function rejectionTable(): string {
  return ["| Reason | Means |", "|---|---|", ...Object.entries(rejectionReasons).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`)].join("\n");
}
