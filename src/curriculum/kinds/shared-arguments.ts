// The arguments that an input's text stands for, as one canonical text: what kinds compare inputs by.
import { isDeepStrictEqual } from "node:util";
import { parseValue } from "../../executor/value.ts";
import type { VerifyContext } from "./kind.ts";

/**
 * The canonical text of the tuple of arguments that an input stands for; null for one that has no such text, or names an argument.
 * @throws AzrError AZR_EXECUTOR_FAILED when the executor could not read it
 */
export async function argumentsOf(input: string, { executor, signal }: Pick<VerifyContext, "executor" | "signal">): Promise<string | null> {
  // Most inputs are plain values, which the grammar of canonical texts reads as Python does, without a child process. But it
  // believes that members and keys are named once.
  if (!input.includes("{") && isCanonical(`(${input},)`)) return `(${input},)`;
  const parsed = await executor.parse({ text: input, arguments: true, signal });
  return parsed.ok ? parsed.value : null;
}

function isCanonical(text: string): boolean {
  try {
    parseValue(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether two inputs stand for the same arguments: the same values of the same types (3 is not 3.0), whatever their spelling. Arguments by
 * name are never the same. Throws as `argumentsOf` does.
 */
export async function sameArguments(left: string, right: string, context: Pick<VerifyContext, "executor" | "signal">): Promise<boolean> {
  const [first, second] = await Promise.all([argumentsOf(left, context), argumentsOf(right, context)]);
  return first !== null && second !== null && isDeepStrictEqual(parseValue(first), parseValue(second));
}
