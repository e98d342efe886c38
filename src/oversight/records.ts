// A step's sequences as the records that monitors see: plain data, in the order of the groups.
import type { Group } from "../curriculum/step-context.ts";
import type { WatchedRollout } from "./monitor.ts";

const thoughtEnd = "</think>";

/** What stands before the answer, in formats that think; the whole response in others. */
function thoughtOf(response: string): string {
  const end = response.indexOf(thoughtEnd);
  return end === -1 ? response : response.slice(0, end);
}

export function watchedRollouts(groups: readonly Group[]): WatchedRollout[] {
  return groups.flatMap(({ role, kind, sequences }) =>
    sequences.map(({ task, index, prompt, completion, answer, outcome, detail }) => ({
      role,
      kind: kind.name,
      task,
      index,
      prompt: prompt.text,
      response: completion.text,
      thought: thoughtOf(completion.text),
      answer,
      outcome,
      detail,
      tokens: completion.tokens.length,
    })),
  );
}
