import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { formatNamed } from "../../src/curriculum/format.ts";
import type { Draft, RejectionReason, TaskKind, ValidateContext } from "../../src/curriculum/kinds/kind.ts";
import { kindNamed, kindNames, registerKind } from "../../src/curriculum/kinds/registry.ts";
import { programHash } from "../../src/curriculum/kinds/shared-program.ts";
import { builtInSeed, seedTasks } from "../../src/curriculum/seed.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import { readTaskFile } from "../../src/curriculum/task-file.ts";
import { verifyJsonl, type VerifyAnswer } from "../../src/curriculum/verify-jsonl.ts";
import type { Task, Verdict } from "../../src/curriculum/task.ts";
import { AzrError } from "../../src/errors.ts";
import { scriptedExecutor, type ScriptedProgram } from "./support/scripted-executor.ts";

const settings = curriculumSettings();
const compact = formatNamed("compact");
const paper = formatNamed("paper");
const plusOne = { run: (input: string) => String(Number(input) + 1) };

const programs: Record<string, ScriptedProgram> = {
  good: plusOne,
  banned: { analysis: { imports: ["math", "os.path"] } },
  "def f(a): return sys": {},
  several: { run: () => "1", analysis: { functions: ["g", "f"], topLevelFunctions: ["g", "f"] } },
  nested: { analysis: { functions: ["g", "f"], topLevelFunctions: ["g"] } },
  unparsable: { analysis: { ok: false, message: "invalid syntax (line 1)" } },
  raises: { run: () => ({ outcome: "runtime-error", error: "ValueError", message: "no", value: undefined }) },
  loops: { run: () => ({ outcome: "time-limit", value: undefined }) },
  fat: { run: () => ({ outcome: "memory-limit", value: undefined }) },
  chatty: { run: () => ({ outcome: "output-limit", value: undefined }) },
  object: { run: () => ({ outcome: "unrepresentable", value: undefined }) },
  hostile: { run: () => ({ outcome: "violation", value: undefined }) },
  refused: { run: () => ({ outcome: "bad-request", value: undefined, message: "not a literal" }) },
  broken: { run: () => ({ outcome: "sandbox-error", value: undefined }) },
  uncompiled: { run: () => ({ outcome: "compile-error", value: undefined, error: "SyntaxError" }) },
  costly: { run: () => ({ outcome: "ok", value: "1", cpuMs: 251, wallMs: 300 }) },
  delayed: { run: () => ({ outcome: "ok", value: "1", cpuMs: 1, wallMs: 2999 }) },
  affordable: { run: () => ({ outcome: "ok", value: "1", cpuMs: 250, wallMs: 750 }) },
  random: { run: () => "1", deterministic: false },
  long: { run: () => "1".repeat(2001) },
  marker: { run: () => "'<|end|>'" },
  tag: { run: () => "'</answer>'" },
  unavailable: { fails: new AzrError("AZR_EXECUTOR_FAILED", "the sandbox failed three times") },
  disposed: { fails: new AzrError("AZR_DISPOSED", "the executor is closed") },
  second: { run: (input) => (input === "2" ? { outcome: "runtime-error", error: "KeyError", value: undefined } : "1") },
};

type Changes = Partial<ValidateContext>;

