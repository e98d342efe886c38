// `azr verify --jsonl F` as a library function: lines {"id","task","answer"} in, {"id","verdict","detail"} out, in order.
// A bad line becomes an error of that line and the next one follows; several lines are judged at a time.

import * as z from "zod";
import { AzrError } from "../errors.ts";
import { readJsonlAs, type JsonlLine, type JsonlSource } from "../jsonl.ts";
import { kindNamed } from "./kinds/registry.ts";
import type { VerifyContext } from "./kinds/kind.ts";
import { taskSchema } from "./task-schema.ts";
import type { Verdict } from "./task.ts";

const requestSchema = z.strictObject({ id: z.union([z.string(), z.number()]), task: taskSchema, answer: z.string() });

export type VerifyRequest = z.output<typeof requestSchema>;

export interface VerifyReply {
  id: string | number;
  verdict: Verdict;
  detail: string;
}

/**
 * Verdicts of the lines of a file, in order, `concurrency` (default 8) at a time. `answer` is the parsed answer: output text
 * for deduction, argument text for abduction, program for induction. A line whose request, kind or task is not valid gives
 * an `error`. Rejects for disposal, abort and an executor that cannot start.
 */
export async function* verifyJsonl(
  source: JsonlSource,
  context: VerifyContext,
  { concurrency = 8 }: { concurrency?: number } = {},
): AsyncGenerator<JsonlLine<VerifyReply>> {
  const pending: Promise<JsonlLine<VerifyReply>>[] = [];
  for await (const item of readJsonlAs(source, requestSchema)) {
    const reply = item.error === undefined ? judge(item.line, item.value, context) : Promise.resolve(item);
    // A rejection is met when its turn comes; until then it must not count as unhandled.
    reply.catch(() => {});
    pending.push(reply);
    if (pending.length >= concurrency) yield await pending.shift()!;
  }
  while (pending.length > 0) yield await pending.shift()!;
}

async function judge(line: number, { id, task, answer }: VerifyRequest, context: VerifyContext): Promise<JsonlLine<VerifyReply>> {
  try {
    const { verdict, detail } = await kindNamed(task.kind).verify(task, answer, context);
    return { line, value: { id, verdict, detail } };
  } catch (error) {
    if (AzrError.isInstance(error) && (error.code === "AZR_INPUT_INVALID" || error.code === "AZR_CONFIG_INVALID")) {
      return { line, error: error.message };
    }
    throw error;
  }
}
