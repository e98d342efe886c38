// Every failure a user can meet leaves the package as an AzrError: a stable code, a sentence that says what failed,
// a hint that says what to do next. Native code sends the same codes; nothing else in src/ defines an error class.

/** Stable codes, with the exit code that the command line gives for each. */
export const errorExitCodes = {
  AZR_CONFIG_INVALID: 2,
  AZR_CONFIG_NOT_FOUND: 2,
  AZR_INPUT_INVALID: 2,
  AZR_TORCH_NOT_FOUND: 3,
  AZR_TORCH_VERSION: 3,
  AZR_ADDON_BUILD_FAILED: 3,
  AZR_ADDON_LOAD_FAILED: 3,
  AZR_DEVICE_UNAVAILABLE: 4,
  AZR_OUT_OF_MEMORY: 4,
  AZR_MODEL_NOT_FOUND: 5,
  AZR_MODEL_FORMAT: 5,
  AZR_DOWNLOAD_FAILED: 5,
  AZR_TOKENIZER_FORMAT: 5,
  AZR_CHECKPOINT_CORRUPT: 5,
  AZR_CHECKPOINT_INCOMPATIBLE: 5,
  AZR_RUN_FOLDER: 5,
  AZR_AUDIT_CORRUPT: 5,
  AZR_EXECUTOR_UNAVAILABLE: 6,
  AZR_EXECUTOR_FAILED: 6,
  AZR_NUMERICS: 7,
  AZR_PARITY: 7,
  AZR_OVERSIGHT: 8,
  AZR_REVIEW_NEEDED: 9,
  AZR_DISPOSED: 70,
  AZR_ABORTED: 130,
  AZR_INTERNAL: 70,
} as const;

export type AzrErrorCode = keyof typeof errorExitCodes;

const marker = Symbol.for("absolute-zero.error");

export interface AzrErrorOptions {
  /** What the reader should do next: a command or a setting. */
  hint?: string;
  /** Plain data for programs: paths, sizes, offending values. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

// Messages quote what files hold, and a damaged one may hold a name of megabytes: of such a message the beginning and the end tell enough.
const longestMessage = 1500;
const shortened = (message: string): string => (message.length <= longestMessage ? message : `${message.slice(0, 1000)} [...] ${message.slice(-300)}`);

/** The only error class of the package. Compare `code`, never the text of `message`. */
export class AzrError extends Error {
  readonly code: AzrErrorCode;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: AzrErrorCode, message: string, options: AzrErrorOptions = {}) {
    super(shortened(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
    Object.defineProperty(this, marker, { value: true });
  }

  /** True for errors of this package, even when two copies of it are loaded. */
  static isInstance(value: unknown): value is AzrError {
    return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[marker] === true;
  }

  /** The exit code of the command line for this error. */
  get exitCode(): number {
    return errorExitCodes[this.code];
  }
}
Object.defineProperty(AzrError.prototype, "name", { value: "AzrError", configurable: true, writable: true });
