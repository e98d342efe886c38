// One task buffer for each kind of a run, and what spans them: is a task known, which past program may a new task build on, and
// which tasks descend from which.

import { AzrError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { TaskKind } from "./kinds/kind.ts";
import { createTaskBuffer, type TaskBuffer, type TaskBufferOptions } from "./task-buffer.ts";
import type { AnswerCount } from "./task-statistics.ts";
import type { Task } from "./task.ts";

/** The answers to one task in a step. */
export interface TaskAnswers extends AnswerCount {
  task: string;
}

export interface TaskBuffers {
  /** The buffer of a kind. Throws AZR_INTERNAL for a kind that the run does not have. */
  of(kind: string): TaskBuffer;
  /** Whether any buffer ever held a task with this key: deduction and abduction share program hashes as keys. */
  knows(key: string): boolean;
  /** `knows` as of now, whenever it is asked: work beside a step's end does not see what that forgets. */
  known(): (key: string) => boolean;
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
  /** `count` distinct tasks whose programs new tasks may build on, drawn alike from all kinds that supply programs; fewer when there are fewer. O(count). */
  samplePrograms(count: number, random: Random): Task[];
  /** Counts the answers of a step, one item a task; tasks that are in no buffer are passed over. */
  record(answers: readonly TaskAnswers[], step: number): void;
}

/** Empty buffers for these kinds. */
export function createTaskBuffers(kinds: readonly TaskKind[], capacity: number, options: TaskBufferOptions = {}): TaskBuffers {
  const buffers = new Map(kinds.map((kind) => [kind.name, createTaskBuffer(capacity, options)]));
  const suppliers = kinds.filter((kind) => kind.suppliesPrograms);

  function of(kind: string): TaskBuffer {
    const buffer = buffers.get(kind);
    if (buffer === undefined) throw new AzrError("AZR_INTERNAL", `This run has no buffer for tasks of kind "${kind}".`);
    return buffer;
  }

  function samplePrograms(count: number, random: Random): Task[] {
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
    return random.sampleIndices(total, count).map(at);
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
    known() {
      const all = [...buffers.values()].map((buffer) => buffer.known());
      return (key) => all.some((known) => known(key));
    },
    hasRemoved: (key) => [...buffers.values()].some((buffer) => buffer.hasRemoved(key)),
    tasksOf,
    removeWithOffspring,
    remove,
    samplePrograms,
    record(answers, step) {
      for (const { task, ...counts } of answers) [...buffers.values()].some((buffer) => buffer.record(task, counts, step));
    },
  };
}
