// Which task leaves a full buffer when another comes (`curriculum.eviction`): each policy gives every task a rank, and the lowest leaves, which may
// be the new one itself. Equal ranks: the older one leaves.
import { createRandom } from "../random.ts";
import { learnability, type TaskStatistics } from "./task-statistics.ts";

export const evictions = ["oldest", "lowest-learnability", "reservoir", "newest"] as const;
export type Eviction = (typeof evictions)[number];

/** What ranks a task: the tasks that arrived before it, its id, what is known of its answers. */
export interface Ranked {
  arrival: number;
  id: string;
  statistics: TaskStatistics;
}

/** The rank of a task under a policy; the seed names the random order of `reservoir`. */
export function rankBy(eviction: Eviction, seed: number): (task: Ranked) => number {
  switch (eviction) {
    case "oldest":
      return ({ arrival }) => arrival;
    case "newest":
      return ({ arrival }) => -arrival;
    case "lowest-learnability":
      return ({ statistics }) => learnability(statistics);
    case "reservoir":
      // The tasks with the largest of independent random numbers are a sample of all, each as likely as any other; and as the number hangs on the id
      // alone, there is no state to keep.
      return ({ id }) => createRandom(seed, "reservoir", id).float();
  }
}

/** A binary heap: what is `before` all others comes out first. */
export function createHeap<Item>(items: Item[], before: (a: Item, b: Item) => boolean) {
  const heap = [...items];
  const swap = (a: number, b: number) => ([heap[a], heap[b]] = [heap[b]!, heap[a]!]);
  function sink(at: number): void {
    for (;;) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < heap.length && before(heap[child]!, heap[first]!)) first = child;
      if (first === at) return;
      swap(at, first);
      at = first;
    }
  }
  for (let at = (heap.length >> 1) - 1; at >= 0; at--) sink(at);
  return {
    push(item: Item): void {
      let at = heap.push(item) - 1;
      for (let up = (at - 1) >> 1; at > 0 && before(heap[at]!, heap[up]!); at = up, up = (at - 1) >> 1) swap(at, up);
    },
    pop(): Item | undefined {
      const first = heap[0];
      const last = heap.pop();
      if (heap.length > 0) {
        heap[0] = last!;
        sink(0);
      }
      return first;
    },
  };
}
