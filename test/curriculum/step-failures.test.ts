// What fails in a step: the sandbox, which costs a sample; the engine, which ends the run; sinks and callbacks, which do neither.
import { join } from "node:path";
import t from "tap";
import type { Task } from "../../src/curriculum/task.ts";
import { AzrError } from "../../src/errors.ts";
import { fakeEngine, fakeExecutor } from "../../src/testing/index.ts";
import { lines, trainFake } from "../run/support/fake-run.ts";
import { plus, proposers, scripted, solvers } from "./support/scripted-step.ts";

t.test("sandbox failures", async (t) => {
  t.testdir({});
  const executor = fakeExecutor({ override: (call) => {
    if (call.method === "run" && call.request.program.includes("a + 20")) throw new AzrError("AZR_EXECUTOR_FAILED", "the sandbox failed");
    if (call.method === "parse") throw new AzrError("AZR_EXECUTOR_FAILED", "the sandbox failed");
    return undefined;
  } });
  const failed = await scripted(t, { proposals: [plus(10), plus(20)], executor, answer: (_, sample) => (sample === 0 ? "11" : "1 1") });
  t.same(proposers(failed.records).map(({ outcome, reward, trained }) => [outcome, reward, trained]), [["accepted", 0, true], ["sandbox-error", null, false]]);
  t.same(solvers(failed.records).map(({ outcome, reward, trained }) => [outcome, reward, trained]), [["correct", 1, true], ["undecided", null, false]]);
  t.match(failed.events.find(({ type }) => type === "warning"), { code: "AZR_EXECUTOR_FAILED", message: /2 completions/ });
});

t.test("failures of a step come out once and leave the buffers as they were", async (t) => {
  const broken = fakeEngine();
  broken.update = async () => {
    throw new AzrError("AZR_NUMERICS", "the loss is not finite", { hint: "Lower the rate." });
  };
  const run = trainFake(t.testdir({}), { steps: 3 }, { engine: broken });
  await t.rejects(run.result, { code: "AZR_NUMERICS" });
  const events = await lines<{ type: string }>(join(run.dir!, "events.jsonl"));
  t.match(events.at(-1), { type: "run-end", status: "failed", error: { code: "AZR_NUMERICS", hint: /^Lower the rate\.\n.*azr debug update/ } });
  t.equal((await lines<Task>(join(run.dir!, "tasks.jsonl"))).length, 3, "only the seeds were kept");

  const odd = trainFake(t.testdir({}), { steps: 1 }, { executor: fakeExecutor({ override: (call) => { if (call.method === "run") throw new TypeError("odd"); return undefined; } }) });
  await t.rejects(odd.result, { code: "AZR_INTERNAL", message: /odd/ });

  const sinkEvents: string[] = [];
  let closed = 0;
  const sinks = [
    { write: ({ type }: { type: string }) => void sinkEvents.push(type), close: () => void (closed += 1) },
    { write: async () => { throw new Error("sink is full"); } },
  ];
  const watched = trainFake(t.testdir({}), { steps: 1 }, { sinks, onEvent: () => { throw new Error("callback"); } });
  await watched.result;
  t.ok(sinkEvents.includes("step-end") && sinkEvents.at(-1) === "run-end");
  t.equal(closed, 1);
  const warnings = (await lines<{ type: string; code: string }>(join(watched.dir!, "events.jsonl"))).filter(({ type }) => type === "warning");
  t.same(warnings.map(({ code }) => code).sort(), ["CALLBACK_FAILED", "SINK_FAILED"]);
});
