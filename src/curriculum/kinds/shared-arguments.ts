// The arguments that an input's text stands for, as one canonical text: what kinds compare inputs by.
import { parseValue } from "../../executor/value.ts";
import type { ValidateContext } from "./kind.ts";

/**
 * The canonical text of the tuple of arguments that an input stands for; null for one that has no such text, or names an argument.
 * @throws AzrError AZR_EXECUTOR_FAILED when the executor could not read it
 */
export async function argumentsOf(input: string, { executor, signal }: ValidateContext): Promise<string | null> {
  // Most inputs are one plain value, which the grammar of canonical texts reads as Python does, without a child process. But it
  // believes that members and keys are named once.
  if (!input.includes("{") && isCanonical(input)) return `(${input},)`;
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
