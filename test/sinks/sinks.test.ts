// What the sinks print for a scripted run: the live line, sparse plain lines, JSON lines; and the numbers behind the line.
import t from "tap";
import { PassThrough } from "node:stream";
import type { RunEvent, RunEventBody, StepTimings } from "../../src/events.ts";
import { jsonLinesSink } from "../../src/sinks/json-lines.ts";
import { summarise } from "../../src/sinks/step-summary.ts";
import { formatDuration, formatSummary, isLive, terminalSink } from "../../src/sinks/terminal.ts";

const timings = (total: number): StepTimings => ({
  total, propose: 0, validate: 0, solve: 0, verify: 0, update: 0, samplingShare: 0.5, executorShare: 0.3, updateShare: 0.2, tokensPerSecond: 12_345,
});

function scripted(steps: number, done = steps): RunEvent[] {
  const events: RunEvent[] = [];
  const add = (step: number, body: RunEventBody): void => void events.push({ ...body, step, time: "2026-01-01T00:00:00.000Z" });
  add(0, { type: "run-start", schema: 1, dir: "runs/x", configHash: "h", seed: 7, steps, kinds: ["deduction", "induction"], model: "seedling", parameters: 784_640, resumedFrom: null });
  for (let step = 1; step <= done; step += 1) {
    add(step, { type: "step-start" });
    add(step, { type: "reward-end", role: "propose", kind: "deduction", completions: 3, rewardMean: -1, outcomes: { accepted: 0, wrapper: 3 }, rewards: {} });
    add(step, { type: "reward-end", role: "propose", kind: "induction", completions: 1, rewardMean: 1, outcomes: { accepted: 1 }, rewards: {} });
    add(step, { type: "reward-end", role: "solve", kind: "induction", completions: 8, rewardMean: 0.25, outcomes: { correct: 4, wrong: 4 }, rewards: {} });
    add(step, { type: "step-end", metrics: {}, timings: timings(2) });
  }
  add(done, { type: "run-end", status: done === steps ? "finished" : "stopped" });
  return events;
}

function recorder(): { text: string; columns?: number; write(text: string): boolean } {
  return {
    text: "",
    write(text) {
      this.text += text;
      return true;
    },
  };
}

t.test("the summary of a step", async (t) => {
  const take = summarise();
  const summaries = scripted(10, 4).map(take).filter((summary) => summary !== null);
  t.equal(summaries.length, 4);
  // Three proposals at -1 and one at 1: -0.5, not the mean of the kinds' means.
  t.match(summaries[3], {
    step: 4, steps: 10, rewards: { propose: -0.5, solve: 0.25 }, solveRate: 0.5, acceptRate: 0.25, tokensPerSecond: 12_345, stepSeconds: 2, secondsLeft: 12,
  });
  const capped = summarise({ budgetSeconds: 10 });
  t.match(scripted(100, 3).map(capped).findLast((summary) => summary !== null), { secondsLeft: 4 }, "a time budget caps the time left");
  const shrinking = summarise();
  for (const removed of [["t-1-d-0", "t-2-a-1"], ["t-3-d-0"]]) shrinking({ type: "task-contradicted", id: removed[0]!, reason: "two executions differed", removed, step: 1, time: "" });
  const fewer = scripted(3).map(shrinking).findLast((summary) => summary !== null)!;
  t.equal(fewer.contradicted, 3);
  t.match(formatSummary(fewer), /solved 50% {2}3 tasks contradicted {2}12\.3k tokens/, "shown where there are any");
  t.notMatch(formatSummary(summaries[3]!), /contradicted/);
  const idle = summarise();
  idle({ type: "step-start", step: 1, time: "" });
  const nothing = idle({ type: "step-end", step: 1, time: "", metrics: {}, timings: timings(1) });
  t.match(nothing, { rewards: { propose: null, solve: null }, solveRate: null, acceptRate: null });
  t.match(formatSummary(nothing!), /reward propose {3}- {3}solve/, "nothing is shown as nothing, not as zero");
});

