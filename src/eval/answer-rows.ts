// The right answers of an evaluation as rows for `azr sft`: rejection sampling, one step of STaR (arXiv 2203.14465). docs/curated-tasks.md has the recipe.
import { writeFile } from "node:fs/promises";
import type { Prompt } from "../curriculum/format.ts";
import { encodePrompt, type TextCodec } from "../curriculum/sample.ts";
import { AzrError } from "../errors.ts";
import { jsonlLine } from "../jsonl.ts";
import type { TaskOutcome } from "./evaluate.ts";

/** A line of the data of `azr sft`. */
export interface AnswerRow {
  prompt: string;
  response: string;
}

export interface AnswerRowOptions {
  codec: TextCodec;
  stopTokens: readonly number[];
  /** Most answers a task; different ones, in the order in which they were sampled, the greedy one last. */
  perTask: number;
}

/**
 * The rows of one task. Answers that the length limit cut off are left out, and so are prompts that hold a special token as text: in a row it would be
 * the token. The stop token is no part of a response, as `azr sft` adds its own.
 */
export function answerRows(prompt: Prompt, { samples, greedy }: TaskOutcome, { codec, stopTokens, perTask }: AnswerRowOptions): AnswerRow[] {
  const [asked, written] = [encodePrompt(codec, prompt).tokens, codec.encode(prompt.text, { begin: true })].map((tokens) => Array.from(tokens).join());
  if (asked !== written) return [];
  const ends = stopTokens.map((token) => codec.decode([token])).filter((text) => text !== "");
  const responses = [...samples, greedy].flatMap(({ verdict, text }) => {
    const end = verdict === "correct" ? ends.find((one) => text.endsWith(one)) : undefined;
    return end === undefined ? [] : [text.slice(0, -end.length)];
  });
  return [...new Set(responses)].slice(0, perTask).map((response) => ({ prompt: prompt.text, response }));
}

/** Writes rows to a file; none leave what is there as it is. Throws AZR_INPUT_INVALID when it cannot be written. */
export async function writeRows(path: string, rows: readonly AnswerRow[]): Promise<void> {
  try {
    await writeFile(path, rows.map(jsonlLine).join(""), { flag: rows.length === 0 ? "a" : "w" });
  } catch (cause) {
    throw new AzrError("AZR_INPUT_INVALID", `The rows cannot be written to ${path}.`, { hint: "Give --sft-out a path in a folder that you may write to.", cause });
  }
}
