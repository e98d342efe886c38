// The command line as a user meets it: help, mistakes, exit codes, JSONL commands with bad lines, signals, a reader that leaves.
import t from "tap";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createProgram } from "../../src/cli/program.ts";
import { describeFailure, failureJson, failureText } from "../../src/cli/failure.ts";
import { quote, runCommand } from "../../src/cli/run-command.ts";
import { stoppable } from "../../src/cli/stop.ts";
import { AzrError } from "../../src/errors.ts";
import { azr, azrProcess, capture, jsonLines, noExecutor } from "./harness.ts";

t.test("help", async (t) => {
  const { context } = capture();
  const program = createProgram(context);
  const commands = program.commands.flatMap((command) => (command.commands.length > 0 ? command.commands.map((inner) => [command.name(), inner.name()]) : [[command.name()]]));
  const texts: string[] = [];
  for (const names of [[], ...commands]) {
    const { code, stdout, stderr } = await azr([...names, "--help"]);
    const name = ["azr", ...names].join(" ");
    t.equal(code, 0, `${name} --help succeeds`);
    t.equal(stderr, "", `${name}: help is a result, on stdout`);
    t.match(stdout, /^Examples?:\n {2}/m, `${name}: has an example`);
    t.notMatch(stdout, /^ {2}--\S+( <[^>]+>)?$/m, `${name}: every option says what it does`);
    if (names.length > 0) t.match(stdout, /--json/, `${name}: has --json`);
    texts.push(`$ ${name} --help\n${stdout}`);
  }
  // The whole text is kept as a file so that changes of it are seen in review. AZR_UPDATE_SNAPSHOTS=1 writes it anew.
  const file = fileURLToPath(new URL("./help.txt", import.meta.url));
  const all = texts.join("\n");
  if (process.env["AZR_UPDATE_SNAPSHOTS"] === "1") writeFileSync(file, all);
  t.equal(all, readFileSync(file, "utf8"), "the help is as recorded in test/cli/help.txt");
});

t.test("mistakes on the command line", async (t) => {
  const cases: { args: string[]; code: number; says: RegExp }[] = [
    { args: ["demo", "--sed", "3"], code: 2, says: /Unknown option '--sed'.*--seed/ },
    { args: ["frobnicate"], code: 2, says: /Unknown command 'frobnicate'/ },
    { args: ["trian"], code: 2, says: /Did you mean train/ },
    { args: ["train", "--steps", "x"], code: 2, says: /--steps.*whole number of at least 0/ },
    { args: ["train", "--steps", "-1"], code: 2, says: /whole number of at least 0/ },
    { args: ["train", "--preset", "huge"], code: 2, says: /Allowed choices are demo/ },
    { args: ["train", "--set", "updat.learningRate=3"], code: 2, says: /AZR_CONFIG_INVALID.*did you mean `update`/ },
    { args: ["train", "nowhere.json"], code: 2, says: /AZR_CONFIG_NOT_FOUND/ },
    { args: ["generate", "--prompt", "a", "--top-p", "1.5"], code: 2, says: /a number from 0 to 1/ },
    { args: ["generate"], code: 2, says: /--prompt/ },
    { args: ["generate", "--prompt", "a", "--model", "no/such/folder/"], code: 5, says: /AZR_MODEL_NOT_FOUND/ },
    { args: ["eval"], code: 2, says: /suite/ },
    { args: ["exec", "--jsonl", "nowhere.jsonl"], code: 2, says: /nowhere\.jsonl cannot be read/ },
    { args: ["exec", "--jsonl", "."], code: 2, says: /input \. cannot be read/ },
    { args: ["demo", "--resume", "x", "--seed", "1"], code: 2, says: /'--resume <run>' cannot be used with option '--seed <n>'/ },
    { args: ["eval", "nowhere.jsonl", "--out", "no/folder/x.jsonl"], code: 2, says: /cannot be written/ },
    { args: ["compare", "a.jsonl", "b.jsonl"], code: 2, says: /a\.jsonl cannot be read/ },
    { args: ["compare", "a.jsonl"], code: 2, says: /missing required argument 'after'/i },
    { args: ["resume", "no-such-run"], code: 5, says: /AZR_RUN_FOLDER/ },
  ];
  const cwd = t.testdir({});
  for (const { args, code, says } of cases) {
    const name = `azr ${args.join(" ")}`;
    const plain = await azr(args, cwd);
    t.equal(plain.code, code, `${name}: exit code`);
    t.match(plain.stderr, says, `${name}: says what is wrong`);
    t.match(plain.stderr, /^AZR_[A-Z_]+: .*\n {2}why: [^]* {2}tried: [^]* {2}do: [^]* {2}more: /, `${name}: five parts`);
    t.equal(plain.stdout, "", `${name}: nothing on stdout`);
    const json = await azr([...args, "--json"], cwd);
    t.equal(json.code, code, `${name} --json: exit code`);
    const [error] = jsonLines(json.stderr).slice(-1);
    t.match(error, { type: "error", code: /^AZR_/, what: says.source.startsWith("AZR_") ? String : says, why: [String], do: [String], exitCode: code }, `${name} --json: one object`);
  }
  const bare = await azr([]);
  t.equal(bare.code, 2);
  t.match(bare.stderr, /Usage: azr/);
  const version = await azr(["--version"]);
  t.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  t.equal(version.code, 0);
});

