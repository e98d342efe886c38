// Accepted tasks of one kind, oldest first, with what is known of their answers: capped (eviction.ts says who leaves), drawn without
// replacement, and with the keys of tasks that were ever accepted, so that a proposer cannot bring an old one back. task-buffers.ts holds
// one for each kind. Whatever a run adds, a buffer holds O(capacity); what it does is a function of the calls in their order, so src/run/restore.ts repeats them.
import type { Random } from "../random.ts";
import { createHeap, type Eviction, rankBy } from "./eviction.ts";
import { createKeyMemory } from "./key-memory.ts";
import { type AnswerCount, learnability, neverAnswered, type TaskStatistics, withAnswers } from "./task-statistics.ts";
import type { Task } from "./task.ts";
import { weightedSample, type WeightTable, weightTable } from "./weighted-draw.ts";

export interface StoredTask {
  task: Task;
  /** What makes two tasks the same: the `key` of its validation. */
  key: string;
}

/** A task that can be drawn. */
export interface Candidate {
  task: Task;
  statistics: TaskStatistics;
}

export const weightings = ["uniform", "recent", "learnability"] as const;
export type Weighting = (typeof weightings)[number];

/** Weights of a draw that is not uniform; all above 0. */
const weightOf: Record<Exclude<Weighting, "uniform">, (candidate: Candidate) => number> = {
  recent: ({ task }) => 1 + task.origin.step,
  learnability: ({ statistics }) => learnability(statistics),
};

/** A task with its parents. */
export interface Descent {
  id: string;
  parents: string[];
}

export interface TaskBuffer {
  readonly size: number;
  /** Adds a task, with the answers that it got in its own step. Over capacity one leaves, which may be this one: O(log size), and O(size) once after `record`. */
  add(task: Task, key: string, answers?: AnswerCount): void;
  /** From now on this task is known by its key, though it is not added. */
  learn(task: Task, key: string): void;
  /** Counts answers given in a step; false for a task that is not here. */
  record(id: string, answers: AnswerCount, step: number): boolean;
  /** What is known of a task's answers; undefined for one that is not here. */
  statistics(id: string): TaskStatistics | undefined;
  /** Takes out the tasks with these ids; returns those that were there, oldest first, and those that lately came and were not let in: they are removed in that they do not come back. */
  remove(ids: ReadonlySet<string>): string[];
  /** Whether a task with this key was added: among the last 131,072 others or four times the capacity, and always while it is here. */
  knows(key: string): boolean;
  /** `knows` as of now, whenever it is asked; keys that are added soon after count too. */
  known(): (key: string) => boolean;
  /** Whether a task with this key was removed; remembered as long. */
  hasRemoved(key: string): boolean;
  /** The n-th task, oldest first. */
  at(index: number): Task;
  /**
   * min(count, size) distinct tasks. `uniform` (default): all alike, O(count). `recent`: weight 1 + the step of origin; `learnability`: that of their
   * statistics; O(count^2 log size), and O(size) once after a change. `others` are drawn from as if they were here, in O(size).
   */
  sample(count: number, random: Random, weighting?: Weighting, others?: readonly Candidate[]): Task[];
  /** The last ones, newest first. */
  newest(count: number): Task[];
  /** Every task that is here, with its parents, and before them those that left: the last four times the capacity. */
  lineage(): Iterable<Descent>;
  /** Tasks whose step of origin is at least `step`, oldest first. With `newest`: as many from the end as came in those steps, kept or not, as the authors' code does. */
  since(step: number): Task[];
}

export interface TaskBufferOptions {
  eviction?: Eviction;
  /** Names the random order of `reservoir`. */
  seed?: number;
}

interface Entry extends StoredTask, Candidate {
  arrival: number;
  rank: number;
  gone: boolean;
}

/** Keys remembered at least. */
const leastKeys = 1 << 17;
/** Keys and lines of descent are remembered for this many times the capacity. */
const remembered = 4;

/** The id of the n-th task of a kind that a step accepts, such as `t-12-d-3`. */
export function taskId(step: number, letter: string, n: number): string {
  return `t-${step}-${letter}-${n}`;
}

