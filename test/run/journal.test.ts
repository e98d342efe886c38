// The journal of verdicts: what it answers by itself, and what it asks the executor again.
import { join } from "node:path";
import t from "tap";
import { openAppendLog } from "../../src/run/append-log.ts";
import { nodeDisk } from "../../src/run/disk.ts";
import { journaledExecutor, readJournal } from "../../src/run/journal.ts";
import { fakeExecutor } from "../../src/testing/index.ts";

t.test("the journal answers repeats within a step and what a cut-off step had asked", async (t) => {
  const path = join(t.testdir({}), "journal.jsonl");
  const log = await openAppendLog(nodeDisk, path, 0);
  const inner = fakeExecutor({ override: (call, index) => {
    if (call.method === "run" && call.request.program === "fail" && index < 3) throw new Error("sandbox");
    return undefined;
  } });
  const program = "def f(a):\n    return a + 1";
  const request = { program, inputs: ["1"] };
  const journal = journaledExecutor(inner, log);
  journal.beginStep(1);
  const signal = new AbortController().signal;
  const [one, two] = await Promise.all([journal.run(request), journal.run({ ...request, signal })]);
  t.same(one, two);
  t.equal(inner.calls.length, 1, "equal requests of a step are asked once, whatever their signal");
  await journal.run({ ...request, limits: { cpuMs: 5 } });
  t.equal(inner.calls.length, 2, "other limits are another request");
  await t.rejects(journal.run({ program: "fail", inputs: ["1"] }), /sandbox/);
  t.equal((await journal.run({ program: "fail", inputs: ["1"] })).runs[0]?.outcome, "compile-error", "a failure is asked again");
  t.equal((await readJournal(path, 0)).entries.length, 3, "verdicts are in the file by the time they are used; failures are not");
  journal.beginStep(2);
  await journal.run(request);
  t.equal(inner.calls.length, 5, "a new step asks anew");
  const analyses = [await journal.analyse(program), await journal.analyse(program)];
  journal.beginStep(3);
  analyses.push(await journal.analyse(program));
  t.ok(analyses.every((one) => one === analyses[0]));
  t.equal(inner.calls.length, 6, "save what a program is, which is a function of its text");
  await log.close();

  const { entries } = await readJournal(path, 0);
  const other = { runs: [], deterministic: null, provenance: { python: "3.12.1", architecture: "x64", layers: ["seccomp"] } };
  const later = fakeExecutor({ override: () => other });
  const resumed = journaledExecutor(later, await openAppendLog(nodeDisk, path, 0), entries);
  resumed.beginStep(1);
  t.same(entries.map(({ step, call, provenance }) => [step, call, provenance?.python]), [
    [1, "run", "none"], [1, "run", undefined], [1, "run", undefined], [2, "run", "none"], [2, "analyse", undefined],
  ], "a step's first run tells what stood around them all");
  t.same(await resumed.run({ ...request, limits: { cpuMs: 5 } }), two, "and each has it when it is read");
  t.same(await resumed.run(request), one, "read back, not asked, with what stood around it then");
  t.same([later.calls.length, resumed.repeated()], [0, 2]);
  resumed.beginStep(3);
  t.same(await resumed.run(request), other, "a step without entries asks");
});
