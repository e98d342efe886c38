// Accepted tasks of one kind, newest last: capped (the oldest leave), sampled without replacement, and with the keys of all
// tasks ever accepted, so that a proposer cannot bring an old task back. task-buffers.ts holds one for each kind, and knows which
// tasks descend from which.

import type { Random } from "../random.ts";
import type { Task } from "./task.ts";

export interface StoredTask {
  task: Task;
  /** What makes two tasks the same: the `key` of its validation. */
  key: string;
}

/** What is kept of a task that has left. */
export interface FormerTask {
  id: string;
  key: string;
  /** Its `origin.parents`. */
  parents: string[];
  /** It did not make room but was removed. */
  removed?: true;
}

/** Plain data, enough to continue as if nothing had happened. */
export interface TaskBufferState {
  tasks: StoredTask[];
  former: FormerTask[];
}

export type Weighting = "uniform" | "recent";

export interface TaskBuffer {
  readonly size: number;
  /** Appends in O(1); over capacity the oldest task leaves. */
  add(task: Task, key: string): void;
  /** Takes out the tasks with these ids; returns those that were there, oldest first. O(size). */
  remove(ids: ReadonlySet<string>): string[];
  /** Whether a task with this key was ever added. */
  knows(key: string): boolean;
  /** Whether a task with this key was removed. */
  hasRemoved(key: string): boolean;
  /** The n-th task, oldest first. */
  at(index: number): Task;
  /** min(count, size) distinct tasks. `uniform` (default): all alike, O(count). `recent`: weight 1 + the step of origin, O(size). */
  sample(count: number, random: Random, weighting?: Weighting): Task[];
  /** Every task that was ever added, with its parents, those that have left first. */
  lineage(): Iterable<Pick<FormerTask, "id" | "parents">>;
  /** Tasks whose step of origin is at least `step`, oldest first. Looks from the newest end and stops at the first older one. */
  since(step: number): Task[];
  getState(): TaskBufferState;
  setState(state: TaskBufferState): void;
}

/** The id of the n-th task of a kind that a step accepts, such as `t-12-d-3`. */
export function taskId(step: number, letter: string, n: number): string {
  return `t-${step}-${letter}-${n}`;
}

/** min(count, length) distinct tasks, weight 1 + the step of origin. Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006: the largest of log(u) / weight. */
export function weightedSample(tasks: readonly Task[], count: number, random: Random): Task[] {
  const keyed = tasks.map((task, index) => ({ task, index, key: Math.log(1 - random.float()) / (1 + task.origin.step) }));
  keyed.sort((a, b) => b.key - a.key || a.index - b.index);
  return keyed.slice(0, count).map(({ task }) => task);
}

const formerTask = ({ task, key }: StoredTask): FormerTask => ({ id: task.id, key, parents: task.origin.parents });

/** An empty buffer that keeps at most `capacity` tasks. */
export function createTaskBuffer(capacity: number): TaskBuffer {
  // A ring: `start` is where the oldest task is once the buffer is full.
  let ring: StoredTask[] = [];
  let start = 0;
  let former: FormerTask[] = [];
  let keys = new Set<string>();
  let removedKeys = new Set<string>();

  const stored = (index: number): StoredTask => ring[(start + index) % ring.length]!;

  function add(task: Task, key: string): void {
    keys.add(key);
    if (ring.length < capacity) {
      ring.push({ task, key });
      return;
    }
    former.push(formerTask(ring[start]!));
    ring[start] = { task, key };
    start = (start + 1) % capacity;
  }

  function remove(ids: ReadonlySet<string>): string[] {
    const inOrder = ring.map((_, index) => stored(index));
    const leaving = inOrder.filter(({ task }) => ids.has(task.id));
    if (leaving.length === 0) return [];
    ring = inOrder.filter(({ task }) => !ids.has(task.id));
    start = 0;
    for (const one of leaving) {
      former.push({ ...formerTask(one), removed: true });
      removedKeys.add(one.key);
    }
    return leaving.map(({ task }) => task.id);
  }

  function* lineage(): Iterable<Pick<FormerTask, "id" | "parents">> {
    yield* former;
    for (let index = 0; index < ring.length; index++) yield formerTask(stored(index));
  }

  function sample(count: number, random: Random, weighting: Weighting = "uniform"): Task[] {
    // Drawn by age, not by place in the ring, so that a restored buffer draws the same tasks.
    if (weighting === "uniform") return random.sampleIndices(ring.length, count).map((index) => stored(index).task);
    return weightedSample(ring.map((_, index) => stored(index).task), count, random);
  }

  function since(step: number): Task[] {
    let first = ring.length;
    while (first > 0 && stored(first - 1).task.origin.step >= step) first--;
    return Array.from({ length: ring.length - first }, (_, at) => stored(first + at).task);
  }

  return {
    get size() {
      return ring.length;
    },
    add,
    remove,
    knows: (key) => keys.has(key),
    hasRemoved: (key) => removedKeys.has(key),
    lineage,
    at: (index) => stored(index).task,
    sample,
    since,
    getState: () => ({ tasks: ring.map((_, index) => stored(index)), former: [...former] }),
    setState(state) {
      ring = [];
      start = 0;
      former = [...state.former];
      keys = new Set(former.map(({ key }) => key));
      removedKeys = new Set(former.filter(({ removed }) => removed).map(({ key }) => key));
      for (const { task, key } of state.tasks) add(task, key);
    },
  };
}
