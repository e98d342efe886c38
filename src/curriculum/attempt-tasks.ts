// Which tasks the solver answers for training alone. Runs that do not train on the difficulty rollouts: as many tasks a kind as there
// are proposals, one answer each; new tasks come first (of this step, as the paper has it, or of the one before, as the authors'
// code does), and what is missing is drawn from the buffer. Runs that do may replay past tasks beside them.
import { createRandom } from "../random.ts";
import type { TaskKind } from "./kinds/kind.ts";
import { encodePrompt, type EncodedPrompt } from "./sample.ts";
import type { Sequence, StepContext } from "./step-context.ts";
import { fits } from "./step-propose.ts";
import { solve } from "./step-solve.ts";
import type { Task } from "./task.ts";

/** Tasks to train the solver of a kind on in this step. */
function chooseTasks({ config, buffers, step }: StepContext, kind: TaskKind, accepted: { task: Task }[]): Task[] {
  const { proposals: count, solverTasks } = config.curriculum;
  const random = createRandom(config.seed, step, "attempts", kind.name);
  const buffer = buffers.of(kind.name);
  const fresh = solverTasks === "this-step" ? accepted.map(({ task }) => task) : buffer.since(step - 1);
  const chosen = random.sample(fresh, count);
  const taken = new Set(chosen.map(({ id }) => id));
  // Enough spare draws that those already chosen can be skipped.
  const spare = buffer.sample(count, random).filter(({ id }) => !taken.has(id));
  return [...chosen, ...spare].slice(0, count);
}

function posed(context: StepContext, kind: TaskKind, tasks: Task[]): { task: Task; prompt: EncodedPrompt }[] {
  return tasks
    .map((task) => ({ task, prompt: encodePrompt(context.codec, kind.buildSolutionPrompt(task, context.format)) }))
    .filter(({ prompt }) => fits(context, prompt, context.config.generation.maxTokens.solve));
}

/** Samples and judges one answer to each chosen task. */
export async function attemptTasks(context: StepContext, kind: TaskKind, accepted: { task: Task }[]): Promise<Sequence[]> {
  const tasks = posed(context, kind, chooseTasks(context, kind, accepted));
  return (await solve(context, { kind, tasks, samples: 1, purpose: "attempts" })).flat();
}

/**
 * Past tasks to answer again in this step, drawn uniformly. Since no program is accepted twice, new tasks soon leave the short
 * programs behind; without practice the model unlearns these.
 */
export function replayTasks(context: StepContext, kind: TaskKind): { task: Task; prompt: EncodedPrompt }[] {
  const { config, buffers, step } = context;
  return posed(context, kind, buffers.of(kind.name).sample(config.curriculum.replay, createRandom(config.seed, step, "replay", kind.name)));
}
