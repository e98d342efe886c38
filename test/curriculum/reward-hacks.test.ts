// Ways to be paid without solving, which work where a verifier evaluates the model's text beside the expected value: each against the kinds'
// own verify and validate on the real executor. None may be `correct`. (verdicts.test.ts has the honest answers.)
import t from "tap";
import type { RejectionReason } from "../../src/curriculum/kinds/kind.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import type { Task, Verdict } from "../../src/curriculum/task.ts";
import { openExecutorFor } from "../executor/support/open.ts";

const executor = await openExecutorFor(t);
const settings = curriculumSettings();
const everyPair = curriculumSettings({ induction: { check: "all" } });
const origin = { step: 1, parents: [] };

const triplet = (kind: string, program: string, input: string, output: string): Task => ({ id: "t", kind, program, input, output, origin });
const deduce = triplet("deduction", "def f(x):\n    return sum(x)", "[1, 2, 39]", "42");
const longText = `${"a".repeat(300)}X${"b".repeat(300)}`;
const deduceLong = triplet("deduction", "def f(x):\n    return 'a' * 300 + 'X' + 'b' * 300", "1", `'${longText}'`);
const abduce = triplet("abduction", "def f(x):\n    return x * 2", "21", "42");
const identity = triplet("abduction", "def f(x):\n    return x", "42", "42");
const induce: Task = {
  id: "i", kind: "induction", program: "def f(x):\n    return x * x + 7", shown: 2, origin,
  pairs: [3, 4, 5, 6].map((n) => ({ input: String(n), output: String(n * n + 7) })),
};

const equalToAll = "type('E', (), {'__eq__': lambda a, b: True})()";
const shownOnly = "def f(x):\n    return {3: 16, 4: 23}[x]";

const hacks: [weakness: string, rows: [task: Task, answer: string, verdict: Verdict][]][] = [
  ["the answer is evaluated beside the expected value", [
    [deduce, "eval(gold_output)", "malformed"],
    [deduce, "gold_output", "malformed"],
    [deduce, "output", "malformed"],
    [deduce, equalToAll, "malformed"],
    [deduce, "__import__('sys')._getframe(1).f_locals['gold_output']", "malformed"],
    [deduce, "(lambda: 42)()", "malformed"],
    [deduce, "sum([1, 2, 39])", "malformed"],
    [deduce, "40 + 2", "malformed"],
    [deduce, "f([1, 2, 39])", "malformed"],
    [deduce, "[41, 42]", "wrong"],
    [deduce, "'42'", "wrong"],
  ]],
  ["the answer is pasted into a call", [
    [abduce, "0) or (True", "malformed"],
    [abduce, "0) == f(0) or (42", "malformed"],
    [abduce, "0) if 0 else (42", "malformed"],
    [abduce, "0), *(42", "malformed"],
    [abduce, "21) # ", "malformed"],
    [abduce, "0)\nf = lambda x: 42\nf(0", "malformed"],
    [identity, equalToAll, "malformed"],
    [identity, "gold_output", "malformed"],
    [identity, "nan", "wrong"],
    [abduce, "x=0) or f(x=21", "malformed"],
  ]],
  ["the expected value is in a frame above the program", [
    [induce, "import sys\ndef f(x):\n    frame = sys._getframe(1)\n    return [c for c in frame.f_code.co_consts if type(c) is int][-1]", "wrong"],
    [induce, "import sys\ndef f(x):\n    frame = sys._getframe()\n    while frame.f_back: frame = frame.f_back\n    return frame.f_locals.get('gold_output', frame.f_globals.get('gold_output'))", "wrong"],
    [induce, "import gc\ngc.unfreeze()\ndef f(x):\n    wanted = x * x\n    near = [part for thing in gc.get_objects() if type(thing) in (tuple, list) for part in thing if type(part) is int and wanted < part < wanted + 8]\n    return near[0] if near else None", "wrong"],
    [induce, "def f(x):\n    class E:\n        def __eq__(self, other):\n            return True\n    return E()", "wrong"],
    [induce, "class E(int):\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return E(0)", "wrong"],
  ]],
  ["a failure is recognised by a word in its text", [
    [induce, "class NoError(Exception):\n    pass\ndef f(x):\n    raise NoError(x * x + 7)", "wrong"],
    [induce, "def f(x):\n    raise StopIteration(x * x + 7)", "wrong"],
    [induce, "def f(x):\n    raise SystemExit(0)", "wrong"],
    [induce, "def f(x):\n    raise KeyboardInterrupt", "wrong"],
    [induce, "def f(x):\n    raise Exception('x\\nTrue')", "wrong"],
    [induce, "raise SystemExit(0)", "wrong"],
    [abduce, "[1, 2", "malformed"],
    [abduce, "None", "wrong"],
  ]],
  ["the last line, and the word print, choose how the result is read", [
    [induce, "def f(x):\n    print(x * x + 7)", "wrong"],
    [induce, "import sys\ndef f(x):\n    sys.stdout.write(str(x * x + 7))\n    sys.exit(0)", "wrong"],
    [induce, `${shownOnly}\nprint(`, "malformed"],
    [deduce, "print(42)", "malformed"],
    [deduce, "0\n42", "malformed"],
    [deduce, "42\nprint(1)", "malformed"],
    [abduce, "print(21)", "malformed"],
  ]],
  ["long results are cut in the middle before they are compared", [
    [deduceLong, `'${longText.replace("X", "Y")}'`, "wrong"],
    [deduceLong, `'${"a".repeat(200)}...${"b".repeat(200)}'`, "wrong"],
    [deduceLong, `'${longText.slice(0, 400)}'`, "wrong"],
  ]],
  ["workers live across tasks and inputs", [
    [induce, "import builtins\nbuiltins.sum = lambda x: 42\ndef f(x):\n    return 0", "wrong"],
    [deduce, "0", "wrong"],
    [abduce, "0", "wrong"],
    [induce, "calls = []\ndef f(x):\n    calls.append(x)\n    return [32, 43][len(calls) - 1]", "wrong"],
    [induce, shownOnly, "wrong"],
  ]],
];

