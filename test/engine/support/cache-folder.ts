// Where tests keep what they fetched, outside of the repository.
import { mkdirSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

/** The folder, made when there is none yet. Throws when there is no place for it. */
export function cacheFolder(): string {
  for (const base of [process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), tmpdir()]) {
    const folder = join(base, "absolute-zero-tests");
    try {
      mkdirSync(folder, { recursive: true });
      return folder;
    } catch {
      // a home that cannot be written: the next one
    }
  }
  throw new Error("there is no folder to keep it in");
}
