// The task kinds on the real executor: drafts that a model might write, and answers that try to cheat.

import { join } from "node:path";
import t from "tap";
import { formatNamed } from "../../src/curriculum/format.ts";
import { heldOutPrograms } from "../../src/curriculum/held-out.ts";
import type { RejectionReason } from "../../src/curriculum/kinds/kind.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { programHash } from "../../src/curriculum/kinds/shared-program.ts";
import { readTaskFile, seedTasks } from "../../src/curriculum/seed.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import type { Task, Verdict } from "../../src/curriculum/task.ts";
import { seedlingFolder } from "../../src/engine/resolve-model.ts";
import type { Executor } from "../../src/executor/executor.ts";
import { openExecutor } from "../../src/executor/open.ts";
import { orderOfVariant } from "../../src/executor/order-inputs.ts";
import { createRandom } from "../../src/random.ts";
import { nativeMissing } from "../executor/support/native.ts";

const settings = curriculumSettings();
const origin = { step: 1, parents: [] };

t.test("on the real executor", { skip: nativeMissing }, async (t) => {
  const executor: Executor = await openExecutor({ workers: 2 });
  t.teardown(() => executor.dispose());

  await t.test("drafts", async (t) => {
    const cases: [string, string, string, RejectionReason | "accepted", string?][] = [
      ["a list program", "def f(a):\n    b = a[::-1]\n    return b[1:]", "[1, 2, 3]", "accepted", "[2, 1]"],
      ["two arguments, one by name", "def f(a, b):\n    return a * b", "3, b=4", "accepted", "12"],
      ["a set", "def f(a):\n    return set(a)", "['b', 'a', 'b']", "accepted", "{'a', 'b'}"],
      ["helpers and classes", "class P:\n    def __init__(self, x):\n        self.x = x\n\ndef g(p):\n    return p.x\n\ndef f(a):\n    return g(P(a))", "5", "accepted", "5"],
      ["no Python", "def f(a)\n    return a", "1", "syntax"],
      ["return outside a function", "def f(a):\n    return a\nreturn 1", "1", "syntax"],
      ["another name", "def g(a):\n    return a", "1", "no-entry-function"],
      ["a method named f", "class A:\n    def f(self):\n        return 1", "1", "no-entry-function"],
      ["an import of chance", "import random\ndef f(a):\n    return a", "1", "banned"],
      ["a part of a module", "from os.path import join\ndef f(a):\n    return a", "1", "banned"],
      ["an exception", "def f(a):\n    return a[0]", "1", "runtime-error"],
      ["too many arguments", "def f(a):\n    return a", "1, 2", "runtime-error"],
      ["an endless loop", "def f(a):\n    while True:\n        pass", "1", "time-limit"],
      ["an expression as input", "def f(a):\n    return a", "1 + open", "bad-input"],
      ["a closed bracket in the input", "def f(a):\n    return a", "1) or (2", "bad-input"],
      ["a function as result", "def f(a):\n    return f", "1", "unrepresentable"],
      ["the order of a set of strings", "def f(a):\n    return list(set(a))", "['a', 'b', 'c', 'd', 'e', 'f']", "nondeterministic"],
      ["an address", "def f(a):\n    return id([])", "1", "nondeterministic"],
      ["a hash of a text", "def f(a):\n    return hash(a)", "'abc'", "nondeterministic"],
      ["a marker made by the program", "def f(a):\n    return '<|' + a + '|>'", "'end'", "marker"],
    ];
    for (const [name, program, input, want, output] of cases) {
      const result = await kindNamed("deduction").validate({ program, inputs: [input] }, { executor, settings, format: formatNamed("compact") });
      t.equal(result.ok ? "accepted" : result.reason, want, `${name}${result.ok ? "" : ` (${result.detail})`}`);
      if (output !== undefined) t.match(result, { task: { output } }, "its output");
    }
    const renamed = ["def f(a):\n    b = a + 1\n    return b", "def f(xs):\n    # more\n    y = xs + 1\n    return y\n"];
    const hashes = new Set<string>();
    for (const program of renamed) {
      const result = await kindNamed("abduction").validate({ program, inputs: ["1"] }, { executor, settings });
      if (result.ok) hashes.add(result.programHash);
    }
    t.equal(hashes.size, 1, "a renamed copy is the same program");
    const [copy] = [...hashes];
    t.match(await kindNamed("deduction").validate({ program: renamed[1]!, inputs: ["1"] }, { executor, settings, excludedPrograms: new Set([copy!]) }), {
      reason: "held-out",
    });
  });

  await t.test("an induction proposal writes different values, not only different texts", async (t) => {
    const program = "def f(a, *more):\n    return a";
    const cases: [inputs: string[], RejectionReason | "accepted"][] = [
      [["1", "2", "'1'", "[1]", "(1,)", "1.5"], "accepted"],
      [["5", "+5"], "too-few-inputs"],
      [["5", "0x5"], "too-few-inputs"],
      [["5", "5,"], "too-few-inputs"],
      [["5", "5.0"], "too-few-inputs"],
      [["1", "True"], "too-few-inputs"],
      [["[1, 2]", "[1,2, ]"], "too-few-inputs"],
      [["'ab'", "'a' \"b\""], "too-few-inputs"],
      [["{1, 2}", "{2, 1, 1}"], "too-few-inputs"],
      [["{1: 2}", "{1: 0, 1: 2}"], "too-few-inputs"],
      [["5", "a=5"], "bad-input"],
      [["5", "7, 1"], "bad-input"],
    ];
    for (const [inputs, want] of cases) {
      const result = await kindNamed("induction").validate({ program, inputs }, { executor, settings });
      t.equal(result.ok ? "accepted" : result.reason, want, `${inputs.join(" and ")}${result.ok ? "" : ` (${result.detail})`}`);
    }
  });

  await t.test("no held-out or validation program comes in under another name, and no known one again", async (t) => {
    const files = ["heldout", "validation"].map((name) => join(seedlingFolder(), "held-out", `${name}.jsonl`));
    const excludedPrograms = await heldOutPrograms(files, executor);
    const tasks = (await Promise.all(files.map((file) => readTaskFile(file)))).flat();
    const several = tasks.filter(({ program }) => program.split("\n").length > 2);
    const chosen = createRandom(1, "held-out").sample(several, 40);
    t.equal(new Set(chosen.map(({ id }) => id)).size, 40);
    const disguises: [name: string, disguise: (program: string) => string][] = [
      ["as it is", (program) => program],
      ["renamed", (program) => program.replace(/\ba\b/g, "quantity")],
      ["reformatted", (program) => program.replace("def f(", "def  f (").replace(/ {4}/g, "\t").replace(/ ([-+*]) /g, "$1") + "   \n\n"],
      ["commented", (program) => program.replace(":\n", ":  # starts here\n    \"\"\"A docstring.\"\"\"\n")],
    ];
    for (const [name, disguise] of disguises) {
      const results = await Promise.all(chosen.map((task) => {
        const kind = kindNamed(task.kind);
        const inputs = task.pairs?.map(({ input }) => input) ?? [task.input!];
        return kind.validate({ program: disguise(task.program), inputs }, { executor, settings, format: formatNamed("compact"), excludedPrograms });
      }));
      t.same([...new Set(results.map((result) => (result.ok ? "accepted" : result.reason)))], ["held-out"], name);
      // The same disguises hide no known task either: deduction and abduction are known by their program.
      const keys = await Promise.all(chosen.map(async ({ program }) => {
        const result = await kindNamed("deduction").validate({ program: disguise(program), inputs: ["[3, 1, 2]"] }, { executor, settings });
        return result.ok ? result.key : result.reason;
      }));
      const plain = await Promise.all(chosen.map(async ({ program }) => programHash((await executor.analyse(program)).normalised)));
      t.ok(keys.filter((key, at) => key === plain[at]).length > 30 && keys.every((key, at) => key === plain[at] || !/^[0-9a-f]{16}$/.test(key)), `${name}: the same key`);
    }
    const other = "def f(a):\n    a = a + [41, 42, 43]\n    return a[::-1]";
    t.match(await kindNamed("deduction").validate({ program: other, inputs: ["[1]"] }, { executor, settings, excludedPrograms }), { ok: true }, "others come in");
  });

  await t.test("answers", async (t) => {
    const triplet = (kind: string, program: string, input: string, output: string): Task => ({ id: "t", kind, program, input, output, origin });
    const text = triplet("deduction", "def f(a):\n    return a", "'3'", "'3'");
    const fraction = triplet("deduction", "from fractions import Fraction\ndef f(a):\n    return Fraction(a, 4)", "2", "Fraction(1, 2)");
    const odd = triplet("abduction", "def f(a):\n    return a % 2", "7", "1");
    const named = triplet("abduction", "def f(a, b=2):\n    return a + b", "1", "3");
    const induced: Task = {
      id: "i",
      kind: "induction",
      program: "def f(a):\n    return a * 2",
      pairs: [1, 2, 3, 4].map((n) => ({ input: String(n), output: String(2 * n) })),
      shown: 2,
      origin,
    };
    const cases: [Task, string, Verdict][] = [
      [text, '"3"', "correct"],
      [text, "'3' ''", "correct"],
      [text, "3", "wrong"],
      [text, "'3.0'", "wrong"],
      [text, "str(3)", "malformed"],
      [text, "type('E', (), {'__eq__': lambda a, b: True})()", "malformed"],
      [fraction, "0.5", "correct"],
      [fraction, "Fraction(1, 2)", "correct"],
      [fraction, "10**9**9", "malformed"],
      [odd, "1", "correct"],
      [odd, "-3", "correct"],
      [odd, "3.0", "correct"],
      [odd, "2", "wrong"],
      [odd, "'a'", "wrong"],
      [odd, "1) or (True", "malformed"],
      [odd, "print(1)", "malformed"],
      [named, "b=1, a=2", "correct"],
      [named, "2, c=1", "wrong"],
      [named, "**{'a': 1}", "malformed"],
      [induced, "def f(x):\n    return x + x", "correct"],
      [induced, "def f(x):\n    return {1: 2, 2: 4}[x]", "wrong"],
      [induced, "def f(x):\n    return x + x + 0.0", "correct"],
      [induced, "def f(x)\n    return x", "malformed"],
      [induced, "def g(x):\n    return x + x", "wrong"],
      [induced, "class E:\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return E()", "wrong"],
      [induced, "import sys\ndef f(x):\n    raise SystemExit(0)", "wrong"],
      [induced, "state = []\ndef f(x):\n    state.append(x)\n    return 2 * x if len(state) == 1 else 0", "wrong"],
      [induced, "state = []\ndef f(x):\n    state.append(x)\n    return 2 * x if len(state) != 2 else 8", "wrong"],
    ];
    for (const [task, answer, verdict] of cases) {
      const result = await kindNamed(task.kind).verify(task, answer, { executor, settings });
      t.equal(result.verdict, verdict, `${task.kind}: ${answer} (${result.detail})`);
    }
  });

  await t.test("an induction answer gives each hidden pair in a process of its own", async (t) => {
    const pairs = [1, 5, 6, 7].map((n) => ({ input: String(n), output: String(2 * n) }));
    const task: Task = { id: "i", kind: "induction", program: "def f(a):\n    return a * 2", pairs, shown: 1, origin };
    // Right where it is called first with what A and the variant call first, or has been called before: right in both of these processes.
    const answers = Array.from({ length: 20 }, (_, at) => `calls = 0\ndef f(x):\n    global calls\n    calls += 1\n    return 2 * x if calls > 1 or x in (5, 7) else 0  # ${at}`);
    const lucky = answers.find((program) => orderOfVariant(3, 1, program)[0] === 2)!;
    t.match(await executor.run({ program: lucky, inputs: ["5", "6", "7"], determinism: "pair", isolation: "program" }), { runs: [{ value: "10" }, { value: "12" }, { value: "14" }], deterministic: true }, "two processes for all inputs do not see it");
    const before = executor.stats().runs;
    t.match(await kindNamed("induction").verify(task, lucky, { executor, settings }), { verdict: "wrong", detail: "another output for pair 2 of 3" });
    t.equal(executor.stats().runs - before, 6, "three runs in one process and three alone; the variant has nothing to say");
    const cost = async (answer: string): Promise<number> => {
      const runs = executor.stats().runs;
      await kindNamed("induction").verify(task, answer, { executor, settings });
      return executor.stats().runs - runs;
    };
    t.same([await cost("def f(x):\n    return x * 3"), await cost("def f(x):\n    return x + x")], [3, 9], "a wrong answer costs one process for its three inputs; a right one five for nine");
  });

  await t.test("seeds", async (t) => {
    for (const format of ["compact", "paper"].map((name) => formatNamed(name))) {
      for (const kind of ["deduction", "abduction", "induction"].map(kindNamed)) {
        const [seed] = await seedTasks(kind, { executor, settings: curriculumSettings({ induction: { inputs: 10, shown: 5 } }), format });
        const answer = kind.name === "deduction" ? seed!.task.output! : kind.name === "abduction" ? seed!.task.input! : "def f(thing):\n    return thing";
        t.equal((await kind.verify(seed!.task, answer, { executor, settings })).verdict, "correct", `${format.name} ${kind.name}`);
      }
    }
  });
  t.equal(executor.stats().sandboxErrors, 0);
});