t.test("what becomes of a draft", async (t) => {
  const word = curriculumSettings({ validation: { bannedWords: ["sys", "os.path"] } });
  const single = curriculumSettings({ validation: { rejectSeveralFunctions: true } });
  const cases: [string, Partial<Draft>, RejectionReason | "accepted", Changes?][] = [
    ["a good one", { program: "good" }, "accepted"],
    ["an unparsable program", { program: "unparsable" }, "syntax"],
    ["f only inside another function", { program: "nested" }, "no-entry-function"],
    ["helpers are welcome", { program: "several" }, "accepted"],
    ["helpers, where refused", { program: "several" }, "several-functions", { settings: single }],
    ["a part of a banned module", { program: "banned" }, "banned"],
    ["a banned word", { program: "def f(a): return sys" }, "banned", { settings: word }],
    ["no banned word", { program: "good" }, "accepted", { settings: word }],
    ["a held-out program", { program: "good" }, "held-out", { excludedPrograms: new Set([programHash("normalised good")]) }],
    ["another is held out", { program: "good" }, "accepted", { excludedPrograms: new Set([programHash("normalised other")]) }],
    ["a known program", { program: "good" }, "duplicate", { isKnown: () => true }],
    ["a known program that fails is a duplicate", { program: "raises" }, "duplicate", { isKnown: () => true }],
    ["held out before known", { program: "good" }, "held-out", { isKnown: () => true, excludedPrograms: new Set([programHash("normalised good")]) }],
    ["an exception", { program: "raises" }, "runtime-error"],
    ["too slow", { program: "loops" }, "time-limit"],
    ["too much memory", { program: "fat" }, "memory-limit"],
    ["too much output", { program: "chatty" }, "output-limit"],
    ["no plain value", { program: "object" }, "unrepresentable"],
    ["a hostile call", { program: "hostile" }, "violation"],
    ["an input that is no literal", { program: "refused" }, "bad-input"],
    ["a program that parses and does not compile", { program: "uncompiled" }, "syntax"],
    ["the sandbox fails in a run", { program: "broken" }, "sandbox-error"],
    ["the executor gives up", { program: "unavailable" }, "sandbox-error"],
    ["more than a quarter of the processor limit", { program: "costly" }, "too-costly"],
    ["a quarter of the processor limit", { program: "affordable" }, "accepted"],
    ["long on the wall clock, which is the machine's doing", { program: "delayed" }, "accepted"],
    ["a value that varies", { program: "random" }, "nondeterministic"],
    ["a long output", { program: "long" }, "too-long"],
    ["a long program", { program: "x".repeat(8001) }, "too-long"],
    ["a program of many bytes", { program: "\u{1f600}".repeat(4000) + "x".repeat(400) }, "too-long", { settings: curriculumSettings({ validation: { maxProgramCharacters: 9000 } }) }],
    ["a long input", { inputs: ["1".repeat(2001)] }, "too-long"],
    ["a long message", { message: "m".repeat(4001) }, "too-long"],
    ["an empty input", { inputs: [""] }, "bad-input"],
    ["an output with a marker", { program: "marker" }, "marker", { format: compact }],
    ["that marker in another format", { program: "marker" }, "accepted", { format: paper }],
    ["an output with an answer tag", { program: "tag" }, "marker", { format: paper }],
    ["an input with a marker", { inputs: ["'<|output|>'"] }, "marker", { format: compact }],
    ["no format given", { program: "marker" }, "accepted"],
  ];
  for (const kind of ["deduction", "abduction", "induction"]) {
    for (const [name, draft, want, changes] of cases) {
      const executor = scriptedExecutor(programs);
      const result = await kindNamed(kind).validate({ program: "good", inputs: ["3"], ...draft }, { executor, settings, ...changes });
      t.equal(result.ok ? "accepted" : result.reason, want, `${kind}: ${name}`);
      if (!result.ok) t.ok(result.detail.length > 0, "says why");
      const early = ["duplicate", "held-out", "syntax", "banned", "no-entry-function", "several-functions"].includes(want) && draft.program !== "uncompiled";
      if (early) t.equal(executor.calls.runs.length, 0, "nothing is run for it");
    }
    await t.rejects(kindNamed(kind).validate({ program: "disposed", inputs: ["3"] }, { executor: scriptedExecutor(programs), settings }), {
      code: "AZR_DISPOSED",
    });
  }
});

