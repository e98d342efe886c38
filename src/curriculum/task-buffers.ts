// One task buffer for each kind of a run, and what spans them: is a task known, which past program may a new task build on, and
// which tasks descend from which. State is plain data.

import { AzrError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { TaskKind } from "./kinds/kind.ts";
import { createTaskBuffer, weightedSample, type TaskBuffer, type TaskBufferState, type Weighting } from "./task-buffer.ts";
import type { Task } from "./task.ts";

export interface TaskBuffers {
  /** The buffer of a kind. Throws AZR_INTERNAL for a kind that the run does not have. */
  of(kind: string): TaskBuffer;
  /** Whether any buffer ever held a task with this key: deduction and abduction share program hashes as keys. */
  knows(key: string): boolean;
  /** Whether a task with this key was removed from any buffer. */
  hasRemoved(key: string): boolean;
  /** Ids of the tasks that have one of these programs, by program: kind after kind, oldest first. */
  tasksOf(programs: ReadonlySet<string>): Map<string, string[]>;
  /**
   * Takes out the tasks with these ids and all that descend from them by `origin.parents`, also through tasks that have left. Their keys stay
   * known. Returns the ids of those that were there: kind after kind, oldest first.
   */
  removeWithOffspring(ids: readonly string[]): string[];
  /** Takes out just these. */
  remove(ids: ReadonlySet<string>): string[];
  /**
   * `count` distinct tasks whose programs new tasks may build on, drawn from all kinds that supply programs; fewer when there are
   * fewer. `weighting` as for `TaskBuffer.sample`.
   */
  samplePrograms(count: number, random: Random, weighting?: Weighting): Task[];
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

  function samplePrograms(count: number, random: Random, weighting: Weighting = "uniform"): Task[] {
    // A run of induction alone builds on the programs of its own tasks.
    const sources = (suppliers.length > 0 ? suppliers : kinds).map((kind) => of(kind.name));
    const total = sources.reduce((sum, source) => sum + source.size, 0);
    const at = (index: number): Task => {
      let first = 0;
      for (const source of sources) {
        if (index < first + source.size) return source.at(index - first);
        first += source.size;
      }
      throw new AzrError("AZR_INTERNAL", `There is no task ${index} among ${total}.`);
    };
    if (weighting === "uniform") return random.sampleIndices(total, count).map(at);
    return weightedSample(Array.from({ length: total }, (_, index) => at(index)), count, random);
  }

  function tasksOf(programs: ReadonlySet<string>): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const buffer of buffers.values()) {
      for (let index = 0; index < buffer.size; index++) {
        const { id, program } = buffer.at(index);
        if (programs.has(program)) found.set(program, [...(found.get(program) ?? []), id]);
      }
    }
    return found;
  }

  const remove = (ids: ReadonlySet<string>): string[] => [...buffers.values()].flatMap((buffer) => buffer.remove(ids));

  function removeWithOffspring(ids: readonly string[]): string[] {
    const children = new Map<string, string[]>();
    for (const buffer of buffers.values()) {
      for (const { id, parents } of buffer.lineage()) {
        for (const parent of parents) {
          const siblings = children.get(parent);
          if (siblings === undefined) children.set(parent, [id]);
          else siblings.push(id);
        }
      }
    }
    // A set is walked in the order of insertion, what is added on the way included.
    const family = new Set(ids);
    for (const id of family) for (const child of children.get(id) ?? []) family.add(child);
    return remove(family);
  }

  return {
    of,
    knows: (key) => [...buffers.values()].some((buffer) => buffer.knows(key)),
    hasRemoved: (key) => [...buffers.values()].some((buffer) => buffer.hasRemoved(key)),
    tasksOf,
    removeWithOffspring,
    remove,
    samplePrograms,
    getState: () => Object.fromEntries([...buffers].map(([kind, buffer]) => [kind, buffer.getState()])),
    setState(state) {
      for (const [kind, buffer] of buffers) buffer.setState(state[kind] ?? { tasks: [], former: [] });
    },
  };
}