/** An empty buffer that keeps at most `capacity` tasks. */
export function createTaskBuffer(capacity: number, { eviction = "oldest", seed = 0 }: TaskBufferOptions = {}): TaskBuffer {
  // Oldest first; those that are gone are dropped when the list is next looked at.
  let entries: Entry[] = [];
  const byId = new Map<string, Entry>();
  const former: Descent[] = [];
  let arrivals = 0;
  /** Of the last step in which tasks came that are not here: how many made no room for themselves, and the keys of all by their ids. */
  let refused = { step: -1, count: 0, keys: new Map<string, string>() };
  const keys = createKeyMemory(Math.max(leastKeys, remembered * capacity), () => [...byId.values()].map(({ key }) => key));
  const removedKeys = createKeyMemory(Math.max(leastKeys, remembered * capacity));
  const rank = rankBy(eviction, seed);
  // Who leaves next; made anew when ranks have changed.
  let leaving: ReturnType<typeof createHeap<Entry>> | undefined;
  let tables: Partial<Record<Weighting, WeightTable>> = {};

  function present(): Entry[] {
    if (entries.length > byId.size) entries = entries.filter(({ gone }) => !gone);
    return entries;
  }

  function leave(entry: Entry): void {
    entry.gone = true;
    byId.delete(entry.task.id);
    if (entries.length > 2 * capacity) present();
  }

  function keepDescent({ task }: Entry): void {
    former.push({ id: task.id, parents: task.origin.parents });
    if (former.length > 2 * remembered * capacity) former.splice(0, former.length - remembered * capacity);
  }

  function add(task: Task, key: string, answers?: AnswerCount): void {
    const statistics = answers === undefined ? neverAnswered : withAnswers(neverAnswered, answers, task.origin.step);
    const entry: Entry = { task, key, statistics, arrival: arrivals++, rank: 0, gone: false };
    entry.rank = rank({ ...entry, id: task.id });
    keys.add(key);
    tables = {};
    entries.push(entry);
    byId.set(task.id, entry);
    leaving?.push(entry);
    if (byId.size <= capacity) return;
    leaving ??= createHeap(present(), (a, b) => a.rank < b.rank || (a.rank === b.rank && a.arrival < b.arrival));
    const least = leaving.pop()!;
    leave(least);
    if (least !== entry) return keepDescent(least);
    // It was never here, so nothing can descend from it.
    refuse(task, key);
    refused.count += 1;
  }

  function refuse({ id, origin: { step } }: Task, key: string): void {
    if (refused.step !== step) refused = { step, count: 0, keys: new Map() };
    refused.keys.set(id, key);
  }

  function record(id: string, answers: AnswerCount, step: number): boolean {
    const entry = byId.get(id);
    if (entry === undefined) return false;
    entry.statistics = withAnswers(entry.statistics, answers, step);
    const after = rank({ ...entry, id });
    if (after !== entry.rank) leaving = undefined;
    entry.rank = after;
    tables = {};
    return true;
  }

  function remove(ids: ReadonlySet<string>): string[] {
    const found = [...ids].flatMap((id) => byId.get(id) ?? []).sort((a, b) => a.arrival - b.arrival);
    for (const entry of found) {
      leave(entry);
      keepDescent(entry);
      removedKeys.add(entry.key);
    }
    if (found.length > 0) [leaving, tables] = [undefined, {}];
    const out = [...refused.keys].filter(([id]) => ids.has(id));
    for (const [id, key] of out) {
      removedKeys.add(key);
      refused.keys.delete(id);
    }
    return [...found.map(({ task }) => task.id), ...out.map(([id]) => id)];
  }

  function* lineage(): Iterable<Descent> {
    yield* former.slice(-remembered * capacity);
    for (const { task } of present()) yield { id: task.id, parents: task.origin.parents };
  }

  function sample(count: number, random: Random, weighting: Weighting = "uniform", others: readonly Candidate[] = []): Task[] {
    // Drawn by age, so that a restored buffer draws the same tasks.
    const here = present();
    const at = (index: number): Candidate => here[index] ?? others[index - here.length]!;
    const all = here.length + others.length;
    const draw = (): number[] => {
      if (weighting === "uniform") return random.sampleIndices(all, count);
      const weightAt = (index: number) => weightOf[weighting](at(index));
      if (others.length > 0) return weightedSample(all, weightAt, count, random);
      return (tables[weighting] ??= weightTable(all, weightAt)).draw(count, random);
    };
    return draw().map((index) => at(index).task);
  }

  function since(step: number): Task[] {
    const here = present();
    let first = here.length;
    while (first > 0 && here[first - 1]!.task.origin.step >= step) first--;
    if (eviction === "newest" && refused.step >= step) first = Math.max(0, first - refused.count);
    return here.slice(first).map(({ task }) => task);
  }

  return {
    get size() {
      return byId.size;
    },
    add,
    learn(task, key) {
      keys.add(key);
      refuse(task, key);
    },
    record,
    statistics: (id) => byId.get(id)?.statistics,
    remove,
    knows: keys.has,
    known: keys.now,
    hasRemoved: removedKeys.has,
    at: (index) => present()[index]!.task,
    sample,
    newest: (count) => present().slice(Math.max(0, byId.size - count)).reverse().map(({ task }) => task),
    lineage,
    since,
  };
}
