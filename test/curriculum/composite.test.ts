// Composite proposals: which programs may be helpers, what renaming gives, what a proposal has to do with them, and a run that makes some on the real
// executor. Off, nothing of it shows.
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { resolveConfig } from "../../src/config/index.ts";
import { composeProgram, drawHelpers, type Helper, isComposite, renamedHelper } from "../../src/curriculum/composite.ts";
import { formatNamed } from "../../src/curriculum/format.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { programHash } from "../../src/curriculum/kinds/shared-program.ts";
import { pythonWords } from "../../src/curriculum/python-words.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import type { Task } from "../../src/curriculum/task.ts";
import { openExecutor } from "../../src/executor/open.ts";
import { createRandom } from "../../src/random.ts";
import { collect, fakeEngine, fakeTokenizer } from "../../src/testing/index.ts";
import { nativeMissing } from "../executor/support/native.ts";
import { lines, resultFiles, resumeFake, rollouts, trainFake } from "../run/support/fake-run.ts";

const settings = curriculumSettings();
const paper = formatNamed("paper");
const origin = { step: 1, parents: [] };

t.test("words of a program", async (t) => {
  const words = (program: string) => pythonWords(program)?.words.map(({ text }) => text).join(" ") ?? null;
  const cases: [program: string, words: string | null][] = [
    ["def f(a): return a", "def f a return a"],
    ["x = 'f(1)' # f(2)\ny = \"f\"", "x y"],
    ["x = '''\nf\n'''\ny = \"\"\"f'\"\"\" ", "x y"],
    ["x = r'\\' + y", null],
    ["x = 'a\\'f' + y", "x y"],
    ["x = rb'f' + Rf'{f}' + y", "x y"],
    ["größe = é_1", "größe é_1"],
    ["x = 1e5 + 0x1f", "x e5 x1f"],
    ["x = 'open\ny = 1", null],
    ["x = (1", null],
    ["x = 1)", null],
    ["", ""],
  ];
  for (const [program, want] of cases) t.equal(words(program), want, JSON.stringify(program));
  t.same(pythonWords("import a\n\ndef f(x):\n    y = (\n1)\n    return x\\\n+ 1\nz = '''\nk\n'''")!.starts, [0, 10, 51], "statements of the module");
  const began = process.cpuUsage();
  pythonWords("f('".repeat(333_000));
  pythonWords("f(".repeat(500_000));
  pythonWords("'''".repeat(333_001));
  const { user } = process.cpuUsage(began);
  t.ok(user < 3e6, `a megabyte is read in linear time: ${user / 1e6} s for three`);
});

