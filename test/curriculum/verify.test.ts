// What each kind says of an answer, and how much is run for it. (verdicts.test.ts does this on the real executor.)
import t from "tap";
import { formatNamed } from "../../src/curriculum/format.ts";
import { kindNamed, kindNames } from "../../src/curriculum/kinds/registry.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import type { Task, Verdict } from "../../src/curriculum/task.ts";
import { AzrError } from "../../src/errors.ts";
import { scriptedExecutor, type ScriptedProgram } from "./support/scripted-executor.ts";
import { abduce, deduce, induce, plusOne, programs } from "./support/scripted-programs.ts";

const settings = curriculumSettings();
const compact = formatNamed("compact");

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
    ["flaky", "9", "wrong", 2],
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
    // Whether a program that varies is no function is asked in a second request (contradictions.test.ts).
    for (const { limits, determinism, expected } of executor.calls.runs.slice(0, 1)) {
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
    "right beside the other inputs": { run: (input, { isolation }) => (isolation === "program" ? plusOne.run(input) : "0") },
  };
  const everything = curriculumSettings({ induction: { check: "all" } });
  const cases: [answer: string, Verdict, requests: number, typeof settings?][] = [
    ["good", "correct", 0],
    ["good\n", "correct", 0],
    ["x + 1", "correct", 2],
    ["x + 1", "correct", 2, everything],
    ["only hidden", "correct", 2],
    ["only hidden", "wrong", 1, everything],
    ["only shown", "wrong", 1],
    ["flaky", "wrong", 2],
    ["right beside the other inputs", "wrong", 2],
    ["raises", "wrong", 1],
    ["uncompiled", "malformed", 1],
    ["broken", "undecided", 1],
    ["unavailable", "undecided", 1],
  ];
  for (const [answer, verdict, requests, own] of cases) {
    const executor = scriptedExecutor(all);
    const result = await kindNamed("induction").verify(induce, answer, { executor, settings: own ?? settings });
    t.equal(result.verdict, verdict, `${answer}${own ? " on all pairs" : ""}`);
    t.equal(executor.calls.runs.length, requests);
    for (const [at, { inputs, limits, determinism, isolation, expected }] of executor.calls.runs.entries()) {
      const outputs = inputs.map((input) => String(Number(input) + 1));
      t.same(inputs, own ? ["1", "2", "3", "4"] : ["3", "4"]);
      const first = { determinism: undefined, isolation: "program", expected: undefined };
      t.same({ determinism, isolation, expected }, at === 0 ? first : { determinism: "pair", isolation: "input", expected: outputs }, "all in one fork, then one each");
      t.match(limits, { cpuMs: 500, wallMs: 3000, memoryBytes: 256 << 20 }, "twice what the task's program may have used, a pair");
    }
  }
  const executor = scriptedExecutor(all);
  t.match(await kindNamed("induction").verify({ ...induce, shown: 3 }, "x + 1", { executor, settings }), { verdict: "correct" });
  t.equal(executor.calls.runs.length, 1, "a single pair has a fork of its own at once");
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
