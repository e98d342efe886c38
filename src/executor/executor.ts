// The Executor interface: runs model-written Python in a locked child process and answers with plain data.
// src/executor/open.ts gives the real one (supervisor, zygotes, seccomp); src/testing a scripted one.

/** Exactly one of these is the outcome of a run (see docs/executor.md). */
export type Outcome =
  | "ok"
  | "compile-error"
  | "runtime-error"
  | "time-limit"
  | "memory-limit"
  | "output-limit"
  | "unrepresentable"
  | "violation"
  | "bad-request"
  | "sandbox-error";

export interface RunOutcome {
  outcome: Outcome;
  /** Canonical value text of the result; only with `ok`. */
  value?: string;
  /** Name of the nearest builtin exception class; only with `compile-error` and `runtime-error`. */
  error?: string;
  /** What the exception or the executor said, at most 400 characters. Never used for a verdict. */
  message?: string;
  cpuMs: number;
  wallMs: number;
}

export interface Limits {
  cpuMs: number;
  /** A backstop: a run that is stopped by it without having had the processor for half of the time is not judged but tried again. */
  wallMs: number;
  memoryBytes: number;
  outputBytes: number;
  sourceBytes: number;
}

export interface RunRequest {
  /** Python source that defines `f`. */
  program: string;
  /** Argument texts, each as between the brackets of a call; literals only, parsed in the locked child, never evaluated. */
  inputs: string[];
  /**
   * `once`: zygote A runs each input in a fork of its own. `full` (proposals): then at least three variants that differ in
   * hash seed, address layout, clock and pid run all inputs again, each variant in one fork; any difference makes
   * `deterministic` false. `pair`: A and one variant (answers that are about to be scored correct).
   */
  determinism?: "once" | "pair" | "full";
  /**
   * `input` (default): zygote A runs each input in a fork of its own. `program`: all inputs in one fork, in order, under the limits of
   * all inputs together; several times faster, for programs that are known to be honest (a corpus that we wrote), or whose determinism
   * is checked too: each variant runs the inputs in another order, which a program that remembers is unlikely to survive.
   */
  isolation?: "input" | "program";
  /**
   * Values that the runs must give, one an input, for the check of determinism to be worth making: where A gives another value (by Python's
   * ==), the variants do not run and `deterministic` is null. Compared in this process; they never enter one that runs programs.
   */
  expected?: string[];
  /**
   * An exception counts as a result, by its class: where A's run ends with `runtime-error`, the variants run too, and `deterministic` says whether
   * each of them ended with the same `error`. Messages are not compared. Not with `expected`.
   */
  errors?: boolean;
  limits?: Partial<Limits>;
  /**
   * Changes of the limits for the variants' runs. With larger ones, a program whose value depends on where a limit lies (it catches its
   * MemoryError, say) shows as not deterministic.
   */
  variantLimits?: Partial<Limits>;
  signal?: AbortSignal;
}

/** What stood around a run; one object for all results of one life of the supervisor. */
export interface Provenance {
  /** Version of the Python that ran the program, as 3.11.7. */
  readonly python: string;
  /** Of the processor, as Node names it: the last digits of a few functions of `math` and `cmath` differ between x64 and arm64. */
  readonly architecture: string;
  /** Names of the layers of isolation in force, sorted; empty when nothing is isolated. */
  readonly layers: readonly string[];
}

export interface RunResult {
  /** One an input, from zygote A. */
  runs: RunOutcome[];
  /** False when any two executions of one input differed. Null with `once`, or when A's runs did not all end `ok` (as `expected`; with `errors`, or by an exception). */
  deterministic: boolean | null;
  provenance: Provenance;
}

export interface ParseRequest {
  /** Text of one literal, or with `arguments` of a call's arguments. */
  text: string;
  arguments?: boolean;
  signal?: AbortSignal;
}

