// The events of a run, read late, slowly, twice or not to the end.
import t from "tap";
import type { RunEvent } from "../../src/events.ts";
import { createEventStream } from "../../src/run/event-stream.ts";

t.test("event streams: early events, several readers, slow readers, endings", async (t) => {
  const event = (type: "task-proposed" | "step-start", step: number) => ({ type, step, time: "", kind: "k", index: 0 }) as RunEvent;
  const stream = createEventStream(3);
  stream.push(event("step-start", 1));
  const first = stream.iterate();
  const second = stream.iterate();
  for (const step of [2, 3, 4, 5]) stream.push(event("task-proposed", step));
  stream.push(event("step-start", 6));
  stream.end();
  const steps = async (from: AsyncIterable<RunEvent>) => {
    const seen: (number | string)[] = [];
    for await (const one of from) seen.push(one.type === "warning" ? one.message : one.step);
    return seen;
  };
  t.same(await steps(first), [1, 2, 3, "2 events were dropped because this reader fell behind", 6], "detail is dropped, the rest is not");
  t.same(await steps(second), [2, 3, 4, "1 events were dropped because this reader fell behind", 6]);
  t.same(await steps(stream.iterate()), [], "after the end");

  const unwatched = createEventStream(3);
  for (const step of [1, 2, 3, 4, 5]) unwatched.push(event("step-start", step));
  const late = unwatched.iterate();
  unwatched.end(new Error("it failed"));
  const seen: number[] = [];
  await t.rejects(async () => { for await (const { step } of late) seen.push(step); }, /it failed/);
  t.same(seen, [3, 4, 5], "the newest are held for a late first reader");

  const waiting = createEventStream();
  const reader = waiting.iterate();
  const next = reader.next();
  await reader.return?.();
  t.same(await next, { value: undefined, done: true }, "return() ends a waiting next()");
});
