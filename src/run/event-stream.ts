// Hands a run's events to any number of async iterators, each with a bounded queue of its own. A slow reader misses detail events
// (counted, told in a warning), never others. The first iterator also gets what happened before it began; if none ever begins, that
// queue drops its oldest events, so a run that nobody watches holds little.
import { detailEvents, type RunEvent } from "../events.ts";

export interface EventStream {
  push(event: RunEvent): void;
  /** Ends every iterator; with an error they throw it after what is queued. */
  end(error?: unknown): void;
  /** A new iterator over the events from now on; the first one begins with what is held from before. */
  iterate(): AsyncIterableIterator<RunEvent>;
}

interface Reader {
  queue: RunEvent[];
  missed: number;
  wake: (() => void) | undefined;
}

const missedWarning = (count: number, near: RunEvent): RunEvent => ({
  type: "warning",
  time: near.time,
  step: near.step,
  code: "EVENTS_MISSED",
  message: `${count} events were dropped because this reader fell behind`,
});

/** @param capacity events queued a reader before detail events are dropped. */
export function createEventStream(capacity = 4096): EventStream {
  const readers = new Set<Reader>();
  let ended: { error?: unknown } | undefined;
  let early: Reader | undefined = { queue: [], missed: 0, wake: undefined };
  readers.add(early);

  function push(event: RunEvent): void {
    for (const reader of readers) {
      if (reader === early && reader.queue.length >= capacity) {
        reader.queue.shift();
        reader.missed += 1;
        reader.queue.push(event);
        continue;
      }
      if (reader.queue.length >= capacity && detailEvents.has(event.type)) {
        reader.missed += 1;
        continue;
      }
      if (reader.missed > 0) {
        reader.queue.push(missedWarning(reader.missed, event));
        reader.missed = 0;
      }
      reader.queue.push(event);
      reader.wake?.();
    }
  }

  function end(error?: unknown): void {
    ended ??= { error };
    for (const reader of readers) reader.wake?.();
  }

  function iterate(): AsyncIterableIterator<RunEvent> {
    const reader: Reader = early ?? { queue: [], missed: 0, wake: undefined };
    readers.add(reader);
    early = undefined;
    const finish = () => {
      readers.delete(reader);
      reader.queue = [];
      reader.wake?.();
    };
    const iterator: AsyncIterableIterator<RunEvent> = {
      async next() {
        for (;;) {
          const event = reader.queue.shift();
          if (event !== undefined) return { value: event, done: false };
          if (!readers.has(reader)) return { value: undefined, done: true };
          if (ended !== undefined) {
            finish();
            if (ended.error !== undefined) throw ended.error;
            return { value: undefined, done: true };
          }
          await new Promise<void>((resolve) => (reader.wake = resolve));
          reader.wake = undefined;
        }
      },
      async return() {
        finish();
        return { value: undefined, done: true };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  return { push, end, iterate };
}
