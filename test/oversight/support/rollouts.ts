// Rollouts for the tests of the rules, made by hand.
import type { Task } from "../../../src/curriculum/task.ts";
import type { WatchedRollout } from "../../../src/oversight/monitor.ts";

/** An ordinary answer to a deduction task, with what is given in its place. */
export function rollout(fields: Partial<WatchedRollout> = {}): WatchedRollout {
  const response = fields.response ?? "3<|end|>";
  return { role: "solve", kind: "deduction", task: undefined, index: 0, prompt: "", response, thought: response, answer: "3", outcome: "correct", detail: "", tokens: 2, ...fields };
}

export const task = (id: string, fields: Partial<Task> = {}): Task => ({ id, kind: "deduction", program: `def f(a):\n    return a + ${id.length}`, input: "1", output: "3", origin: { step: 1, parents: [] }, ...fields });
