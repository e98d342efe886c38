// The tasks that a run starts from. By default one a kind, made from the identity function: all else is proposed by the model.
// Or tasks that the caller read from a file or another run (src/run/seeds.ts). Either way each is validated like a proposal, which also computes its outputs.

import { AzrError } from "../errors.ts";
import { helperCount } from "./composite.ts";
import type { Format } from "./format.ts";
import { mapBounded } from "./bounded.ts";
import type { Draft, TaskKind, ValidateContext, Validation } from "./kinds/kind.ts";
import type { CurriculumSettings } from "./settings.ts";
import { executorRequests } from "./step-propose.ts";
import { taskId, type StoredTask } from "./task-buffer.ts";
import type { Task } from "./task.ts";

export { readTaskFile } from "./task-file.ts";

interface Identity {
  program: string;
  input: string;
  /** For induction; the first `inputs` of them are used. */
  inputs: string[];
  message?: string;
}

/** The seedling knows numbers and lists of numbers; larger models start from the string of the paper. */
const identities: Record<"compact" | "prose", Identity> = {
  compact: {
    program: "def f(a):\n    return a",
    input: "[1, 2, 3]",
    inputs: ["[1, 2, 3]", "[4]", "[5, 9]", "[7, 2, 2, 8]", "[6, 1, 0]", "[3, 3]", "[10, 20]", "[8, 5, 4]", "[0]", "[12, 11]"],
  },
  prose: {
    program: "def f(x):\n    return x",
    input: "'Hello world'",
    inputs: ["'Hello world'", "1", "{'a': 1, 'b': 2}", "(1.1, 1.2, 1.3)", "'[[1, 0], [0, 1]]'", "1001101100010001", "[]", "None", "-7.5", "['x', 'y']"],
    message: "What comes out is not far from what goes in.",
  },
};

/** The built-in seed of a kind: its own, or else the identity function with one input, or with as many as an induction task has. */
export function builtInSeed(kind: TaskKind, format: Format, settings: CurriculumSettings): Draft {
  if (kind.seed !== undefined) return kind.seed(format, settings);
  const { program, input, inputs, message } = identities[format.messages ? "prose" : "compact"];
  if (kind.needsReferences === "tasks") return { program, inputs: [input] };
  const more = Array.from({ length: Math.max(0, settings.induction.inputs - inputs.length) }, (_, at) => String(100 + at));
  return { program, inputs: [...inputs, ...more].slice(0, settings.induction.inputs), ...(message === undefined ? {} : { message }) };
}

/** Ids for tasks that become seeds: their own, unless a step of this run might give it to a task. */
function seedIds(tasks: readonly Task[], letter: string): string[] {
  const highest = Math.max(-1, ...tasks.map(({ id }) => seedNumber(id)));
  let more = 0;
  return tasks.map(({ id }) => (/^t-[1-9]\d*-[a-z]+-\d+$/.test(id) ? taskId(0, letter, highest + ++more) : id));
}

/** The n of a seed's id `t-0-LETTER-n`; -1 for other ids. */
export const seedNumber = (id: string): number => Number(/^t-0-[a-z]+-(\d+)$/.exec(id)?.[1] ?? -1);

/** How many invalid seeds an error names. */
const named = 3;

/**
 * The seed tasks of one kind, ready for its buffer: the built-in one, or those of that kind among `tasks`.
 * Throws AZR_INPUT_INVALID when seeds are not valid, saying why, and AZR_EXECUTOR_FAILED when that could not be found out.
 */
export async function seedTasks(kind: TaskKind, context: ValidateContext & { format: Format }, tasks?: readonly Task[]): Promise<StoredTask[]> {
  const seeds =
    tasks === undefined
      ? [{ id: taskId(0, kind.letter, 0), draft: builtInSeed(kind, context.format, context.settings) }]
      : seedsOf(kind, tasks);
  const { python } = context.executor.stats();
  const validated = await mapBounded(seeds, executorRequests, async ({ id, draft }) => ({ id, result: withHiddenPairs(await kind.validate(draft, context)) }));
  const stored: StoredTask[] = [];
  const faults: { reason: string; text: string }[] = [];
  for (const { id, result } of validated) {
    if (result.ok) stored.push({ task: { id, ...result.task, origin: { step: 0, parents: [], seed: true, python } }, key: result.key });
    else faults.push({ reason: result.reason, text: `The seed task ${id} is not valid (${result.reason}): ${result.detail}` });
  }
  if (faults.length === 0) return stored;
  const failed = faults.find(({ reason }) => reason === "sandbox-error");
  if (failed !== undefined) throw new AzrError("AZR_EXECUTOR_FAILED", `${failed.text}.`, { hint: "Run `npx azr doctor`." });
  const more = faults.length > named ? `; and ${faults.length - named} more of ${seeds.length}` : "";
  throw new AzrError("AZR_INPUT_INVALID", `${faults.slice(0, named).map(({ text }) => text).join("; ")}${more}.`, {
    hint: "Correct them or remove them in the file of seed tasks; they are checked by this run's curriculum.validation, induction and executor.limits.",
  });
}

function seedsOf(kind: TaskKind, tasks: readonly Task[]): { id: string; draft: Draft }[] {
  const own = tasks.filter((task) => task.kind === kind.name);
  const ids = seedIds(own, kind.letter);
  return own.map((task, at) => ({ id: ids[at]!, draft: draftOf(task) }));
}

/** Seeds of a run with other settings may have too few pairs for some to stay hidden. */
function withHiddenPairs(result: Validation): Validation {
  if (!result.ok || result.task.pairs === undefined || result.task.pairs.length > (result.task.shown ?? 0)) return result;
  return { ok: false, reason: "too-few-inputs", detail: `${result.task.pairs.length} pairs, of which curriculum.induction.shown=${result.task.shown} would be shown` };
}

/** What a proposer would have written to get this task. */
function draftOf({ program, input, pairs, message }: Task): Draft {
  const inputs = pairs?.map((pair) => pair.input) ?? (input === undefined ? [] : [input]);
  const helpers = helperCount(program);
  return { program, inputs, ...(message === undefined ? {} : { message }), ...(helpers === 0 ? {} : { helpers }) };
}
