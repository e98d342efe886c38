// Opens the files of a model: for reading the head of weights (safetensors.ts, gguf.ts), and whole for the small ones that hold text (config,
// index, tokenizer, template). A name in a model's folder may be anything: a pipe that nobody writes to, a device without end.
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from "node:fs";
import { AzrError } from "../errors.ts";

/** Far above any tokenizer.json, the longest of these files. */
const longestText = 1 << 26;

/** Opens a file without waiting: opening a pipe would last until somebody writes to it. Throws the system's error. */
export function openAtOnce(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/**
 * What `read` makes of the open file at `path`, which is closed again.
 * @throws AzrError AZR_MODEL_NOT_FOUND when it cannot be opened, AZR_MODEL_FORMAT when the system cannot read it, and what `read` throws
 */
export function readModelFile<Result>(path: string, read: (descriptor: number, status: Stats) => Result): Result {
  let descriptor: number;
  try {
    descriptor = openAtOnce(path);
  } catch (cause) {
    throw new AzrError("AZR_MODEL_NOT_FOUND", `Cannot open ${path}: ${(cause as Error).message}`, { hint: "Check the path given as --model.", cause });
  }
  try {
    return read(descriptor, fstatSync(descriptor));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new AzrError("AZR_MODEL_FORMAT", `Cannot read ${path}: ${(cause as Error).message}`, { hint: "Check the disk, or copy the model again.", cause });
  } finally {
    closeSync(descriptor);
  }
}

/** The text in a file. Throws a plain Error, for the caller to say what the file is for, when there is no such file or it cannot be one of a model. */
export function readModelText(path: string): string {
  const descriptor = openAtOnce(path);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new Error("it is no regular file");
    if (status.size > longestText) throw new Error(`it is ${status.size} bytes long; more than ${longestText} are refused`);
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}