t.test("a terminal gets one line that is rewritten", async (t) => {
  const stream = recorder();
  stream.columns = 60;
  const sink = terminalSink({ stream, live: true });
  for (const event of scripted(3)) await sink.write(event);
  await sink.close?.();
  const [first, second, ...rest] = stream.text.split("\n");
  t.match(first, /^seedling: 0\.8 million parameters, seed 7, 3 steps$/);
  t.equal(second, "run folder: runs/x");
  const rewritten = rest[0]!.split("\r\u001b[2K");
  t.equal(rewritten.length, 4, "three times in place, then the last one for good");
  t.match(rewritten[1], /^step 2\/3 {2}reward propose -0\.50 solve \+0\.25 {2}\d:\d\d left$/, "what does not fit is left out, but not the time");
  t.ok(rewritten.slice(0, 3).every((line) => line.length <= 59), "within the width of the terminal");
  t.equal(rewritten[3], "step 3/3  reward propose -0.50 solve +0.25  accepted 25% (wrapper 75%)  solved 50%  12.3k tokens/s  0:00 left");
  t.equal(rest[1], "");
});

t.test("anything else gets plain lines, at most one every ten seconds", async (t) => {
  const stream = recorder();
  let clock = 0;
  const sink = terminalSink({ stream, live: false, now: () => clock });
  for (const event of scripted(30, 12)) {
    if (event.type === "step-end") clock += 2000;
    await sink.write(event);
  }
  const lines = stream.text.trimEnd().split("\n");
  t.same(lines.filter((line) => line.startsWith("step")).map((line) => Number(/step +(\d+)/.exec(line)![1])), [1, 6, 11, 12], "the last step always");
  t.equal(lines.at(-1), "run stopped after step 12");
  t.notMatch(stream.text, /[\r\u001b]/, "no control characters");
});

t.test("warnings have lines of their own and do not break the live line", async (t) => {
  const stream = recorder();
  const sink = terminalSink({ stream, live: true });
  const events = scripted(2);
  for (const event of events.slice(0, 6)) await sink.write(event);
  await sink.write({ type: "warning", code: "X", message: "disk is nearly full", step: 1, time: "" });
  t.match(stream.text, /left\r\u001b\[2Kwarning: disk is nearly full\n$/);
});

t.test("where a live line is wanted", async (t) => {
  const cases: [boolean | undefined, Record<string, string>, boolean][] = [
    [true, {}, true],
    [true, { CI: "1" }, false],
    [true, { TERM: "dumb" }, false],
    [false, {}, false],
    [undefined, {}, false],
  ];
  for (const [isTTY, env, want] of cases) t.equal(isLive({ ...(isTTY === undefined ? {} : { isTTY }) }, env), want);
  for (const [seconds, text] of [[0, "0:00"], [59.6, "1:00"], [75, "1:15"], [3700, "1:01:40"]] as const) t.equal(formatDuration(seconds), text);
});

t.test("JSON lines carry every event unchanged and wait for a slow reader", async (t) => {
  const stream = new PassThrough({ highWaterMark: 64 });
  const sink = jsonLinesSink(stream);
  const events = scripted(3);
  let text = "";
  let written = 0;
  const writing = (async () => {
    for (const event of events) {
      await sink.write(event);
      written += 1;
    }
    stream.end();
  })();
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok(written < events.length, "held back while nobody reads");
  for await (const chunk of stream) text += String(chunk);
  await writing;
  t.same(text.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown), events);
  const gone = new PassThrough();
  gone.destroy();
  await jsonLinesSink(gone).write(events[0]!);
  t.pass("a reader that has left is no error");
  const chosen = new PassThrough();
  const picky = jsonLinesSink(chosen, ({ type }) => type === "run-end");
  for (const event of events) await picky.write(event);
  chosen.end();
  t.match(String(await chosen.toArray().then((chunks) => Buffer.concat(chunks as Buffer[]))), /^\{"type":"run-end"[^\n]*\n$/);
});