t.test("helpers", async (t) => {
  const cases: [name: string, program: string, renamed: string | null][] = [
    ["one function", "def f(x):\n    return x + 1", "def g_0(x):\n    return x + 1"],
    ["recursion", "def f(n):\n    return 1 if n < 2 else n * f(n - 1)", "def g_0(n):\n    return 1 if n < 2 else n * g_0(n - 1)"],
    ["strings and comments stay", "def f(x):\n    # f(x)\n    return 'f(x)' + x.f(1) if 0 else 'f'", null],
    ["an attribute", "def f(x):\n    return x.f", null],
    ["the name in strings alone", "def f(x):\n    # f\n    return 'f(' + x", "def g_0(x):\n    # f\n    return 'f(' + x"],
    ["imports", "import math\nfrom itertools import chain as c, count\n\ndef f(x):\n    return math.sqrt(x)", "import math\nfrom itertools import chain as c, count\n\ndef g_0(x):\n    return math.sqrt(x)"],
    ["a global", "y = 1\ndef f(x):\n    return x", null],
    ["a helper of its own", "def h(x):\n    return x\n\ndef f(x):\n    return h(x)", null],
    ["a class", "class A: pass\ndef f(x):\n    return A", null],
    ["a decorator", "@cache\ndef f(x):\n    return x", null],
    ["two definitions", "def f(x):\n    return x\n\ndef f(x):\n    return 2", null],
    ["an inner function of the same name", "def f(x):\n    def f(y): return y\n    return f(x)", null],
    ["a local of the same name", "def f(x):\n    f = 3\n    return x + f", null],
    ["a parameter of the same name", "def f(f):\n    return f", null],
    ["an argument by that name", "def f(x):\n    return dict(f=x)", null],
    ["the function as a value", "def f(x):\n    return list(map(f, x))", null],
    ["a formatted string that names it", "def f(x):\n    return f'{f(x - 1)}' if x else ''", null],
    ["a formatted string that does not", "def f(x):\n    return f'{x}'", "def g_0(x):\n    return f'{x}'"],
    ["eval", "def f(x):\n    return eval('f')", null],
    ["global", "def f(x):\n    global y\n    y = x\n    return y", null],
    ["a statement beside an import", "import math; y = 1\ndef f(x):\n    return x", null],
    ["the future", "from __future__ import annotations\ndef f(x):\n    return x", null],
    ["an import of all", "from math import *\ndef f(x):\n    return x", null],
    ["a composite", "def g_0(x):\n    return x\n\ndef f(x):\n    return g_0(x) + 1", null],
    ["a name that a helper would get", "def f(g_1):\n    return g_1", null],
    ["no function", "x = 1", null],
  ];
  for (const [name, program, want] of cases) t.equal(renamedHelper(program, 0), want, name);
  t.equal(renamedHelper("def f(x):\n    return f(x - 1)\n", 12), "def g_12(x):\n    return g_12(x - 1)");
});

t.test("the part that is proposed", async (t) => {
  const helpers: Helper[] = [{ id: "a", source: "def g_0(x):\n    return x + 1" }, { id: "b", source: "def g_1(x):\n    return x * 2" }];
  const cases: [name: string, own: string, fault: RegExp | null][] = [
    ["calls both", "def f(x):\n    return g_0(x) * g_1(x)", null],
    ["calls them in a helper of its own", "def h(x):\n    return g_0(x)\n\ndef f(x):\n    return h(x) + g_1(x)", null],
    ["calls one", "def f(x):\n    return g_0(x) * 3", /does not call g_1/],
    ["names one in a comment", "def f(x):\n    # g_1(x)\n    return g_0(x) * 3", /does not call g_1/],
    ["defines one anew", "def g_1(x):\n    return 0\n\ndef f(x):\n    return g_0(x) * g_1(x)", /g_1 otherwise/],
    ["assigns to one", "g_1 = abs\ndef f(x):\n    return g_0(x) * g_1(x)", /g_1 otherwise/],
    ["has one as a parameter", "def f(x, g_1=abs):\n    return g_0(x) * g_1(x)", /g_1 otherwise/],
    ["a method of that name", "def f(x):\n    return g_0(x) * x.g_1(3)", /g_1 otherwise/],
    ["is no Python", "def f(x)\n    return g_0(x) * g_1(x)", null],
  ];
  for (const [name, own, fault] of cases) {
    const whole = composeProgram(own, helpers);
    if (fault === null) t.same(whole, { program: `${helpers[0]!.source}\n\n${helpers[1]!.source}\n\n${own}` }, name);
    else t.match(whole, { fault }, name);
  }
  const one = helpers.slice(0, 1);
  for (const own of ["def f(x):\n    return g_0(x)", "def f(a, b): return g_0(a, b)", "\ndef f(*a) -> int:\n    return g_0(*a)\n"]) t.match(composeProgram(own, one), { fault: /adds nothing/ }, own);
  t.match(composeProgram("def f(x):\n    return g_0(x + 1)", one), { program: /g_0/ }, "an argument of its own is something");
  t.ok(isComposite("import math\ndef g_0(x):\n    return x\n\ndef f(x):\n    return g_0(x)"));
  t.notOk(isComposite("def f(x):\n    return g_0(x)"));
});

