// The tasks that a run begins with: the built-in ones of each kind and format, and those of a user, whose outputs are computed anew.
import t from "tap";
import { formatNamed } from "../../src/curriculum/format.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { builtInSeed, seedTasks } from "../../src/curriculum/seed.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import { scriptedExecutor, type ScriptedProgram } from "./support/scripted-executor.ts";
import { abduce, deduce, induce, plusOne, programs } from "./support/scripted-programs.ts";

const settings = curriculumSettings();
const compact = formatNamed("compact");
const paper = formatNamed("paper");

t.test("seeds", async (t) => {
  const identity: ScriptedProgram = { run: (input) => input };
  const executor = scriptedExecutor({ "def f(a):\n    return a": identity, "def f(x):\n    return x": identity, good: plusOne, raises: programs.raises! });
  for (const [format, inputs] of [[compact, 6], [paper, 10], [compact, 12]] as const) {
    const own = curriculumSettings({ induction: { inputs, shown: 5 } });
    for (const name of ["deduction", "abduction", "induction"]) {
      const kind = kindNamed(name);
      const [seed, ...more] = await seedTasks(kind, { executor, settings: own, format });
      t.same(more, []);
      t.match(seed!.task, { id: `t-0-${kind.letter}-0`, kind: name, origin: { step: 0, parents: [], seed: true, python: "scripted" } });
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
  t.match(seeded, [{ task: { id: "d", input: "1", output: "2", origin: { seed: true, python: "scripted" } } }], "outputs are computed, not believed");
  t.equal((await seedTasks(kindNamed("induction"), { executor, settings, format: compact }, own)).length, 1);
  await t.rejects(seedTasks(kindNamed("abduction"), { executor, settings, format: compact }, [abduce("raises")]), {
    code: "AZR_INPUT_INVALID",
    message: /seed task a is not valid \(runtime-error\)/,
  });
});
