// Which proposals count as the same task, by the keys that the kinds give them on the real executor: what docs/task-kinds.md says, as a table.
import t from "tap";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import { openExecutor } from "../../src/executor/open.ts";
import { nativeMissing } from "../executor/support/native.ts";

const settings = curriculumSettings({ induction: { inputs: 2, shown: 1 } });

t.test("on the real executor", { skip: nativeMissing }, async (t) => {
  const executor = await openExecutor({ workers: 2 });
  t.teardown(() => executor.dispose());
  const key = async (kind: string, program: string, inputs: string[], inputsPerProgram = 1): Promise<string> => {
    const result = await kindNamed(kind).validate({ program, inputs }, { executor, settings, inputsPerProgram });
    if (!result.ok) throw new Error(`${program}: ${result.reason}, ${result.detail}`);
    return result.key;
  };

  await t.test("programs", async (t) => {
    const base = "def f(xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total";
    const cases: [name: string, left: string, right: string, same: boolean][] = [
      ["other names", base, base.replaceAll("total", "n").replaceAll("xs", "items").replaceAll("x ", "one ").replaceAll("x\n", "one\n"), true],
      ["comments, spacing, a docstring", base, 'def f(xs):  # adds up\n\n    """Adds up."""\n    total   =   0\n    for x in xs: total += x\n    return (total)', true],
      ["the form of a literal", "def f(a):\n    return a + 16 + len('x')", 'def f(a):\n    return a + 0x10 + len("x")', true],
      ["another constant", "def f(a):\n    return a + 16", "def f(a):\n    return a + 17", false],
      ["another type of constant", "def f(a):\n    return a + 1", "def f(a):\n    return a + 1.0", false],
      ["statements in another order", "def f(a):\n    b = 1\n    c = 2\n    return a + b + c", "def f(a):\n    c = 2\n    b = 1\n    return a + b + c", false],
      ["what could be computed", "def f(a):\n    return a + 2", "def f(a):\n    return a + 1 + 1", false],
      ["another attribute", "def f(a):\n    return a.upper()", "def f(a):\n    return a.lower()", false],
      ["another module", "import math\ndef f(a):\n    return math.pi", "import cmath\ndef f(a):\n    return cmath.pi", false],
      ["another keyword", "def f(a):\n    return dict(x=a)", "def f(a):\n    return dict(y=a)", false],
      ["a helper's name", "def h(a):\n    return a\n\ndef f(a):\n    return h(a)", "def g(a):\n    return a\n\ndef f(a):\n    return g(a)", true],
    ];
    for (const [name, left, right, same] of cases) {
      const input = left.includes("xs") ? "[1, 2]" : left.includes("upper") ? "'a'" : "3";
      const [one, other] = await Promise.all([left, right].map((program) => key("deduction", program, [input])));
      t.equal(one === other, same, name);
      t.equal(await key("abduction", left, [input]), one, "abduction shares the keys");
      t.equal(await key("error", left, [input]), one, "and so does error prediction");
    }
  });

  await t.test("inputs", async (t) => {
    const program = "def f(a, b=0):\n    return a";
    const places = 1_000_000;
    const cases: [left: string, right: string, same: boolean][] = [
      ["5", "+5", true],
      ["5", "0x5", true],
      ["5", "5,", true],
      ["5", "5.0", true],
      ["1", "True", true],
      ["[1,2]", "[ 1, 2 ]", true],
      ["{1, 2}", "{2, 1, 1}", true],
      ["{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", true],
      ["'a'", '"a"', true],
      ["5", "6", false],
      ["[1]", "(1,)", false],
      ["5", "5, 0", false],
      ["5", "'5'", false],
    ];
    for (const [left, right, same] of cases) {
      const [one, other] = await Promise.all([left, right].map((input) => key("deduction", program, [input], places)));
      t.equal(one === other, same, `${left} and ${right}`);
      t.equal(await key("deduction", program, [left]), await key("deduction", program, [right]), "with one input a program, the input does not count");
    }
    const few = new Set<string>();
    for (let input = 0; input < 40; input++) few.add(await key("deduction", program, [String(input)], 8));
    t.ok(few.size > 4 && few.size <= 8, `no more keys than inputsPerProgram: ${few.size}`);
  });

  await t.test("induction: the program with the texts of its inputs", async (t) => {
    const program = "def f(a):\n    return a";
    const one = await key("induction", program, ["1", "2"]);
    t.equal(await key("induction", program.replaceAll("a", "b").replace("def f(b)", "def f(b)"), ["1", "2"]), one);
    t.not(await key("induction", program, ["1", "3"]), one);
    t.not(await key("induction", program, ["1", "+2"]), one);
    t.not(await key("deduction", program, ["1"]), one);
  });
});