t.test("the tasks that drafts become", async (t) => {
  const executor = scriptedExecutor(programs);
  const context = { executor, settings };
  const hash = programHash("normalised good");
  t.match(hash, /^[0-9a-f]{16}$/);
  t.same(await kindNamed("deduction").validate({ program: "good", inputs: ["3"] }, context), {
    ok: true,
    task: { kind: "deduction", program: "good", input: "3", output: "4" },
    programHash: hash,
    key: hash,
    statements: 1,
  });
  t.match(executor.calls.runs[0], {
    determinism: "full",
    isolation: "program",
    inputs: ["3"],
    limits: { cpuMs: 250, wallMs: 3000, memoryBytes: 64 << 20, outputBytes: 16 << 10 },
    variantLimits: { memoryBytes: 256 << 20, outputBytes: 64 << 10 },
  });
  const induction = await kindNamed("induction").validate({ program: "good", inputs: ["1", "2", "3"], message: "more" }, context);
  t.match(induction, {
    ok: true,
    task: { kind: "induction", program: "good", pairs: [{ input: "1", output: "2" }, { input: "2", output: "3" }, { input: "3", output: "4" }], shown: 3, message: "more" },
    programHash: hash,
  });
  t.equal(executor.calls.runs[1]!.inputs.length, 3, "one request for all inputs");

  const other = await kindNamed("induction").validate({ program: "good", inputs: ["1", "2", "4"] }, context);
  t.ok(induction.ok && other.ok && induction.key !== other.key && induction.key !== hash, "an induction task is known by program and inputs");
  for (const twin of ["1", "1.0", "True", " 1", "0x1", "+1", "1,"]) {
    const twice = await kindNamed("induction").validate({ program: "good", inputs: ["1", "2", twin] }, context);
    t.match(twice, { ok: false, reason: "too-few-inputs", detail: "input 3 has the value of input 1" }, twin);
  }
  t.match(await kindNamed("induction").validate({ program: "good", inputs: ["1", "2", "a=3"] }, context), { ok: false, reason: "bad-input" });
  const gone = { ...executor, parse: () => Promise.reject(new AzrError("AZR_EXECUTOR_FAILED", "gone")) };
  t.match(await kindNamed("induction").validate({ program: "good", inputs: ["1", "2", "+3"] }, { executor: gone, settings }), { ok: false, reason: "sandbox-error", detail: "gone" });
  const allowed = curriculumSettings({ induction: { distinct: false } });
  t.match(await kindNamed("induction").validate({ program: "good", inputs: ["1", "1"] }, { executor, settings: allowed }), { ok: true });
  t.match(await kindNamed("induction").validate({ program: "second", inputs: ["1", "2", "3"] }, context), {
    ok: false,
    reason: "runtime-error",
    detail: "KeyError",
  });
});

t.test("proposals and answers are parsed through the format", async (t) => {
  const source: Task = { id: "s", kind: "deduction", program: "good", input: "1", output: "2", origin: { step: 0, parents: [] } };
  const three = curriculumSettings({ induction: { inputs: 3, shown: 1 } });
  const deduction = kindNamed("deduction");
  const induction = kindNamed("induction");
  t.same(deduction.parseProposal("<|program|>p<|input|>1<|end|>", { references: [] }, compact, settings), {
    ok: true,
    draft: { program: "p", inputs: ["1"] },
  });
  t.match(deduction.parseProposal("<|program|>p<|end|>", { references: [] }, compact, settings), { ok: false, reason: "wrapper" });
  t.same(induction.parseProposal("<|input|>1<|input|>2<|input|>3<|end|>", { references: [], source }, compact, three), {
    ok: true,
    draft: { program: "good", inputs: ["1", "2", "3"] },
  });
  t.match(induction.parseProposal("<|input|>1<|end|>", { references: [], source }, compact, three), { ok: false, reason: "too-few-inputs" });
  const fences = ["input\n1", "input\n2", "input\n3", "message\nhi"].map((block) => `\`\`\`${block}\n\`\`\``).join("\n");
  t.same(induction.parseProposal(`<think></think><answer>\n${fences}\n</answer>`, { references: [], source }, paper, three), {
    ok: true,
    draft: { program: "good", inputs: ["1", "2", "3"], message: "hi" },
  });
  t.throws(() => induction.buildProposalPrompt({ references: [] }, compact, settings), { code: "AZR_INPUT_INVALID" });

  const answers: [string, string, string | "wrapper" | "malformed"][] = [
    ["deduction", "<|output|>7<|end|>", "7"],
    ["abduction", "<|input|>7, 8<|end|>", "7, 8"],
    ["induction", "<|program|>good<|end|>", "good"],
    ["induction", "<|output|>good<|end|>", "wrapper"],
    ["deduction", "<|output|>7", "wrapper"],
  ];
  for (const [kind, text, want] of answers) {
    const parsed = kindNamed(kind).parseAnswer(text, compact);
    t.equal(parsed.ok ? parsed.answer : parsed.reason, want);
  }
  t.match(kindNamed("induction").parseAnswer("<think></think><answer>none</answer>", paper), { ok: false, reason: "malformed" });
});

