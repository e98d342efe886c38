// Remembers which keys were seen, in bounded space: a fingerprint of 64 bits a key, the oldest forgotten when there are many. A run may add tasks for ever;
// what it remembers of them must not grow with it.
import { createHash } from "node:crypto";

export interface KeyMemory {
  add(key: string): void;
  /** Whether it was among the last `limit` different keys, or is one that `kept` gives. Two keys are mistaken for each other with a chance of 2^-64. */
  has(key: string): boolean;
  /** What it remembers now, and what is added before anything is forgotten: a `has` whose answers do not hang on when it is asked. */
  now(): (key: string) => boolean;
  /** Keys remembered: at most twice the limit. */
  readonly size: number;
}

interface Fingerprint {
  low: number;
  high: number;
}

function fingerprint(key: string): Fingerprint {
  // The usual key is the beginning of a hash already.
  const hash = /^[0-9a-f]{16}$/.test(key) ? key : createHash("sha256").update(key).digest("hex").slice(0, 16);
  const low = Number.parseInt(hash.slice(8), 16);
  const high = Number.parseInt(hash.slice(0, 8), 16);
  // Two zeros are an empty place.
  return low === 0 && high === 0 ? { low: 1, high } : { low, high };
}

/** An open hash table over one flat array, two words a place, at most half full. */
function createFingerprintSet() {
  let places = 256;
  let table = new Uint32Array(2 * places);
  let size = 0;

  function find({ low, high }: Fingerprint): number {
    for (let place = low & (places - 1); ; place = (place + 1) & (places - 1)) {
      const [one, other] = [table[2 * place]!, table[2 * place + 1]!];
      if ((one === low && other === high) || (one === 0 && other === 0)) return place;
    }
  }
  function put(print: Fingerprint): void {
    const place = find(print);
    if (table[2 * place] === 0 && table[2 * place + 1] === 0) size += 1;
    table[2 * place] = print.low;
    table[2 * place + 1] = print.high;
  }
  function grow(): void {
    const before = table;
    places *= 2;
    table = new Uint32Array(2 * places);
    size = 0;
    for (let at = 0; at < before.length; at += 2) if (before[at] !== 0 || before[at + 1] !== 0) put({ low: before[at]!, high: before[at + 1]! });
  }
  return {
    get size() {
      return size;
    },
    add(print: Fingerprint) {
      put(print);
      if (2 * size > places) grow();
    },
    has(print: Fingerprint) {
      const place = find(print);
      return table[2 * place] !== 0 || table[2 * place + 1] !== 0;
    },
  };
}

/** @param kept keys that are never forgotten, asked for each time the older half is; well below `limit` */
export function createKeyMemory(limit: number, kept: () => Iterable<string> = () => []): KeyMemory {
  let older = createFingerprintSet();
  let newer = createFingerprintSet();
  const now = () => {
    const [before, latest] = [older, newer];
    return (key: string) => {
      const print = fingerprint(key);
      return latest.has(print) || before.has(print);
    };
  };
  return {
    get size() {
      return older.size + newer.size;
    },
    add(key) {
      newer.add(fingerprint(key));
      if (newer.size < limit) return;
      older = newer;
      newer = createFingerprintSet();
      for (const one of kept()) newer.add(fingerprint(one));
    },
    has: (key) => now()(key),
    now,
  };
}
