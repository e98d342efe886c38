// What a run begins with: its seed tasks, grown by the untrained model where that is asked for; and what is told where old tasks meet another Python.
import { growSeeds } from "../curriculum/grow-seeds.ts";
import { seedTasks } from "../curriculum/seed.ts";
import type { LoopContext } from "../curriculum/step-context.ts";
import type { Task } from "../curriculum/task.ts";
import { readSeeds } from "./seeds.ts";

/** Puts the seeds into the buffers; returns them, and what left again because it was contradicted. */
export async function plantSeeds(loop: LoopContext, signal: AbortSignal) {
  const { seedFile, seedTasks: wanted } = loop.config.curriculum;
  const given = seedFile === "" ? undefined : await readSeeds(seedFile);
  const { executor, settings, format, excludedPrograms } = loop;
  const accepted: { task: Task; key: string; programHash?: string }[] = [];
  // What makes two tasks the same is for given seeds what it is for proposals. The built-in one goes by its program alone.
  const inputsPerProgram = given === undefined ? 1 : loop.config.curriculum.inputsPerProgram;
  for (const kind of loop.kinds) accepted.push(...(await seedTasks(kind, { executor, settings, format, excludedPrograms, inputsPerProgram, signal }, given)));
  for (const { task, key } of accepted) loop.buffers.of(task.kind).add(task, key);
  if (wanted === 0) return { accepted, removals: [] };
  const grown = await growSeeds(loop, signal);
  return { accepted: [...accepted, ...grown.accepted], removals: grown.removals };
}

/** Results differ a little between versions: an answer to an old task may be judged by other values than those it was made with. */
export function warnOfOtherPythons({ executor, emit }: LoopContext, pythons: Set<string>): void {
  const { python } = executor.stats();
  const others = [...pythons].filter((version) => version !== python).sort();
  if (others.length === 0) return;
  const message = `Programs run on Python ${python} now, but tasks of this run were made with ${others.join(" and ")}; executor.python names the Python to use`;
  emit({ type: "warning", code: "PYTHON_CHANGED", message });
}
