// A run that was cut off anywhere and resumed leaves the same bytes as an unbroken one: faults injected at many points of writing, real
// kills, orderly stops, aborts. And what may and may not change on resuming.
import { spawn } from "node:child_process";
import { access, copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { type Config, configHash } from "../../src/config/index.ts";
import type { Task } from "../../src/curriculum/task.ts";
import { failingDisk, fakeExecutor } from "../../src/testing/index.ts";
import { createRandom } from "../../src/random.ts";
import { collect } from "../../src/testing/index.ts";
import { fakes, lines, metricsText, resultFiles, resumeFake, trainFake } from "./support/fake-run.ts";

const steps = 8;
const run = { checkpointEvery: 3, name: "run" };

/** What every broken run below has to end with: the files of one that nothing happened to. */
const expected = await (async () => {
  const whole = trainFake(t.testdir({}), { steps, run });
  await whole.result;
  return resultFiles(whole.dir!);
})();

t.test("killed at any point of writing, once or again and again, then resumed", async (t) => {
  const random = createRandom(1, "points");
  t.testdir({});
  let broken = 0;
  let withoutCheckpoint = 0;
  for (let round = 0; round < 14; round++) {
    const parent = join(t.testdirName, String(round));
    const dir = join(parent, "run");
    // Most of what is written is rollouts and the journal; the early rounds strike before the first checkpoint.
    const first = failingDisk({ bytes: round < 3 ? 16_000 + 4000 * round : random.integer(420_000), as: "dead" });
    await trainFake(parent, { steps, run }, { disk: first }).result.catch(() => undefined);
    for (let attempt = 0; attempt < 3; attempt++) {
      const again = failingDisk({ bytes: random.integer(120_000), as: "dead" });
      await resumeFake(dir, { disk: again, ...fakes(attempt) }).result.catch(() => undefined);
      if (again.failed()) broken += 1;
    }
    if (!(await access(join(dir, "latest")).then(() => true, () => false))) withoutCheckpoint += 1;
    await resumeFake(dir).result;
    t.same(await resultFiles(dir), expected, `round ${round}`);
  }
  t.ok(broken >= 5, `${broken} of the resumed sittings broke too`);
  t.ok(withoutCheckpoint >= 1, `${withoutCheckpoint} runs had no checkpoint to go on from`);
});

t.test("a full disk: one clear error, the checkpoint before stays whole, and the run goes on when there is room", async (t) => {
  const parent = t.testdir({});
  const broken = trainFake(parent, { steps, run }, { disk: failingDisk({ bytes: 200_000, as: "full" }) });
  const events = await collect(broken).catch((error: unknown) => t.match(error, { code: "AZR_RUN_FOLDER", message: /disk is full/, hint: /azr resume/ }));
  t.type(events, "boolean", "iterating throws the error");
  await t.rejects(broken.result, { code: "AZR_RUN_FOLDER" });
  await t.rejects(broken.stop(), { code: "AZR_RUN_FOLDER" });
  const resumed = resumeFake(join(parent, "run"));
  const [start] = await collect(resumed);
  t.match(start, { type: "run-start", resumedFrom: 3 });
  t.same(await resultFiles(resumed.dir!), expected);
});

t.test("SIGKILL of a real process in mid-step, then resume", async (t) => {
  const child = fileURLToPath(new URL("./support/child.ts", import.meta.url));
  const start = (...args: string[]) => spawn(process.execPath, [...process.execArgv, child, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  /** Kills the process after so many lines of output; resolves with its signal. */
  const strike = (process: ReturnType<typeof start>, after: number) =>
    new Promise<string | null>((resolve) => {
      let seen = 0;
      process.stdout!.on("data", (chunk: Buffer) => {
        seen += chunk.toString().split("\n").length - 1;
        if (seen >= after) process.kill("SIGKILL");
      });
      process.on("exit", (_code, signal) => resolve(signal));
    });
  const parent = t.testdir({});
  const dir = join(parent, "run");
  t.equal(await strike(start("train", parent, String(steps)), 290), "SIGKILL");
  t.ok(await access(join(dir, "run.lock")).then(() => true), "the lock is left behind");
  t.equal(await strike(start("resume", dir), 120), "SIGKILL");
  t.equal(await strike(start("resume", dir), Infinity), null, "the third time it is left alone");
  t.same(await resultFiles(dir), expected);
});

t.test("stop() after the step, stop() at once, dispose, checkpoint(): all resume to the same bytes", async (t) => {
  const parent = t.testdir({});
  const dir = join(parent, "run");
  const first = trainFake(parent, { steps, run });
  const asked = first.checkpoint();
  for await (const { type, step } of first) {
    if (type === "rollout-end" && step === 2) {
      t.same(first.state, { phase: "running", step: 1 });
      await first.stop();
      break;
    }
  }
  t.match(await asked, /step-000000$/, "a checkpoint asked for before the first step is of step 0");
  t.match(await first.result, { status: "stopped", step: 2, dir, checkpoint: /step-000002$/ });
  t.same(first.state, { phase: "ended", step: 2 });
  await t.rejects(first.checkpoint(), { code: "AZR_DISPOSED" });

  const second = resumeFake(dir);
  for await (const event of second) if (event.type === "task-accepted" && event.step === 5) await second.stop({ when: "now" });
  t.match(await second.result, { status: "stopped", step: 4, checkpoint: /step-000004$/ }, "the step under way is given up");
  {
    await using third = resumeFake(dir);
    for await (const event of third) if (event.type === "reward-end" && event.step === 6) break;
  }
  const fourth = resumeFake(dir);
  let midway: Promise<string> | undefined;
  for await (const event of fourth) if (event.type === "step-start" && event.step === 7) midway = fourth.checkpoint();
  t.match(await midway, /step-000007$/);
  t.match(await fourth.result, { status: "finished", step: 8 });
  t.same(await resultFiles(dir), expected);
  const done = resumeFake(dir);
  t.match(await done.result, { status: "finished", step: 8 }, "a finished run has nothing left to do");
});

t.test("an abort rejects with its reason; one that came before leaves no folder", async (t) => {
  const parent = t.testdir({});
  const early = trainFake(parent, { run }, { signal: AbortSignal.abort("no time") });
  await t.rejects(early.result, { code: "AZR_ABORTED", cause: "no time" });
  t.equal(early.dir, undefined);
  const controller = new AbortController();
  const late = trainFake(parent, { steps, run }, {
    signal: controller.signal,
    onEvent: ({ type, step }) => void (type === "rollout-end" && step === 5 && controller.abort(new Error("enough"))),
  });
  await t.rejects(late.result, { code: "AZR_ABORTED", cause: { message: "enough" } });
  const events = await lines<{ type: string; status?: string }>(join(late.dir!, "events.jsonl"));
  t.match(events.at(-1), { type: "run-end", status: "failed", error: { code: "AZR_ABORTED" } });
  t.equal(await readFile(join(late.dir!, "latest"), "utf8"), "step-000003\n", "no checkpoint is made on the way out");
  await resumeFake(late.dir!).result;
  t.same(await resultFiles(late.dir!), expected);
});

t.test("what may change on resuming: how long and where, not what is computed", async (t) => {
  const parent = t.testdir({});
  const short = trainFake(parent, { steps: 2, run });
  await short.result;
  await t.rejects(resumeFake(short.dir!, { change: { seed: 5, steps: 9, update: { learningRate: 1 } } }).result, {
    code: "AZR_CHECKPOINT_INCOMPATIBLE",
    message: /run cannot be resumed with other values of seed \(0 there, 5 here\), update\.learningRate \(0\.00015 there, 1 here\); these differ too, and may: steps \(2 there, 9 here\)/,
    hint: /Leave seed, update\.learningRate as they were/,
    details: { differences: [{ path: "seed", there: 0, here: 5, mayChange: false }, { path: "steps", mayChange: true }, { path: "update.learningRate" }] },
  });
  await t.rejects(resumeFake(short.dir!, { change: { stepz: 5 } as object }).result, { code: "AZR_CONFIG_INVALID", message: /did you mean `steps`/ });
  const longer = resumeFake(short.dir!, { change: { steps } });
  t.match(await longer.result, { status: "finished", step: steps });
  t.same(await resultFiles(short.dir!), expected);
  t.match(JSON.parse(await readFile(join(short.dir!, "config.json"), "utf8")), { config: { steps }, origins: { steps: "argument", seed: "default" } });

  const budget = trainFake(join(parent, "b"), { steps: 1000, timeBudgetSeconds: 0.3, run: { name: "run" } });
  const { status, step } = await budget.result;
  t.equal(status, "out-of-time");
  t.ok(step >= 1 && step < 1000, `${step} steps`);
  const metrics = (await metricsText(budget.dir!)).split("\n");
  const other = Buffer.from(expected["metrics.jsonl"]!, "base64").toString().split("\n");
  const common = Math.min(step, steps);
  t.same(metrics.slice(0, common), other.slice(0, common), "the budget changes no step");
});

t.test("tasks keep the Python that made them; going on with another one is told, and goes on", async (t) => {
  const parent = t.testdir({});
  const withPython = (python: string) => ({ ...fakes(), executor: fakeExecutor({ python }) });
  const first = trainFake(parent, { steps: 2, run }, withPython("3.11.7"));
  const { dir } = await first.result;
  const pythons = async () => new Set((await lines<Task>(join(dir, "tasks.jsonl"))).map(({ origin }) => origin.python));
  t.same(await pythons(), new Set(["3.11.7"]), "seeds and proposals");
  /** The warnings of a resumed run. */
  const goOn = async (to: number, python: string) =>
    (await collect(resumeFake(dir, { change: { steps: to }, ...withPython(python) }))).filter(({ type }) => type === "warning");
  t.same(await goOn(3, "3.11.7"), []);
  t.match(await goOn(4, "3.12.1"), [{ code: "PYTHON_CHANGED", message: /Python 3\.12\.1 now, .* were made with 3\.11\.7; executor\.python/ }]);
  t.same(await pythons(), new Set(["3.11.7", "3.12.1"]));
  t.match(await goOn(5, "3.13.0"), [{ message: /made with 3\.11\.7 and 3\.12\.1;/ }]);
});

t.test("files that the configuration names are found from any folder", async (t) => {
  const parent = t.testdir({ "held-out.jsonl": `${JSON.stringify({ id: "h", kind: "deduction", program: "def f(zz):\n    return zz + 10", input: "1", output: "11" })}\n` });
  const file = join(parent, "held-out.jsonl");
  const one = trainFake(parent, { steps: 1, run, curriculum: { heldOut: [relative(process.cwd(), file)] } });
  await one.result;
  t.same(JSON.parse(await readFile(join(one.dir!, "config.json"), "utf8")).config.curriculum.heldOut, [file]);
});

t.test("damaged files of a run are refused with a way out", async (t) => {
  const parent = t.testdir({});
  const finished = trainFake(parent, { steps: 6, run });
  const { dir } = await finished.result;
  await copyFile(join(dir, "tasks.jsonl"), join(parent, "tasks"));
  const tasks = await readFile(join(dir, "tasks.jsonl"), "utf8");
  const change = resumeFake(dir, { change: { steps: 7 } });
  await change.stop();
  for (const [text, message] of [
    [tasks.replace(/"id":"t-\d/, '"id":"t-9'), /has no line in programs\.jsonl|cannot be restored/],
    [tasks.replace("{", "["), /cannot be restored/],
  ] as const) {
    await writeFile(join(dir, "tasks.jsonl"), text);
    await t.rejects(resumeFake(dir, { change: { steps: 9 } }).result, { code: "AZR_CHECKPOINT_CORRUPT", message });
  }
  await writeFile(join(dir, "tasks.jsonl"), tasks);
  await writeFile(join(dir, "checkpoints", "step-000006", "optimizer.safetensors"), "");
  await t.rejects(resumeFake(dir).result, { code: "AZR_CHECKPOINT_CORRUPT", hint: /from step-000003, .*--checkpoint step-000003$/ });
  await t.rejects(resumeFake(dir, { checkpoint: "step-000004" }).result, { code: "AZR_INPUT_INVALID", hint: "Choose one of step-000003, step-000006." });
  await resumeFake(dir, { checkpoint: "step-000003", set: ["steps=6"] }).result;
  t.same((await lines<{ step: number }>(join(dir, "metrics.jsonl"))).map(({ step }) => step), [1, 2, 3, 4, 5, 6], "the hint works");
  t.same((await readdir(join(dir, "checkpoints"))).sort(), ["step-000003", "step-000006", "step-000006.set-aside"]);
});

t.test("settings that were edited by hand are named beside those of the checkpoint", async (t) => {
  const parent = t.testdir({});
  const { dir } = await trainFake(parent, { steps: 3, run }).result;
  const path = join(dir, "config.json");
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace('"proposals": 8', '"proposals": 9').replace('"threads": 0', '"threads": 2').replace('"keepCheckpoints": 2', '"keepCheckpoints": 3'));
  await t.rejects(resumeFake(dir).result, {
    code: "AZR_CHECKPOINT_INCOMPATIBLE",
    message: /^step-000003 of .* cannot be resumed with other values of curriculum\.proposals \(8 there, 9 here\); these differ too, and may: engine\.threads \(0 there, 2 here\), run\.keep/,
  });
  await writeFile(path, text.replace('"threads": 0', '"threads": 2'));
  t.match(await resumeFake(dir, { change: { steps: 4 } }).result, { step: 4 }, "what may change may be edited");
  const raw = JSON.parse(text) as { hash: string; config: { run: Record<string, unknown>; update: Record<string, unknown> } };
  delete raw.config.run["rollBack"];
  delete raw.config.update["epsilon"];
  const hash = configHash(raw.config as unknown as Config);
  await writeFile(path, JSON.stringify({ ...raw, hash }));
  t.match(await resumeFake(dir, { change: { steps: 5 } }).result, { step: 5 }, "a config.json of a version that knew fewer settings");
});
