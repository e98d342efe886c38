// What each kind makes of a draft: the task it becomes, or the reason why it is rejected and how much was run to find that.
import t from "tap";
import { formatNamed } from "../../src/curriculum/format.ts";
import type { Draft, RejectionReason, ValidateContext } from "../../src/curriculum/kinds/kind.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { programHash } from "../../src/curriculum/kinds/shared-program.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import { AzrError } from "../../src/errors.ts";
import { scriptedExecutor } from "./support/scripted-executor.ts";
import { programs } from "./support/scripted-programs.ts";

const settings = curriculumSettings();
const compact = formatNamed("compact");
const paper = formatNamed("paper");

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
    variantLimits: { cpuMs: 1000, memoryBytes: 256 << 20, outputBytes: 64 << 10 },
  });
  const keys = async (inputsPerProgram: number) => {
    const validations = Array.from({ length: 40 }, (_, index) => kindNamed("abduction").validate({ program: "good", inputs: [` ${index}`] }, { ...context, inputsPerProgram }));
    return new Set((await Promise.all(validations)).map((validation) => (validation.ok ? validation.key : validation.reason)));
  };
  t.same(await keys(1), new Set([hash]), "one task a program");
  t.equal((await keys(3)).size, 3, "so many that differ in their input");
  const spelt = await Promise.all(["5", "+5", "0x5", "5,", "5.0", " 5"].map((input) => kindNamed("abduction").validate({ program: "good", inputs: [input] }, { ...context, inputsPerProgram: 1000 })));
  t.equal(new Set(spelt.map((validation) => (validation.ok ? validation.key : validation.reason))).size, 1, "however the value is written");
  const named = await Promise.all(["a=5", "a=6"].map((input) => kindNamed("deduction").validate({ program: "good", inputs: [input] }, { ...context, inputsPerProgram: 1000 })));
  t.ok(named.every((one) => one.ok) && new Set(named.map((one) => (one.ok ? one.key : ""))).size === 1, "arguments by name share a place");
  const induction = await kindNamed("induction").validate({ program: "good", inputs: ["1", "2", "3"], message: "more" }, context);
  t.match(induction, {
    ok: true,
    task: { kind: "induction", program: "good", pairs: [{ input: "1", output: "2" }, { input: "2", output: "3" }, { input: "3", output: "4" }], shown: 3, message: "more" },
    programHash: hash,
  });
  t.equal(executor.calls.runs.at(-1)!.inputs.length, 3, "one request for all inputs");

  const other = await kindNamed("induction").validate({ program: "good", inputs: ["1", "2", "4"] }, context);
  t.ok(induction.ok && other.ok && induction.key !== other.key && induction.key !== hash, "an induction task is known by program and inputs");
  const ran = executor.calls.runs.length;
  for (const twin of ["1", "1.0", "True", " 1", "0x1", "+1", "1,"]) {
    const twice = await kindNamed("induction").validate({ program: "good", inputs: ["1", "2", twin] }, context);
    t.match(twice, { ok: false, reason: "too-few-inputs", detail: "input 3 has the value of input 1" }, twin);
  }
  t.match(await kindNamed("induction").validate({ program: "good", inputs: ["1", "2", "a=3"] }, context), { ok: false, reason: "bad-input" });
  t.equal(executor.calls.runs.length, ran, "inputs are compared before anything is run");
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