t.test("failures of every sort have their five parts", async (t) => {
  const attempts = [{ source: "LIBTORCH", result: "not set" }, { source: "python3", result: "has no torch" }];
  const nested = new AzrError("AZR_TORCH_NOT_FOUND", "No LibTorch was found.", {
    hint: "npx azr torch install",
    details: { attempts },
    cause: new Error("outer", { cause: new Error("inner") }),
  });
  const failure = describeFailure(nested);
  t.same(failure.why, ["outer", "inner"]);
  t.same(failure.tried, ["LIBTORCH: not set", "python3: has no torch"]);
  t.same(failure.more, ["npx azr doctor"]);
  t.equal(failure.exitCode, 3);
  t.equal(
    failureText(failure),
    [
      "AZR_TORCH_NOT_FOUND: No LibTorch was found.",
      "  why:   outer",
      "         inner",
      "  tried: 1. LIBTORCH: not set",
      "         2. python3: has no torch",
      "  do:    npx azr torch install",
      "  more:  npx azr doctor",
      "",
    ].join("\n"),
  );
  t.equal(jsonLines(failureJson(failure)).length, 1);
  const bug = describeFailure(new TypeError("x is not a function"));
  t.match(bug, { code: "AZR_INTERNAL", exitCode: 70, what: /x is not a function/, more: [/report/] });
  t.notMatch(failureText(bug), / at .*cli\.test/, "no stack");
  t.match(failureText(describeFailure(new TypeError("x is not a function"), { verbose: true })), /\n {2}stack: TypeError: x is not a function\n {9} +at .*cli\.test/, "unless it is asked for");
  t.equal(describeFailure(nested, { verbose: true }).stack?.length, 3, "one for each cause");
  t.match(describeFailure("just a text"), { code: "AZR_INTERNAL", what: "just a text" });
  // An error of another copy of the package, or of the plain-Node scripts, counts as ours.
  const foreign = Object.assign(new Error("no compiler"), { code: "AZR_ADDON_BUILD_FAILED", hint: "apt-get install g++", exitCode: 3, [Symbol.for("absolute-zero.error")]: true });
  t.match(describeFailure(foreign), { code: "AZR_ADDON_BUILD_FAILED", exitCode: 3, do: ["apt-get install g++"] });
  t.equal(quote("runs/a-1"), "runs/a-1");
  t.equal(quote("it's here"), `'it'\\''s here'`);
});

