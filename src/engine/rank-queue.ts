// A queue that gives the lowest rank first and, among equal ranks, the lowest position: a binary heap of numbers that hold both.
// Used by tokenizer-bpe.ts, whose pieces may be whole texts.

const positions = 2 ** 28;

export interface RankQueue {
  /** Both below 2^25 and 2^28. */
  push(rank: number, position: number): void;
  /** Takes out the first entry and shows it in `rank` and `position`; false when none is left. */
  pop(): boolean;
  rank: number;
  position: number;
}

export function createRankQueue(): RankQueue {
  const heap: number[] = [];

  function push(rank: number, position: number): void {
    const entry = rank * positions + position;
    let hole = heap.push(entry) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (heap[parent]! <= entry) break;
      heap[hole] = heap[parent]!;
      hole = parent;
    }
    heap[hole] = entry;
  }

  function pop(): boolean {
    if (heap.length === 0) return false;
    const first = heap[0]!;
    const last = heap.pop()!;
    for (let hole = 0; heap.length > 0; ) {
      let child = 2 * hole + 1;
      if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++;
      if (child >= heap.length || last <= heap[child]!) {
        heap[hole] = last;
        break;
      }
      heap[hole] = heap[child]!;
      hole = child;
    }
    queue.rank = Math.floor(first / positions);
    queue.position = first % positions;
    return true;
  }

  const queue: RankQueue = { push, pop, rank: -1, position: -1 };
  return queue;
}
