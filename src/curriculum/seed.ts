// The tasks that a run starts from. By default one a kind, made from the identity function: all else is proposed by the model.
// Or tasks that the caller read from a file. Either way each is validated like a proposal, which also computes its outputs.

import { AzrError } from "../errors.ts";
import type { Format } from "./format.ts";
import type { Draft, TaskKind, ValidateContext } from "./kinds/kind.ts";
import type { CurriculumSettings } from "./settings.ts";
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

/** The built-in seed of a kind: the identity function with one input, or with as many as an induction task has. */
export function builtInSeed(kind: TaskKind, format: Format, settings: CurriculumSettings): Draft {
  const { program, input, inputs, message } = identities[format.messages ? "prose" : "compact"];
  if (kind.needsReferences === "tasks") return { program, inputs: [input] };
  const more = Array.from({ length: Math.max(0, settings.induction.inputs - inputs.length) }, (_, at) => String(100 + at));
  return { program, inputs: [...inputs, ...more].slice(0, settings.induction.inputs), ...(message === undefined ? {} : { message }) };
}

/**
 * The seed tasks of one kind, ready for its buffer: the built-in one, or those of that kind among `tasks`.
 * Throws AZR_INPUT_INVALID when a seed is not valid, saying why, and AZR_EXECUTOR_FAILED when that could not be found out.
 */
export async function seedTasks(kind: TaskKind, context: ValidateContext & { format: Format }, tasks?: readonly Task[]): Promise<StoredTask[]> {
  const seeds =
    tasks === undefined
      ? [{ id: taskId(0, kind.letter, 0), draft: builtInSeed(kind, context.format, context.settings) }]
      : tasks.filter((task) => task.kind === kind.name).map((task) => ({ id: task.id, draft: draftOf(task) }));
  const { python } = context.executor.stats();
  const stored: StoredTask[] = [];
  for (const { id, draft } of seeds) {
    const result = await kind.validate(draft, context);
    if (!result.ok) {
      const code = result.reason === "sandbox-error" ? "AZR_EXECUTOR_FAILED" : "AZR_INPUT_INVALID";
      throw new AzrError(code, `The seed task ${id} is not valid (${result.reason}): ${result.detail}.`, {
        hint: code === "AZR_EXECUTOR_FAILED" ? "Run `npx azr doctor`." : "Correct or remove it in the file of seed tasks.",
      });
    }
    stored.push({ task: { id, ...result.task, origin: { step: 0, parents: [], seed: true, python } }, key: result.key });
  }
  return stored;
}

/** What a proposer would have written to get this task. */
function draftOf({ program, input, pairs, message }: Task): Draft {
  const inputs = pairs?.map((pair) => pair.input) ?? (input === undefined ? [] : [input]);
  return { program, inputs, ...(message === undefined ? {} : { message }) };
}