t.test("exec and verify: good lines answered in order, bad lines named, exit code 1", { skip: noExecutor() ?? false }, async (t) => {
  const program = "def f(a):\n    return sorted(a)[::-1]";
  const cwd = t.testdir({
    "mixed.jsonl": [
      JSON.stringify({ id: 1, program, inputs: ["[1, 3, 2]", "[]"] }),
      "{broken",
      JSON.stringify({ id: "two", program: "def f(a):\n    import os\n    return os.system('true')", inputs: ["1"] }),
      JSON.stringify({ id: 3, program, inputs: ["1"], colour: "red" }),
      JSON.stringify({ id: 4, program: "def f(a):\n    return a / 0", inputs: ["1"] }),
      "",
    ].join("\n"),
    "clean.jsonl": `${JSON.stringify({ id: 1, program, inputs: ["[2, 5]"] })}\n`,
    "answers.jsonl": [
      { id: "right", task: { id: "t", kind: "deduction", program: "def f(a):\n    return a + 1", input: "1", output: "2" }, answer: "2.0" },
      { id: "wrong", task: { id: "t", kind: "deduction", program: "def f(a):\n    return a + 1", input: "1", output: "2" }, answer: "3" },
      { id: "none", task: { id: "t", kind: "deduction", program: "def f(a):\n    return a + 1", input: "1", output: "2" }, answer: "1 + 1" },
      { id: "other", task: { id: "t", kind: "abduction", program: "def f(a):\n    return a % 2", input: "3", output: "1" }, answer: "5" },
      { id: "bad", task: { id: "t", kind: "abduction", program: "def f(a):\n    return a % 2" }, answer: "5" },
    ]
      .map((line) => JSON.stringify(line))
      .join("\n"),
  });
  const mixed = await azr(["exec", "--jsonl", "mixed.jsonl"], cwd);
  t.equal(mixed.code, 1);
  const answers = jsonLines(mixed.stdout);
  t.same(answers.map(({ id }) => id), [1, "two", 4]);
  t.match(answers[0], { deterministic: true, runs: [{ outcome: "ok", value: "[3, 2, 1]" }, { outcome: "ok", value: "[]" }] });
  t.match(answers[1], { deterministic: null, runs: [{ outcome: "runtime-error" }] });
  t.match(answers[2], { deterministic: null, runs: [{ outcome: "runtime-error", error: "ZeroDivisionError" }] });
  t.match(mixed.stderr, /^mixed\.jsonl:2: not valid JSON.*\nmixed\.jsonl:4: unknown field "colour"\n3 answered in .*, 2 bad lines left out\n$/);
  const json = await azr(["exec", "--jsonl", "mixed.jsonl", "--json", "--determinism", "once"], cwd);
  t.match(jsonLines(json.stderr), [{ type: "bad-line", line: 2 }, { type: "bad-line", line: 4 }, { type: "summary", answered: 3, badLines: 2, perSecond: Number }]);
  t.same(jsonLines(json.stdout).map(({ deterministic }) => deterministic), [null, null, null]);
  t.equal((await azr(["exec", "--jsonl", "clean.jsonl"], cwd)).code, 0);
  const verdicts = await azr(["verify", "--jsonl", "answers.jsonl"], cwd);
  t.equal(verdicts.code, 1);
  t.same(jsonLines(verdicts.stdout).map(({ id, verdict }) => [id, verdict]), [
    ["right", "correct"],
    ["wrong", "wrong"],
    ["none", "malformed"],
    ["other", "correct"],
  ]);
  t.match(verdicts.stderr, /answers\.jsonl:5: .*needs both/);
});

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
  });
});

t.test("the entry point as a process", async (t) => {
  t.test("exit codes reach the shell", async (t) => {
    const child = azrProcess(["train", "--steps", "x"]);
    const [code] = (await once(child, "close")) as [number];
    t.equal(code, 2);
  });
  t.test("a reader that leaves ends the command quietly", async (t) => {
    const child = azrProcess(["--help"]);
    let stderr = "";
    child.stderr!.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout!.destroy();
    const [code] = (await once(child, "close")) as [number];
    t.equal(code, 0);
    t.notMatch(stderr, /EPIPE|Error/);
  });
});