const deduce = (output: string): Task => ({ id: "d", kind: "deduction", program: "good", input: "1", output, origin: { step: 1, parents: [] } });
const abduce = (program: string, output = "4"): Task => ({ id: "a", kind: "abduction", program, input: "3", output, origin: { step: 1, parents: [] } });
const induce: Task = {
  id: "i",
  kind: "induction",
  program: "good",
  pairs: [1, 2, 3, 4].map((n) => ({ input: String(n), output: String(n + 1) })),
  shown: 2,
  origin: { step: 1, parents: [] },
};

t.test("verdicts on deduction", async (t) => {
  const cases: [output: string, answer: string, Verdict, parses: number][] = [
    ["[1, 2]", "[1, 2]", "correct", 0],
    ["[1, 2]", " [1,2]\n", "correct", 0],
    ["[1, 2]", "[1.0, 2]", "correct", 0],
    ["[1, 2]", "(1, 2)", "wrong", 0],
    ["[1, 2]", "[2, 1]", "wrong", 0],
    ["1", "True", "correct", 0],
    ["5", "(5)", "correct", 1],
    ["'a'", "'a'", "correct", 0],
    ["'a'", '"a"', "correct", 0],
    ["'a'", "'b'", "wrong", 1],
    ["{1}", "{1, 1}", "correct", 1],
    ["{1, 2}", "{2, 1}", "correct", 0],
    ["nan", "nan", "correct", 0],
    ["[1, 2]", "", "malformed", 1],
    ["[1, 2]", "[1, 2", "malformed", 1],
    ["[1, 2]", "sorted([2, 1])", "malformed", 1],
    ["[1, 2]", "output", "malformed", 1],
    ["[1, 2]", "__import__('os').system('true')", "malformed", 1],
  ];
  for (const [output, answer, verdict, parses] of cases) {
    const executor = scriptedExecutor(programs);
    const result = await kindNamed("deduction").verify(deduce(output), answer, { executor, settings });
    t.equal(result.verdict, verdict, `${answer} for ${output}`);
    t.equal(executor.calls.parses.length, parses, `${parses} parsed in the child`);
    t.equal(executor.calls.runs.length, 0, "nothing is run");
  }
  const failing = { ...scriptedExecutor(programs), parse: () => Promise.reject(new AzrError("AZR_EXECUTOR_FAILED", "gone")) };
  t.match(await kindNamed("deduction").verify(deduce("'a'"), "x", { executor: failing, settings }), { verdict: "undecided", detail: "gone" });
});

t.test("verdicts on abduction", async (t) => {
  const flaky: ScriptedProgram = { run: () => "4", deterministic: false };
  const all = { ...programs, flaky };
  const cases: [program: string, answer: string, Verdict, runs: number][] = [
    ["good", "3", "correct", 0],
    ["good", " 3 ", "correct", 0],
    ["good", "3.0", "correct", 1],
    ["good", "2", "wrong", 1],
    ["flaky", "9", "wrong", 1],
    ["raises", "9", "wrong", 1],
    ["loops", "9", "wrong", 1],
    ["refused", "9) or (1", "malformed", 1],
    ["broken", "9", "undecided", 1],
    ["unavailable", "9", "undecided", 1],
  ];
  for (const [program, answer, verdict, runs] of cases) {
    const executor = scriptedExecutor(all);
    const result = await kindNamed("abduction").verify(abduce(program), answer, { executor, settings });
    t.equal(result.verdict, verdict, `${answer} for ${program}`);
    t.equal(executor.calls.runs.length, runs);
    for (const { limits, determinism, expected } of executor.calls.runs) {
      t.same(limits, settings.limits, "an answer has the whole of each limit");
      t.same({ determinism, expected }, { determinism: "pair", expected: ["4"] }, "a second process where the output is right");
    }
  }
});

