// The Task record: one line of tasks.jsonl, of the held-out files and of `azr verify` requests.

export interface Pair {
  /** Text of the call's arguments. */
  input: string;
  /** Canonical value text of the result. */
  output: string;
}

export interface Task {
  id: string;
  /** Name of a registered kind: `deduction`, `abduction`, `induction`, `error` or one that a user added. */
  kind: string;
  program: string;
  input?: string;
  output?: string;
  /** Error prediction: the class of the exception that the call ends with, by the nearest builtin one, or `NoError`. */
  error?: string;
  /** Induction: all input/output pairs; the first `shown` are shown to the solver, the rest are hidden. */
  pairs?: Pair[];
  shown?: number;
  message?: string;
  /** Where it came from: its step, the tasks that its proposer was shown, and the version of the Python that validated it, where that is known. */
  origin: { step: number; parents: string[]; seed?: true; python?: string };
}

/** `undecided` only when the executor itself failed; such an answer is never scored. */
export type Verdict = "correct" | "wrong" | "malformed" | "undecided";
