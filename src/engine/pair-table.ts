// A table from pairs of whole numbers to a whole number: open addressing in one typed array, for tables of some hundred thousand entries (a Map would
// need keys beyond small integers, which are slow). Used by text-trie.ts and tokenizer-bpe.ts.

export interface PairTable {
  /** The value, or -1. Numbers of a pair are at least 0 and below 2^31 - 1. */
  get(left: number, right: number): number;
  set(left: number, right: number, value: number): void;
}

function hash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 1, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** An empty table with room for about so many entries; it grows. */
export function createPairTable(expected = 0): PairTable {
  let size = 2 ** Math.ceil(Math.log2(Math.max(expected * 2, 1024)));
  // Per slot: left + 1 (0 is free), right, value.
  let slots = new Int32Array(3 * size);
  let used = 0;

  function slotOf(left: number, right: number): number {
    let slot = hash(left, right) & (size - 1);
    while (slots[3 * slot] !== 0 && (slots[3 * slot] !== left + 1 || slots[3 * slot + 1] !== right)) slot = (slot + 1) & (size - 1);
    return 3 * slot;
  }

  function grow(): void {
    const before = slots;
    size *= 2;
    slots = new Int32Array(3 * size);
    for (let at = 0; at < before.length; at += 3) {
      if (before[at] !== 0) slots.set(before.subarray(at, at + 3), slotOf(before[at]! - 1, before[at + 1]!));
    }
  }

  function get(left: number, right: number): number {
    const slot = slotOf(left, right);
    return slots[slot] === 0 ? -1 : slots[slot + 2]!;
  }

  function set(left: number, right: number, value: number): void {
    let slot = slotOf(left, right);
    if (slots[slot] === 0 && 2 * ++used > size) {
      grow();
      slot = slotOf(left, right);
    }
    slots[slot] = left + 1;
    slots[slot + 1] = right;
    slots[slot + 2] = value;
  }

  return { get, set };
}
