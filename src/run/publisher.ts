// Carries each event of a run to events.jsonl, the sinks, the callback and the iterators, in that order. A sink that is slow holds up
// the run at the end of a step; one that fails is reported once and dropped.
import type { RunEvent, RunEventBody, Sink } from "../events.ts";
import type { AppendLog } from "./append-log.ts";
import type { EventStream } from "./event-stream.ts";

export interface Publisher {
  publish(body: RunEventBody): void;
  /** The step that the following events belong to. */
  beginStep(step: number): void;
  /** The log to write to from now on. */
  attach(log: AppendLog): void;
  /** Resolves when every sink has taken what was published. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export interface PublisherOptions {
  sinks: readonly Sink[];
  onEvent: ((event: RunEvent) => void) | undefined;
  stream: EventStream;
}

export function createPublisher({ sinks, onEvent, stream }: PublisherOptions): Publisher {
  let step = 0;
  let log: AppendLog | undefined;
  const lanes = new Map(sinks.map((sink) => [sink, Promise.resolve()]));

  function publish(body: RunEventBody): void {
    const event: RunEvent = { ...body, time: new Date().toISOString(), step };
    log?.append(event);
    for (const [sink, before] of lanes) {
      const after = before.then(() => sink.write(event)).catch((error: unknown) => drop(sink, error));
      lanes.set(sink, after);
    }
    try {
      onEvent?.(event);
    } catch (error) {
      onEvent = undefined;
      publish({ type: "warning", code: "CALLBACK_FAILED", message: `onEvent failed and is not called again: ${(error as Error).message}` });
    }
    stream.push(event);
  }

  function drop(sink: Sink, error: unknown): void {
    if (!lanes.delete(sink)) return;
    publish({ type: "warning", code: "SINK_FAILED", message: `A sink failed and is not called again: ${(error as Error).message}` });
  }

  const settled = async () => void (await Promise.all(lanes.values()));
  return {
    publish,
    beginStep: (next) => void (step = next),
    attach: (next) => void (log = next),
    settled,
    async close() {
      await settled();
      for (const sink of lanes.keys()) {
        try {
          await sink.close?.();
        } catch (error) {
          drop(sink, error);
        }
      }
    },
  };
}
