// The programs that self-play may not propose: those of held-out task files, by the hash of their normalised syntax tree, so that a
// renamed or reformatted copy counts as the same program.
import { AzrError } from "../errors.ts";
import type { Executor } from "../executor/executor.ts";
import { mapBounded } from "./bounded.ts";
import { programHash } from "./kinds/shared-program.ts";
import { readTaskFile } from "./seed.ts";

/** Hashes of the programs in task files. Throws AZR_INPUT_INVALID for a file that cannot be read or a program that does not parse. */
export async function heldOutPrograms(paths: readonly string[], executor: Executor): Promise<Set<string>> {
  const hashes = new Set<string>();
  for (const path of paths) {
    const programs = [...new Set((await readTaskFile(path)).map(({ program }) => program))];
    const analysed = await mapBounded(programs, 64, (program) => executor.analyse(program));
    for (const [at, { ok, message, normalised }] of analysed.entries()) {
      if (!ok) {
        throw new AzrError("AZR_INPUT_INVALID", `${path} holds a program that does not parse: ${message ?? programs[at]}`, {
          hint: "Correct or remove that task; a program that cannot be named cannot be held out.",
        });
      }
      hashes.add(programHash(normalised));
    }
  }
  return hashes;
}
