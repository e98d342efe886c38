// Opens a file of a model for reading its head. Used by safetensors.ts and gguf.ts.
import { closeSync, fstatSync, openSync, type Stats } from "node:fs";
import { AzrError } from "../errors.ts";

/** What `read` makes of the open file at `path`, which is closed again. Throws AZR_MODEL_NOT_FOUND when it cannot be opened, and what `read` throws. */
export function readModelFile<Result>(path: string, read: (descriptor: number, status: Stats) => Result): Result {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (cause) {
    throw new AzrError("AZR_MODEL_NOT_FOUND", `Cannot open ${path}: ${(cause as Error).message}`, { hint: "Check the path given as --model.", cause });
  }
  try {
    return read(descriptor, fstatSync(descriptor));
  } finally {
    closeSync(descriptor);
  }
}