t.test("drawing", async (t) => {
  const programs = ["def f(x):\n    return x", "y = 1\ndef f(x):\n    return x", "import math\ndef f(x):\n    return math.pi", "from cmath import pi as math\ndef f(x):\n    return math", "def f(x):\n    return x"];
  const tasks = programs.map((program, at): Task => ({ id: String(at), kind: "deduction", program, input: "1", output: "1", origin }));
  const buffers = { samplePrograms: (count: number) => tasks.slice(0, count) };
  const draw = (seed: number, probability: number) => drawHelpers(buffers, createRandom(seed), { probability, helpers: 3 });
  const random = createRandom(1);
  t.same(drawHelpers(buffers, random, { probability: 0, helpers: 3 }), []);
  t.equal(random.float(), createRandom(1).float(), "off, nothing is drawn");
  const counts = [0, 0, 0];
  for (let seed = 0; seed < 300; seed++) counts[draw(seed, 1).length]! += 1;
  t.equal(counts[0], 0, "always one, where there is one");
  t.ok(counts[1]! > 60 && counts[2]! > 120, `of the five programs two go together: ${counts}`);
  t.same(draw(3, 1).map(({ id }) => id), draw(3, 1).map(({ id }) => id), "by the seed");
  const some = Array.from({ length: 400 }, (_, seed) => draw(seed, 0.5).length > 0).filter(Boolean).length;
  t.ok(some > 150 && some < 250, `half of the proposals: ${some} of 400`);
  const two = Array.from({ length: 50 }, (_, seed) => draw(seed, 1)).find(({ length }) => length === 2)!;
  t.same(two.map(({ id, source }) => [id, source]), [["0", "def g_0(x):\n    return x"], ["2", "import math\ndef g_1(x):\n    return math.pi"]], "what clashes is left out");
});

