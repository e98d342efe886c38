// What `absolute-zero/testing` exports: an engine, an executor and a tokenizer that load nothing native, a disk that breaks, and
// `collect`, for tests of programs that embed this package.
import type { RunEvent } from "../events.ts";

/** All events of a run from now on. Throws what the run fails with. */
export async function collect(run: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

export { failingDisk } from "./failing-disk.ts";
export type { FailingDiskOptions } from "./failing-disk.ts";
export { fakeEngine } from "./fake-engine.ts";
export type { FakeEngine, FakeEngineCall, FakeEngineOptions } from "./fake-engine.ts";
export { fakeExecutor } from "./fake-executor.ts";
export type { FakeExecutor, FakeExecutorCall, FakeExecutorOptions } from "./fake-executor.ts";
export { fakeTokenizer } from "./fake-tokenizer.ts";
