// Which programs may be trained on. The rule works on the hash of the normalised syntax tree (programHash), so a program
// keeps its side when it is renamed, commented or reformatted. scripts/pretrain and the loop obey it; test/pretrain proves it.
import { AzrError } from "../errors.ts";

/** `held-out` programs are only reported on, `validation` programs choose recipes, `train` programs are free to use. */
export type Split = "held-out" | "validation" | "train";

const parts = 8;

/**
 * The side of a program: its hash mod 8 is 0 for held-out, 1 for validation, anything else for training.
 * Programs of one statement are always for training: there are too few of them to hold any out.
 * @param hash hexadecimal programHash of the normalised program
 * @param statements statements inside `f` (AnalyseResult.statements)
 * @throws AzrError AZR_INPUT_INVALID for a hash that is not hexadecimal
 */
export function splitOfProgram(hash: string, statements = Infinity): Split {
  if (!/^[0-9a-f]+$/i.test(hash)) throw new AzrError("AZR_INPUT_INVALID", `${JSON.stringify(hash)} is not a program hash.`);
  if (statements < 2) return "train";
  // 16 is a multiple of 8, so the last digit decides.
  const part = Number.parseInt(hash.at(-1)!, 16) % parts;
  return part === 0 ? "held-out" : part === 1 ? "validation" : "train";
}