/** Canonical value text (of a tuple of the arguments, with `arguments`), or why the text is not a literal. */
export type ParseResult = { ok: true; value: string } | { ok: false; message: string };

/** Where something stands in a program: line and column in characters, both from 1 on. */
export interface Place {
  line: number;
  column: number;
}

/** An import statement's module; each where it is first imported so. */
export interface ImportMention extends Place {
  /** Dotted name; dots in front for a relative import. */
  module: string;
  /** What `from` takes out of it; "*" for all. Empty for a plain import. */
  names: string[];
}

/** A name that no import statement of the program and no binding of its own brings in; each where it is first used in that form. */
export interface NameMention extends Place {
  /** A builtin, or any name with two underscores at both ends. */
  name: string;
  /** `name`: looked up by itself. `attribute`: of an object. `text`: a string that is nothing but the name, as getattr takes it. */
  form: "name" | "attribute" | "text";
}

/** A statement that gives the name `f` of the module another meaning. `def` is a plain one among the module's own statements. */
export interface EntryBinding extends Place {
  how: "def" | "async def" | "nested def" | "class" | "import" | "assignment" | "del";
}

export interface AnalyseResult {
  ok: boolean;
  /** Why not: syntax error, too deep, too long. Only when not ok. */
  message?: string;
  /** ast.dump-like text with local names renamed by order of appearance and docstrings dropped: equal for programs that differ in names, comments or spacing only. */
  normalised: string;
  /** Names bound by `def` anywhere, in order of appearance. */
  functions: string[];
  /** Where the module binds `f`, at most four places. A program with an entry function does so once, by `def`. */
  entry: EntryBinding[];
  imports: ImportMention[];
  names: NameMention[];
  /** Count of statements inside `f`. */
  statements: number;
}

/** A program, and those that it is held against. */
export interface MeasuredProgram {
  program: string;
  references: string[];
}

/** Measures of a program's text. */
export interface Measurement {
  /** Cognitive complexity of the module, as complexipy 1.2 counts it. */
  cognitive: number;
  /** Largest cyclomatic complexity of a function or class, as radon 6 counts it; 1 without any. */
  cyclomatic: number;
  /** Halstead's effort and volume of the module, as radon 6 counts them. */
  effort: number;
  volume: number;
  /** 0.5 min(effort / 10000, 1) + 0.3 min(cyclomatic / 10, 1) + 0.2 min(volume / 500, 1), to three digits. */
  halstead: number;
  /** Mean over the references of 1 - difflib's ratio of the syntax trees as text; null without any, or when that takes too many steps. */
  distance: number | null;
}

export interface ExecutorStats {
  /** Version of the Python that runs programs, as 3.11.7. */
  python: string;
  workers: number;
  runs: number;
  sandboxErrors: number;
  /** Layers of isolation by name: whether each is in force (docs/executor.md). Absent when nothing is isolated. */
  layers?: Record<string, boolean>;
  /** Wall seconds during which at least one request was in flight. */
  busySeconds: number;
}

/**
 * Requests may be issued concurrently; the executor bounds what is in flight. Methods reject with AZR_EXECUTOR_UNAVAILABLE (cannot
 * start: names the missing layer), AZR_EXECUTOR_FAILED (`sandbox-error` that survived its retries; never scored), AZR_DISPOSED, AZR_ABORTED.
 */
export interface Executor {
  run(request: RunRequest): Promise<RunResult>;
  /** Parses a literal in a locked child; nothing is evaluated. */
  parse(request: ParseRequest): Promise<ParseResult>;
  /** Parses a program to its syntax tree in a locked child; nothing is executed. */
  analyse(program: string): Promise<AnalyseResult>;
  /** Measures a batch of programs in one locked child, in their order; null for a program that does not parse. Nothing is executed. */
  measure(programs: readonly MeasuredProgram[]): Promise<(Measurement | null)[]>;
  stats(): ExecutorStats;
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