t.test("verdicts on induction", async (t) => {
  const all: Record<string, ScriptedProgram> = {
    ...programs,
    "x + 1": plusOne,
    "only hidden": { run: (input) => (Number(input) > 2 ? String(Number(input) + 1) : "0") },
    "only shown": { run: (input) => (Number(input) <= 2 ? String(Number(input) + 1) : "0") },
    flaky: { ...plusOne, deterministic: false },
  };
  const everything = curriculumSettings({ induction: { check: "all" } });
  const cases: [answer: string, Verdict, runs: number, typeof settings?][] = [
    ["good", "correct", 0],
    ["good\n", "correct", 0],
    ["x + 1", "correct", 1],
    ["x + 1", "correct", 1, everything],
    ["only hidden", "correct", 1],
    ["only hidden", "wrong", 1, everything],
    ["only shown", "wrong", 1],
    ["flaky", "wrong", 1],
    ["raises", "wrong", 1],
    ["uncompiled", "malformed", 1],
    ["broken", "undecided", 1],
    ["unavailable", "undecided", 1],
  ];
  for (const [answer, verdict, runs, own] of cases) {
    const executor = scriptedExecutor(all);
    const result = await kindNamed("induction").verify(induce, answer, { executor, settings: own ?? settings });
    t.equal(result.verdict, verdict, `${answer}${own ? " on all pairs" : ""}`);
    t.equal(executor.calls.runs.length, runs);
    for (const { inputs, limits, determinism, isolation, expected } of executor.calls.runs) {
      const outputs = inputs.map((input) => String(Number(input) + 1));
      t.same({ inputs, determinism, isolation, expected }, { inputs: own ? ["1", "2", "3", "4"] : ["3", "4"], determinism: "pair", isolation: "program", expected: outputs });
      t.match(limits, { cpuMs: 500, wallMs: 3000, memoryBytes: 256 << 20 }, "twice what the task's program may have used, a pair");
    }
  }
});

t.test("tasks that lack the fields of their kind", async (t) => {
  const executor = scriptedExecutor(programs);
  const bare: Task = { id: "b", kind: "x", program: "good", origin: { step: 0, parents: [] } };
  for (const kind of kindNames()) {
    await t.rejects(kindNamed(kind).verify(bare, "1", { executor, settings }), { code: "AZR_INPUT_INVALID" }, kind);
    t.throws(() => kindNamed(kind).buildSolutionPrompt(bare, compact), { code: "AZR_INPUT_INVALID" }, kind);
  }
  for (const shown of [0, 4, undefined]) {
    await t.rejects(kindNamed("induction").verify({ ...induce, shown }, "1", { executor, settings }), { code: "AZR_INPUT_INVALID" });
  }
});

t.test("kinds by name", async (t) => {
  t.same(kindNames(), ["deduction", "abduction", "induction"]);
  t.throws(() => kindNamed("nothing"), { code: "AZR_CONFIG_INVALID", hint: /deduction, abduction, induction/ });
  const own: TaskKind = { ...kindNamed("deduction"), name: "completion", letter: "c" };
  registerKind(own);
  t.equal(kindNamed("completion"), own);
  t.throws(() => registerKind(own), { code: "AZR_CONFIG_INVALID" });
  t.throws(() => registerKind({ ...own, name: "other" }), { code: "AZR_CONFIG_INVALID" }, "the letter is taken");
});

t.test("seeds", async (t) => {
  const identity: ScriptedProgram = { run: (input) => input };
  const executor = scriptedExecutor({ "def f(a):\n    return a": identity, "def f(x):\n    return x": identity, good: plusOne, raises: programs.raises! });
  for (const [format, inputs] of [[compact, 6], [paper, 10], [compact, 12]] as const) {
    const own = curriculumSettings({ induction: { inputs, shown: 5 } });
    for (const name of ["deduction", "abduction", "induction"]) {
      const kind = kindNamed(name);
      const [seed, ...more] = await seedTasks(kind, { executor, settings: own, format });
      t.same(more, []);
      t.match(seed!.task, { id: `t-0-${kind.letter}-0`, kind: name, origin: { step: 0, parents: [], seed: true } });
      if (name === "induction") {
        t.equal(seed!.task.pairs!.length, inputs);
        t.equal(new Set(seed!.task.pairs!.map(({ input }) => input)).size, inputs, "distinct inputs");
        t.equal(seed!.task.message !== undefined, format === paper);
      } else {
        t.equal(seed!.task.output, format === paper ? "'Hello world'" : "[1, 2, 3]");
      }
      kind.buildSolutionPrompt(seed!.task, format);
    }
  }
  t.same(builtInSeed(kindNamed("deduction"), compact, settings), { program: "def f(a):\n    return a", inputs: ["[1, 2, 3]"] });

  const own = [abduce("good"), induce, deduce("whatever it says")];
  const seeded = await seedTasks(kindNamed("deduction"), { executor, settings, format: compact }, own);
  t.match(seeded, [{ task: { id: "d", input: "1", output: "2", origin: { seed: true } } }], "outputs are computed, not believed");
  t.equal((await seedTasks(kindNamed("induction"), { executor, settings, format: compact }, own)).length, 1);
  await t.rejects(seedTasks(kindNamed("abduction"), { executor, settings, format: compact }, [abduce("raises")]), {
    code: "AZR_INPUT_INVALID",
    message: /seed task a is not valid \(runtime-error\)/,
  });
});

