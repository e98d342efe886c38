// One task buffer for each kind of a run, and what spans them: is a task known, and which past program may a new task
// build on. State is plain data for the checkpoint.

import { AzrError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { TaskKind } from "./kinds/kind.ts";
import { createTaskBuffer, weightedSample, type TaskBuffer, type TaskBufferState, type Weighting } from "./task-buffer.ts";
import type { Task } from "./task.ts";

export interface TaskBuffers {
  /** The buffer of a kind. Throws AZR_INTERNAL for a kind that the run does not have. */
  of(kind: string): TaskBuffer;
  /** Appends to the buffer of the task's kind. */
  add(task: Task, key: string): void;
  /** Whether any buffer ever held a task with this key: deduction and abduction share program hashes as keys. */
  isKnown(key: string): boolean;
  /** `TaskBuffer.sample` of a kind. */
  sample(kind: string, count: number, random: Random, weighting?: Weighting): Task[];
  /** A task whose program a new task may build on, out of all kinds that supply programs; undefined while there is none. */
  sampleProgram(random: Random, weighting?: Weighting): Task | undefined;
  getState(): Record<string, TaskBufferState>;
  setState(state: Record<string, TaskBufferState>): void;
}

/** Empty buffers for these kinds. */
export function createTaskBuffers(kinds: readonly TaskKind[], capacity: number): TaskBuffers {
  const buffers = new Map(kinds.map((kind) => [kind.name, createTaskBuffer(capacity)]));
  const suppliers = kinds.filter((kind) => kind.suppliesPrograms);

  function of(kind: string): TaskBuffer {
    const buffer = buffers.get(kind);
    if (buffer === undefined) throw new AzrError("AZR_INTERNAL", `This run has no buffer for tasks of kind "${kind}".`);
    return buffer;
  }

  function sampleProgram(random: Random, weighting: Weighting = "uniform"): Task | undefined {
    // A run of induction alone builds on the programs of its own tasks.
    const sources = (suppliers.length > 0 ? suppliers : kinds).map((kind) => of(kind.name)).filter((source) => source.size > 0);
    if (weighting === "recent") {
      const tasks = sources.flatMap((source) => Array.from({ length: source.size }, (_, index) => source.at(index)));
      return weightedSample(tasks, 1, random)[0];
    }
    const total = sources.reduce((sum, source) => sum + source.size, 0);
    let index = total === 0 ? 0 : random.integer(total);
    for (const source of sources) {
      if (index < source.size) return source.at(index);
      index -= source.size;
    }
    return undefined;
  }

  return {
    of,
    add: (task, key) => of(task.kind).add(task, key),
    isKnown: (key) => [...buffers.values()].some((buffer) => buffer.knows(key)),
    sample: (kind, count, random, weighting) => of(kind).sample(count, random, weighting),
    sampleProgram,
    getState: () => Object.fromEntries([...buffers].map(([kind, buffer]) => [kind, buffer.getState()])),
    setState(state) {
      for (const [kind, buffer] of buffers) buffer.setState(state[kind] ?? { tasks: [], formerKeys: [] });
    },
  };
}
