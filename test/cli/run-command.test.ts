// Commands that take a while, told to stop: runs save first and say how to go on, short commands end at once.
import t from "tap";
import { once } from "node:events";
import { quote, runCommand } from "../../src/cli/run-command.ts";
import { stoppable } from "../../src/cli/stop.ts";
import { AzrError } from "../../src/errors.ts";
import { capture } from "./harness.ts";

t.test("signals", async (t) => {
  t.test("a run is asked to stop first, then aborted", async (t) => {
    const { context, text, signal } = capture();
    const calls: string[] = [];
    await runCommand(context, { json: false, grace: 60 }, async (watch) => {
      const run = { stop: async () => void calls.push("stop") };
      watch.onRun(run);
      const event = { time: "", step: 0 } as const;
      for (const sink of watch.sinks) {
        await sink.write({ ...event, type: "run-start", schema: 1, dir: "runs/my run", configHash: "", seed: 0, steps: 9, kinds: [], model: "seedling", parameters: 1e6, resumedFrom: null });
      }
      signal("SIGINT");
      t.same(calls, ["stop"]);
      t.notOk(watch.signal.aborted);
      signal("SIGINT");
      t.ok(watch.signal.aborted);
      t.same(calls, ["stop"], "asked once");
      throw new AzrError("AZR_ABORTED", "aborted");
    });
    t.equal(context.exitCode, 130);
    await new Promise((resolve) => setImmediate(resolve));
    const { stderr } = text();
    t.match(stderr, /finishing this step and saving/);
    t.equal(stderr.trimEnd().split("\n").at(-1), "resume with: npx azr resume 'runs/my run'", "the last line resumes");
  });
  t.test("SIGTERM stops like Ctrl-C and aborts when the grace is over", async (t) => {
    const { context, signal } = capture();
    await runCommand(context, { json: true, grace: 0.02 }, async (watch) => {
      let stopped = false;
      watch.onRun({ stop: async () => void (stopped = true) });
      signal("SIGTERM");
      t.ok(stopped);
      t.notOk(watch.signal.aborted);
      await once(watch.signal, "abort");
      throw watch.signal.reason;
    });
    t.equal(context.exitCode, 143);
  });
  t.test("a signal before there is a run stops the run as soon as it begins; a failing stop is not unhandled", async (t) => {
    const { context, signal } = capture();
    await runCommand(context, { json: true, grace: 60 }, async (watch) => {
      signal("SIGINT");
      let stopped = false;
      watch.onRun({
        stop: () => {
          stopped = true;
          return Promise.reject(new AzrError("AZR_RUN_FOLDER", "disk full"));
        },
      });
      t.ok(stopped);
    });
    t.equal(context.exitCode, 130);
  });
  t.test("a signal after the run's end aborts what is left; the demo then tells how to measure", async (t) => {
    const { context, text, signal } = capture();
    const resumeWith = (dir: string, end: string | null) => ["demo", "--resume", dir, `after ${end}`];
    await runCommand(context, { json: false, grace: 60, resumeWith }, async (watch) => {
      watch.onRun({ stop: () => Promise.reject(new Error("the run has ended")) });
      for (const sink of watch.sinks) {
        await sink.write({ type: "run-start", schema: 1, dir: "runs/x", configHash: "", seed: 0, steps: 9, kinds: [], model: "seedling", parameters: 1e6, resumedFrom: null, time: "", step: 0 });
        await sink.write({ type: "run-end", status: "out-of-time", time: "", step: 7 });
      }
      signal("SIGTERM");
      t.ok(watch.signal.aborted);
      watch.signal.throwIfAborted();
    });
    t.equal(context.exitCode, 143);
    t.match(text().stderr, /\nresume with: npx azr demo --resume runs\/x 'after out-of-time'\n$/);
  });
  t.test("a finished run names no resume command and keeps exit code 0; failures pass through", async (t) => {
    const { context, text } = capture();
    await runCommand(context, { json: false, grace: 60 }, async (watch) => {
      for (const sink of watch.sinks) await sink.write({ type: "run-end", status: "finished", time: "", step: 3 });
    });
    t.equal(context.exitCode, 0);
    t.equal(text().stderr, "");
    await t.rejects(
      runCommand(context, { json: false, grace: 60 }, () => Promise.reject(new AzrError("AZR_NUMERICS", "loss is NaN"))),
      { code: "AZR_NUMERICS" },
    );
  });
  t.test("short commands abort at once", async (t) => {
    const { context, signal } = capture();
    await stoppable(context, true, async (abort) => {
      setImmediate(() => signal("SIGINT"));
      await once(abort, "abort");
      abort.throwIfAborted();
    });
    t.equal(context.exitCode, 130);
    await t.rejects(stoppable(context, true, () => Promise.reject(new Error("other"))), { message: "other" });
    const codes: number[] = [];
    context.quit = (code) => void codes.push(code);
    await stoppable(context, true, async () => {
      signal("SIGINT");
      t.same(codes, [], "the first signal waits for the work");
      signal("SIGTERM");
      t.same(codes, [143], "the second does not");
    });
    signal("SIGINT");
    signal("SIGINT");
    t.same(codes, [143], "nothing listens afterwards");
  });
});

t.test("a run folder is quoted for the shell where it has to be", async (t) => {
  t.equal(quote("runs/a-1"), "runs/a-1");
  t.equal(quote("it's here"), `'it'\\''s here'`);
});