t.test("files of tasks and of answers", async (t) => {
  const folder = t.testdir({});
  const path = join(folder, "tasks.jsonl");
  writeFileSync(path, `${JSON.stringify(abduce("good"))}\n\n${JSON.stringify({ id: "x", kind: "deduction", program: "good", input: "1", output: "2" })}\n`);
  const tasks = await readTaskFile(path);
  t.same(tasks.map(({ id, origin }) => [id, origin.step]), [["a", 1], ["x", 0]]);
  writeFileSync(path, `${JSON.stringify(abduce("good"))}\n${JSON.stringify({ ...abduce("good"), colour: 1 })}\n{\n`);
  await t.rejects(readTaskFile(path), { code: "AZR_INPUT_INVALID", message: /line 2: .*"colour"/ });
  const bad: number[] = [];
  t.equal((await readTaskFile(path, ({ line }) => bad.push(line))).length, 1);
  t.same(bad, [2, 3]);
  writeFileSync(path, "\n");
  await t.rejects(readTaskFile(path), { code: "AZR_INPUT_INVALID", message: /no task/ });
  await t.rejects(readTaskFile(join(folder, "missing.jsonl")), { code: "AZR_INPUT_INVALID", message: /cannot be read/ });

  const lines = [
    { id: 1, task: abduce("good"), answer: "3" },
    { id: "two", task: deduce("[1]"), answer: "[2]" },
    { id: 3, task: { ...deduce("[1]"), output: undefined }, answer: "[2]" },
    { id: 4, task: { ...deduce("[1]"), kind: "nothing" }, answer: "[2]" },
    { id: 5, task: deduce("[1]"), answer: "[1]", extra: true },
    { id: 6, task: deduce("[1]") },
    ...Array.from({ length: 30 }, (_, at) => ({ id: 100 + at, task: induce, answer: at % 2 === 0 ? "good" : "raises" })),
  ].map((line) => JSON.stringify(line));
  lines.splice(2, 0, "not JSON", "");
  const answers: VerifyAnswer[] = [];
  const badLines: number[] = [];
  const counts = await verifyJsonl({
    executor: scriptedExecutor(programs),
    source: lines.join("\n"),
    onAnswer: (answer) => void answers.push(answer),
    onBadLine: ({ line }) => void badLines.push(line),
  });
  t.same(counts, { answered: 32, badLines: 5 });
  t.same(badLines, [3, 5, 6, 7, 8]);
  t.same(answers.slice(0, 2).map(({ id, verdict }) => [id, verdict]), [[1, "correct"], ["two", "wrong"]]);
  t.same(answers.slice(2).map(({ id, verdict }) => [id, verdict]), Array.from({ length: 30 }, (_, at) => [100 + at, at % 2 === 0 ? "correct" : "wrong"]), "in order");
  const job = { onAnswer: () => {}, onBadLine: () => {}, executor: scriptedExecutor(programs) };
  await t.rejects(verifyJsonl({ ...job, source: JSON.stringify({ id: 1, task: abduce("disposed"), answer: "1" }) }), { code: "AZR_DISPOSED" });
});

t.test("settings", async (t) => {
  t.throws(() => curriculumSettings({ induction: { inputs: 3, shown: 3 } }), { code: "AZR_CONFIG_INVALID", message: /shown/ });
  t.throws(() => curriculumSettings({ validation: { headrom: 1 } } as never), { code: "AZR_CONFIG_INVALID", message: /headrom/ });
  t.equal(curriculumSettings({ limits: { cpuMs: 100 } }).limits.wallMs, 3000);
});
