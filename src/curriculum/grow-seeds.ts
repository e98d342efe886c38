// Before step 1, for runs that ask for it (`curriculum.seedTasks`): the untrained model proposes, conditioned on the seeds so far, until
// each buffer holds the number of tasks asked for. Nothing is solved or trained. Kinds that bring programs grow first, as others
// build on theirs (arXiv 2505.03335, appendix: B x S seeds).
import { contradictions, findings, type Removal, removeContradicted } from "./contradictions.ts";
import { seedNumber } from "./seed.ts";
import { forEachKind, proposeAll } from "./step.ts";
import { type AcceptedTask, type LoopContext, stepContext } from "./step-context.ts";

/** Passes without a single new task before growing is given up. */
const patience = 5;

/**
 * Grows the buffers and returns the new tasks in the order in which they were added, and what left again because its program turned out to be
 * no function. Ends early, with a warning, when the model brings nothing new for several passes.
 */
export async function growSeeds(loop: LoopContext, signal?: AbortSignal): Promise<{ accepted: AcceptedTask[]; removals: Removal[] }> {
  const { seedTasks, proposals } = loop.config.curriculum;
  const grown: AcceptedTask[] = [];
  const removals: Removal[] = [];
  const firstId = 1 + highestNumber(loop);
  for (const supplies of [true, false]) {
    const kinds = loop.kinds.filter((kind) => kind.suppliesPrograms === supplies);
    let fruitless = 0;
    for (let pass = 1; ; pass++) {
      const lacking = kinds.filter(({ name }) => loop.buffers.of(name).size < seedTasks);
      if (lacking.length === 0) break;
      const { accepted, found } = await onePass({ ...loop, kinds: lacking }, { pass, firstId: firstId + (pass - 1) * proposals }, signal);
      const before = grown.length;
      for (const one of accepted) {
        const buffer = loop.buffers.of(one.task.kind);
        if (buffer.size >= seedTasks) continue;
        buffer.add(one.task, one.key);
        grown.push(one);
      }
      const removed = removeContradicted(contradictions(found, loop.buffers, []), loop.buffers);
      for (const removal of removed) loop.emit({ type: "task-contradicted", ...removal });
      removals.push(...removed);
      fruitless = grown.length === before ? fruitless + 1 : 0;
      if (fruitless === patience) {
        const names = lacking.map(({ name }) => `${loop.buffers.of(name).size} of kind ${name}`).join(", ");
        loop.emit({ type: "warning", code: "SEEDS_FEW", message: `Wanted ${seedTasks} seed tasks a kind, but the model stopped finding new ones: ${names}` });
        break;
      }
    }
  }
  return { accepted: grown, removals };
}

/** The largest number among the ids of the seeds that are there. */
function highestNumber({ kinds, buffers }: LoopContext): number {
  let highest = 0;
  for (const { name } of kinds) {
    const buffer = buffers.of(name);
    for (let index = 0; index < buffer.size; index++) highest = Math.max(highest, seedNumber(buffer.at(index).id));
  }
  return highest;
}

async function onePass(loop: LoopContext, { pass, firstId }: { pass: number; firstId: number }, signal: AbortSignal | undefined) {
  const { proposals: count } = loop.config.curriculum;
  const kinds = await forEachKind(signal, (both) =>
    // Step 0; the pass makes the random streams and the task ids differ.
    proposeAll(stepContext(loop, 0, both), { labels: ["seed", pass], count, firstId }, async (_at, proposals, accepted) => ({ accepted, found: findings(proposals, []) })),
  );
  return {
    accepted: kinds.flatMap(({ accepted }) => accepted).map(({ task, key, programHash }) => ({ task, key, programHash })),
    found: kinds.flatMap(({ found }) => found),
  };
}
