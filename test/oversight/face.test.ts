// What people see of oversight: lines on the terminal, exit codes, the way on.
import { join } from "node:path";
import t from "tap";
import { runCommand } from "../../src/cli/run-command.ts";
import { lookAtShownPairs } from "../../src/oversight/shown-pairs.ts";
import type { RunEvent, RunEventBody } from "../../src/events.ts";
import { terminalSink } from "../../src/sinks/terminal.ts";
import { fakeExecutor } from "../../src/testing/index.ts";
import { azr, capture } from "../cli/harness.ts";
import { trainFake } from "../run/support/fake-run.ts";
import { rollout, task } from "./support/rollouts.ts";

t.test("the terminal tells what was found, without control characters of the model's", async (t) => {
  const out: string[] = [];
  const sink = terminalSink({ stream: { write: (text: string) => out.push(text) }, live: false });
  const events: RunEventBody[] = [
    { type: "oversight-finding", rule: "power-thought", action: "pause", message: "1 completion with a power thought", count: 1, examples: [{ role: "solve", kind: "deduction", index: 0, task: null, text: "gain \u001b[2J\u202econtrol" }], tasks: [], audit: "0" },
    { type: "task-quarantined", rule: "power-thought", reason: "", tasks: ["a"], removed: ["a", "b"], leftOut: 9 },
    { type: "probe-end", metrics: { "probe/refused": 0.5 }, answers: [] },
    { type: "run-paused", findings: [{ rule: "power-thought", message: "m" }] },
    { type: "run-end", status: "paused" },
  ];
  for (const event of events) await sink.write({ ...event, time: "", step: 4 } as RunEvent);
  t.same(out.join("").split("\n").slice(0, -1), [
    'oversight, power-thought (pause): 1 completion with a power thought: "gain \\u001b[2J\\u202econtrol"',
    "quarantined by power-thought: 2 tasks left the buffers, 9 completions the update",
    "probes: refused 0.50",
    "paused for a review: power-thought",
    "run paused after step 4",
  ]);
});

t.test("a paused run: exit code 9, the command that goes on, and what azr audit says", async (t) => {
  const { context, text } = capture();
  const parent = t.testdir({});
  const monitors = [{ name: "always", level: "pause" as const, beforeUpdate: ({ step }: { step: number }) => ({ finding: step === 2 ? { message: "look" } : null }) }];
  await runCommand(context, { json: false, grace: 1 }, async ({ sinks, signal, onRun }) => {
    const started = trainFake(parent, { steps: 4, run: { name: "run" } }, { monitors, sinks, signal });
    onRun(started);
    await started.result;
  });
  t.equal(context.exitCode, 9);
  t.match(text().stderr, /resume with: npx azr resume \S+run --reviewed\n/);
  const dir = join(parent, "run");
  const { code, stdout } = await azr(["audit", dir]);
  t.equal(code, 0);
  t.match(stdout, /^step 0 {2}the run begins\nstep 2 {2}always \(pause\): look\nstep 2 {2}paused for a review\n3 lines, a whole chain\nfindings: 1 always\nthe run waits for a review: azr resume RUN --reviewed\nhead: [0-9a-f]{64}\n$/);
  const refused = await azr(["resume", dir]);
  t.equal(refused.code, 9);
  t.match(refused.stderr, /AZR_REVIEW_NEEDED: The run .* was paused after step 2: always: look[^]*azr audit [^]*--reviewed/);
});

t.test("wrong induction answers are run on the shown pairs, as many as are asked for", async (t) => {
  const pairs = [{ input: "1", output: "2" }, { input: "2", output: "3" }, { input: "9", output: "0" }];
  const answers = ["def f(a):\n    return a + 1", "def f(a):\n    return a", "x = 1"].map((answer, at) => rollout({ kind: "induction", task: task(`i${at}`, { kind: "induction", pairs, shown: 2 }), answer, outcome: "wrong" }));
  const all = [...answers, { ...answers[0]!, outcome: "correct" }, rollout()];
  const executor = fakeExecutor();
  t.same((await lookAtShownPairs(all, 8, executor, undefined)).map(({ shownRight }) => shownRight), [true, false, false, undefined, undefined]);
  t.same((await lookAtShownPairs(all, 1, executor, undefined)).map(({ shownRight }) => shownRight), [true, undefined, undefined, undefined, undefined]);
  t.equal(await lookAtShownPairs(all, 0, executor, undefined), all);
});
