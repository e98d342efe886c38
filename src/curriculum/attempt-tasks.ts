// Which tasks the solver answers for training alone. Runs that do not train on the difficulty rollouts: as many tasks a kind as there
// are proposals, one answer each, chosen as `curriculum.solverTasks` says. Runs that do may replay past tasks beside them, and replace those
// that teach nothing.
import type { Source } from "../events.ts";
import { createRandom, type Random } from "../random.ts";
import type { TaskKind } from "./kinds/kind.ts";
import { type AnswerOutcome, solverReward } from "./reward.ts";
import { encodePrompt, type EncodedPrompt } from "./sample.ts";
import type { Sequence, StepContext } from "./step-context.ts";
import { fits } from "./step-propose.ts";
import { solve } from "./step-solve.ts";
import type { Candidate } from "./task-buffer.ts";
import type { Task } from "./task.ts";

/** Tasks to train the solver of a kind on in this step; those accepted in it are not in the buffer yet. */
function chooseTasks({ config, buffers, step }: StepContext, kind: TaskKind, accepted: Candidate[]): Task[] {
  const { proposals: count, solverTasks } = config.curriculum;
  const random = createRandom(config.seed, step, "attempts", kind.name);
  const buffer = buffers.of(kind.name);
  if (solverTasks === "uniform" || solverTasks === "learnability") return buffer.sample(count, random, solverTasks, accepted);
  if (solverTasks === "newest") return [...accepted.map(({ task }) => task).reverse(), ...buffer.newest(count)].slice(0, count);
  // The paper's choice, or its code's: new tasks first, and what is missing from all.
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

/** Samples and judges one answer to each chosen task; `accepted` with what their difficulty rollouts say. */
export async function attemptTasks(context: StepContext, kind: TaskKind, accepted: Candidate[]): Promise<Sequence[]> {
  const tasks = posed(context, kind, chooseTasks(context, kind, accepted));
  return (await solve(context, { kind, tasks, samples: 1, purpose: "attempts" })).flat();
}

/**
 * Past tasks to answer again in this step, drawn as `curriculum.replaySampling` says. Since no program is accepted twice, new tasks soon leave the short
 * programs behind; without practice the model unlearns these.
 */
export function replayTasks(context: StepContext, kind: TaskKind): { task: Task; prompt: EncodedPrompt }[] {
  const { config, buffers, step } = context;
  const { replay, replaySampling } = config.curriculum;
  return posed(context, kind, buffers.of(kind.name).sample(replay, createRandom(config.seed, step, "replay", kind.name), replaySampling));
}

/** Marks the answers to each task; how many tasks have no spread: all their answers earn the same. */
function leaveOut({ config }: StepContext, answers: readonly Sequence[][]): number {
  return answers.filter((group) => {
    const rewards = group.map(({ outcome }) => solverReward(outcome as AnswerOutcome, config.curriculum.fidelity)).filter((reward) => reward !== null);
    const flat = rewards.every((reward) => reward === rewards[0]);
    for (const sequence of group) sequence.leftOut = flat;
    return flat;
  }).length;
}

/**
 * Dynamic sampling (DAPO, arXiv 2503.14476, section 3.2): tasks that are always or never solved have no gradient, so they are left out of the update,
 * and past tasks (or `others`) are answered in their place, in rounds, until as many have a spread or there are no more. Returns the new answers, one list a task.
 */
export async function redrawTasks(
  context: StepContext,
  kind: TaskKind,
  tasks: readonly { task: Task }[],
  answers: readonly Sequence[][],
  others?: { source: Source; sample(count: number, random: Random): Task[] },
): Promise<Sequence[][]> {
  const { config, step } = context;
  const stream = others === undefined ? "redraw" : `${others.source}-redraw`;
  const from = others ?? context.buffers.of(kind.name);
  const { dynamicSampling: rounds, rollouts } = config.curriculum;
  if (rounds === 0) return [];
  const random = createRandom(config.seed, step, stream, kind.name);
  const taken = new Set(tasks.map(({ task }) => task.id));
  const drawn: Sequence[][] = [];
  let missing = leaveOut(context, answers);
  for (let round = 1; round <= rounds && missing > 0; round++) {
    // Enough spare draws that those already answered can be skipped.
    const chosen = from.sample(taken.size + missing, random).filter(({ id }) => !taken.has(id)).slice(0, missing);
    if (chosen.length === 0) break;
    for (const { id } of chosen) taken.add(id);
    const more = await solve(context, { kind, tasks: posed(context, kind, chosen), samples: rollouts.n, purpose: `${stream}-${round}`, source: others?.source });
    drawn.push(...more);
    missing -= more.length - leaveOut(context, more);
  }
  return drawn;
}