t.test("settings, prompts and what is parsed", async (t) => {
  for (const format of ["compact", "paper"] as const) {
    t.equal(resolveConfig({ argument: { format } }).config.curriculum.composite.probability, 0, "off by default");
  }
  t.throws(() => resolveConfig({ argument: { curriculum: { composite: { probability: 0.5 } } } }), { code: "AZR_CONFIG_INVALID", message: /format compact/ });
  const helpers = [{ id: "a", source: "def g_0(x):\n    return x + 1" }, { id: "b", source: "def g_1(x):\n    return x * 2" }];
  for (const name of ["deduction", "abduction", "error"]) {
    const kind = kindNamed(name);
    const plain = kind.buildProposalPrompt({ references: [] }, paper, settings).text;
    t.notMatch(plain, /Functions to build on|g_0/);
    const text = kind.buildProposalPrompt({ references: [], helpers }, paper, settings).text;
    t.match(text, /### Functions to build on\nThe functions `g_0`, `g_1` are there already[^]*\n\n```python\ndef g_0\(x\):\n    return x \+ 1\n```\n\n```python\ndef g_1\(x\):\n    return x \* 2\n```\nAssistant: <think>$/, name);
    const response = (program: string) => `<think>x</think><answer>\n\`\`\`python\n${program}\n\`\`\`\n\`\`\`input\n1\n\`\`\`\n</answer>`;
    t.match(kind.parseProposal(response("def f(x):\n    return g_0(x) - g_1(x)"), { references: [], helpers }, paper, settings), { ok: true, draft: { program: /^def g_0[^]*def g_1[^]*def f/, inputs: ["1"], helpers: 2 } });
    t.match(kind.parseProposal(response("def f(x):\n    return x"), { references: [], helpers }, paper, settings), { ok: false, reason: "composite", detail: "does not call g_0" });
  }
});

t.test("on the real executor", { skip: nativeMissing }, async (t) => {
  const executor = await openExecutor({ workers: 2 });
  t.teardown(() => executor.dispose());
  await t.test("a helper gives what its program gave", async (t) => {
    const programs: [program: string, input: string][] = [
      ["def f(n):\n    return 1 if n < 2 else n * f(n - 1)", "20"],
      ["import math\nfrom collections import Counter as C\n\ndef f(x, k=2):\n    '''f(x)'''\n    return [math.gcd(a, k) for a in x] + sorted(C(x).values())", "[4, 6, 6], k=6"],
      ["def f(x):\n    def inner(y):\n        return y if y < 3 else f([y - 1])[0]\n    return [inner(y) for y in x]", "[7, 2]"],
    ];
    for (const [program, input] of programs) {
      const source = renamedHelper(program, 0)!;
      const own = "def f(*a, **k):\n    result = g_0(*a, **k)\n    return [result]";
      const { program: whole } = composeProgram(own, [{ id: "a", source }]) as { program: string };
      const [before, after] = await Promise.all([program, whole].map(async (text) => (await executor.run({ program: text, inputs: [input] })).runs[0]!));
      t.equal(before!.outcome, "ok");
      t.equal(after!.value, `[${before!.value}]`, program);
    }
  });

  await t.test("held-out and known programs are so as a whole", async (t) => {
    const kind = kindNamed("deduction");
    const draft = { program: "def g_0(x):\n    return x + 1\n\ndef f(x):\n    return g_0(x) * 2", inputs: ["1"] };
    const result = await kind.validate(draft, { executor, settings, format: paper });
    t.match(result, { ok: true, task: { output: "4" } });
    const hash = programHash((await executor.analyse("# a copy\n" + draft.program.replaceAll("x", "number"))).normalised);
    t.match(await kind.validate(draft, { executor, settings, excludedPrograms: new Set([hash]) }), { ok: false, reason: "held-out" });
    t.match(await kind.validate(draft, { executor, settings, isKnown: (key) => key === hash }), { ok: false, reason: "duplicate" });
    const single = curriculumSettings({ validation: { rejectSeveralFunctions: true } });
    t.match(await kind.validate(draft, { executor, settings: single }), { ok: false, reason: "several-functions", detail: "defines 2 functions" });
    t.match(await kind.validate({ ...draft, helpers: 1 }, { executor, settings: single }), { ok: true }, "what it was given does not count");
    const more = { program: `${draft.program}\n\ndef h(x):\n    return x`, inputs: ["1"], helpers: 1 };
    t.match(await kind.validate(more, { executor, settings: single }), { ok: false, reason: "several-functions" });
  });

  await t.test("a run", async (t) => {
    t.testdir({});
    let proposed = 0;
    const block = (tag: string, text: string) => `\`\`\`${tag}\n${text}\n\`\`\``;
    const answer = (prompt: string): string => {
      if (!prompt.includes("## Task: write a new")) return `x</think><answer>\n${block("output", "0")}\n</answer><|end|>`;
      const count = new Set(prompt.match(/def g_\d/g)).size;
      const calls = Array.from({ length: count }, (_, k) => `g_${k}(x)`).join(" * ");
      const own = count === 0 ? `def f(x):\n    return x + ${++proposed}` : `def f(x):\n    return ${calls} + ${proposed % 3}`;
      return `x</think><answer>\n${block("python", own)}\n${block("input", "2")}\n</answer><|end|>`;
    };
    const seed = join(t.testdirName, "seeds.jsonl");
    await writeFile(seed, JSON.stringify({ id: "s", kind: "deduction", program: "def f(x):\n    return x * 3", input: "2", output: "6" }));
    const make = async (name: string, probability: number) => {
      proposed = 0;
      const run = trainFake(t.testdirName, {
        steps: 3,
        format: "paper",
        kinds: ["deduction"],
        generation: { maxTokens: { propose: 500, solve: 100 } },
        curriculum: { proposals: 8, rollouts: { n: 2 }, replay: 0, seedFile: seed, composite: { probability } },
        run: { name },
      }, { engine: fakeEngine({ maxPositions: 100_000, answer }), executor, tokenizer: fakeTokenizer(), stopTokens: [fakeTokenizer().specialTokenId("<|end|>")] });
      await collect(run);
      return { dir: run.dir!, tasks: await lines<Task>(join(run.dir!, "tasks.jsonl")), records: (await Promise.all([1, 2, 3].map((step) => rollouts(run.dir!, step)))).flat() };
    };
    const { tasks, records } = await make("composite", 0.7);
    const composites = tasks.filter(({ program }) => isComposite(program));
    t.ok(composites.length > 3, `${composites.length} of ${tasks.length} tasks are composite`);
    const byId = new Map(tasks.map((task) => [task.id, task]));
    for (const { program, origin: { parents } } of composites) {
      const helpers = parents.filter((id) => program.includes(byId.get(id)!.program.slice("def f(x):".length)));
      t.ok(helpers.length > 0, "their helpers are among their parents");
      t.ok(parents.every((id) => byId.has(id)));
    }
    t.notOk(composites.some(({ program }) => /def g_\d+\(x\):\n    return g_/.test(program)), "no helper is composite itself");
    const reasons = new Set(records.filter(({ role }) => role === "propose").map(({ outcome }) => outcome));
    t.ok(reasons.has("accepted") && reasons.has("duplicate"), [...reasons].join(" "));
    t.equal(new Set(records.filter(({ role, outcome }) => role === "propose" && outcome === "accepted").map(({ task }) => byId.get(task!)!.program)).size, tasks.length - 1, "no program is accepted twice");
    t.same((await make("again", 0.7)).tasks, tasks, "by the seed");
    t.notOk((await make("off", 0)).tasks.some(({ program }) => isComposite(program)));
  });

  await t.test("a run that is resumed, with proposals written ahead, is the unbroken one to the byte", async (t) => {
    t.testdir({});
    const block = (tag: string, text: string) => `\`\`\`${tag}\n${text}\n\`\`\``;
    // What it writes hangs on the prompt alone, so a new sitting needs no memory.
    const answer = (prompt: string): string => {
      if (!prompt.includes("## Task: write a new")) return `x</think><answer>\n${block("output", "0")}\n</answer><|end|>`;
      const calls = [...new Set(prompt.match(/def g_\d/g))].map((_, k) => `g_${k}(x) * `).join("");
      const number = createHash("sha256").update(prompt).digest().readUInt16LE(0) % 40;
      return `x</think><answer>\n${block("python", `def f(x):\n    return ${calls}x + ${number}`)}\n${block("input", "2")}\n</answer><|end|>`;
    };
    const parts = () => ({ engine: fakeEngine({ maxPositions: 100_000, answer }), executor, stopTokens: [fakeTokenizer().specialTokenId("<|end|>")] });
    const config = (name: string, steps: number) => ({
      steps,
      format: "paper" as const,
      kinds: ["deduction", "abduction"],
      generation: { maxTokens: { propose: 500, solve: 100 } },
      curriculum: { proposals: 6, rollouts: { n: 2 }, replay: 0, overlap: true, composite: { probability: 0.8 } },
      run: { name, checkpointEvery: 1 },
    });
    const whole = trainFake(t.testdirName, config("whole", 5), parts());
    await collect(whole);
    const tasks = await lines<Task>(join(whole.dir!, "tasks.jsonl"));
    t.ok(tasks.filter(({ program }) => isComposite(program)).length > 3, "some are composite");
    const broken = trainFake(t.testdirName, config("broken", 5), parts());
    for await (const event of broken) if (event.type === "step-end" && event.step === 3) void broken.stop();
    await broken.result;
    await collect(resumeFake(broken.dir!, parts()));
    t.same(await resultFiles(broken.dir!), await resultFiles(whole.dir!));
  });
});