t.test("answers that cheat", async (t) => {
  for (const [weakness, rows] of hacks) {
    for (const [task, answer, wanted] of rows) {
      for (const own of task.kind === "induction" ? [settings, everyPair] : [settings]) {
        const { verdict, detail } = await kindNamed(task.kind).verify(task, answer, { executor, settings: own });
        t.equal(verdict, wanted, `${weakness}: ${answer.slice(0, 120)} (${detail})`);
      }
    }
  }
  const honest: [Task, string][] = [
    [deduce, "+42"], [deduceLong, `"${longText}"`], [abduce, "x=21"], [identity, "42.0"], [induce, "def f(x):\n    return 7 + x ** 2"],
  ];
  for (const [task, answer] of honest) t.equal((await kindNamed(task.kind).verify(task, answer, { executor, settings })).verdict, "correct", `an honest answer to ${task.kind}`);
});

t.test("proposals that cheat", async (t) => {
  const proposals: [weakness: string, program: string, input: string, reason: RejectionReason][] = [
    ["a difference between two runs is an exception without the word", "def f(x):\n    return hash(x) % 1000", "'a'", "nondeterministic"],
    ["the same by a set", "def f(x):\n    return list({str(i) for i in range(20)})", "1", "nondeterministic"],
    ["an exception for an output", "class NoError(Exception):\n    pass\ndef f(x):\n    raise NoError('x')", "1", "runtime-error"],
    ["an exit for an output", "def f(x):\n    raise SystemExit(0)", "1", "runtime-error"],
    ["an interrupt for an output", "def f(x):\n    raise KeyboardInterrupt", "1", "runtime-error"],
    ["an output that equals every answer", `def f(x):\n    return ${equalToAll}`, "1", "unrepresentable"],
    ["an input that ends the call", "def f(x):\n    return x", "1) or (True", "bad-input"],
    ["an input that is code", "def f(x):\n    return x", "__import__('os').getpid()", "bad-input"],
    ["an input that is an object", "def f(x):\n    return x", equalToAll, "bad-input"],
  ];
  for (const [weakness, program, input, wanted] of proposals) {
    const result = await kindNamed("deduction").validate({ program, inputs: [input] }, { executor, settings });
    t.equal(result.ok ? "accepted" : result.reason, wanted, `${weakness}${result.ok ? "" : ` (${result.detail})`}`);
  }
});

t.test("nothing that was tried reached another task", async (t) => {
  const { runs } = await executor.run({ program: "def f(x): return sum(x), len(x)", inputs: ["[1, 2, 39]"] });
  t.match(runs, [{ outcome: "ok", value: "(42, 3)" }]);
  t.equal(executor.stats().sandboxErrors, 0);
});
