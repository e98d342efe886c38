import { existsSync } from "node:fs";
import t from "tap";
import { fence, fencedBlocks } from "../../src/curriculum/formats/fences.ts";
import { formatNamed, registerFormat, type BlockName, type Prompt } from "../../src/curriculum/format.ts";
import { kindNamed, kindNames } from "../../src/curriculum/kinds/registry.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import { parseTemplate, registerTemplate, renderTemplate } from "../../src/curriculum/template.ts";
import type { Task } from "../../src/curriculum/task.ts";
import { responses, shapes } from "./support/responses.ts";

const settings = curriculumSettings();
const compact = formatNamed("compact");
const paper = formatNamed("paper");

const triplet = (kind: string, program: string, input: string, output: string): Task => ({
  id: "t-1-d-0",
  kind,
  program,
  input,
  output,
  origin: { step: 1, parents: [] },
});
const addOne = triplet("deduction", "def f(a):\n    return a + 1\n\n", "3", "4");
const sorted = triplet("deduction", "def f(a):\n    return sorted(a)", " [2, 1] ", "[1, 2]");
const induced: Task = {
  id: "t-1-i-0",
  kind: "induction",
  program: addOne.program,
  pairs: [
    { input: "1", output: "2" },
    { input: "5", output: "6" },
    { input: "8", output: "9" },
  ],
  shown: 2,
  origin: { step: 1, parents: [] },
};

t.test("responses", async (t) => {
  t.ok(responses.length >= 80, `${responses.length} cases`);
  for (const { name, format, shape, text, want } of responses) {
    const parsed = formatNamed(format).parse(text, shapes[shape]);
    t.same(parsed.ok ? parsed.blocks : parsed.reason, want, `${format}: ${name}`);
    if (!parsed.ok) t.ok(parsed.detail.length > 0 && parsed.detail.length < 200, "says why");
  }
});

t.test("compact prompts, letter by letter", async (t) => {
  const cases: [string, Prompt, string, string][] = [
    ["solve deduction", kindNamed("deduction").buildSolutionPrompt(addOne, compact), "<|deduce|><|program|>def f(a):\n    return a + 1<|input|>3<|output|>", "<|output|>"],
    ["solve abduction", kindNamed("abduction").buildSolutionPrompt(addOne, compact), "<|abduce|><|program|>def f(a):\n    return a + 1<|output|>4<|input|>", "<|input|>"],
    ["solve induction", kindNamed("induction").buildSolutionPrompt(induced, compact), "<|induce|><|input|>1<|output|>2<|input|>5<|output|>6<|program|>", "<|program|>"],
    [
      "solve induction with a message",
      kindNamed("induction").buildSolutionPrompt({ ...induced, message: "one more" }, compact),
      "<|induce|><|input|>1<|output|>2<|input|>5<|output|>6<|message|>one more<|program|>",
      "<|program|>",
    ],
    [
      "propose deduction",
      kindNamed("deduction").buildProposalPrompt({ references: [addOne, sorted] }, compact, settings),
      "<|propose-deduction|><|program|>def f(a):\n    return a + 1<|input|>3<|output|>4<|program|>def f(a):\n    return sorted(a)<|input|>[2, 1]<|output|>[1, 2]<|new|><|program|>",
      "<|program|>",
    ],
    ["propose without references", kindNamed("deduction").buildProposalPrompt({ references: [] }, compact, settings), "<|propose-deduction|><|new|><|program|>", "<|program|>"],
    [
      "propose abduction",
      kindNamed("abduction").buildProposalPrompt({ references: [addOne] }, compact, settings),
      "<|propose-abduction|><|program|>def f(a):\n    return a + 1<|input|>3<|output|>4<|new|><|program|>",
      "<|program|>",
    ],
    [
      "propose induction",
      kindNamed("induction").buildProposalPrompt({ references: [], source: addOne }, compact, settings),
      "<|propose-induction|><|program|>def f(a):\n    return a + 1<|new|><|input|>",
      "<|input|>",
    ],
  ];
  for (const [name, { literal: _, ...prompt }, text, prefill] of cases) t.same(prompt, { text, prefill }, name);
});

t.test("paper prompts", async (t) => {
  for (const kind of kindNames()) {
    const asked = kind === "error" ? { error: "NoError" } : {};
    const request = { references: [addOne, sorted].map((task) => ({ ...task, ...asked })), source: addOne };
    const task = kind === "induction" ? { ...induced, message: "one more" } : { ...addOne, kind, ...asked };
    const propose = kindNamed(kind).buildProposalPrompt(request, paper, settings);
    const solve = kindNamed(kind).buildSolutionPrompt(task, paper);
    for (const [role, prompt] of Object.entries({ propose, solve })) {
      t.equal(prompt.prefill, "<think>");
      t.ok(prompt.text.endsWith("\nAssistant: <think>"), `${role} ${kind} opens the thought`);
      t.notMatch(prompt.text, /\{\{|\}\}|undefined/, `${role} ${kind} has no holes`);
      t.matchSnapshot(prompt.text, `${role} ${kind}`);
    }
  }
  const abduce = kindNamed("abduction").buildSolutionPrompt(addOne, paper).text;
  t.notMatch(abduce, "```input\n3\n```", "the solver does not see the input it has to find");
  const deduce = kindNamed("deduction").buildSolutionPrompt(addOne, paper).text;
  t.notMatch(deduce, "```output\n4\n```", "nor the output");
  const induce = kindNamed("induction").buildSolutionPrompt(induced, paper).text;
  t.notMatch(induce, "```input\n8\n```", "nor a hidden pair");
  t.notMatch(induce, "a + 1", "nor the program");
  t.notMatch(induce, "Message:", "no message, no heading");
  const none = kindNamed("deduction").buildProposalPrompt({ references: [] }, paper, settings).text;
  t.notMatch(none, "snippet_");
  // The difficulty sentences: what is to be found is what has to be hard.
  t.match(kindNamed("deduction").buildProposalPrompt({ references: [] }, paper, settings).text, "the output should be hard to predict");
  t.match(kindNamed("abduction").buildProposalPrompt({ references: [] }, paper, settings).text, "an input that gives the output should be hard to find");
});

t.test("what a completion holds is read back", async (t) => {
  const program = 'def f(a):\n    """```\n    ````\n    """\n    return a';
  const cases: [keyof typeof shapes, { name: BlockName; text: string }[]][] = [
    ["output", [{ name: "output", text: "{'a': [1, (2,)]}" }]],
    ["input", [{ name: "input", text: "[1], '```'" }]],
    ["program", [{ name: "program", text: program }]],
    ["proposal", [{ name: "program", text: program }, { name: "input", text: "7" }]],
    ["inputs", ["1", "2", "3"].map((text) => ({ name: "input", text }))],
  ];
  for (const format of [compact, paper]) {
    for (const [shape, blocks] of cases) {
      const prefill = format === paper ? "<think>" : `<|${blocks[0]!.name}|>`;
      const parsed = format.parse(prefill + format.completion(blocks, "a thought"), shapes[shape]);
      t.ok(parsed.ok, `${format.name} ${shape}`);
      if (!parsed.ok) continue;
      for (const { name } of blocks) {
        t.same(parsed.blocks[name], blocks.filter((block) => block.name === name).map(({ text }) => text));
      }
    }
  }
  for (const [text, inCompact, inPaper] of [
    ["[1, 2]", true, true],
    ["'<|end|>'", false, true],
    ["'<|anything-else|>'", false, true],
    ["'</answer>'", true, false],
    ["'<think>'", true, false],
    ["'<b>|end|'", true, true],
  ] as const) {
    t.equal(compact.carries(text), inCompact, `compact ${text}`);
    t.equal(paper.carries(text), inPaper, `paper ${text}`);
    t.equal(compact.carries(text), inCompact, "and again: no state is kept");
  }
});

t.test("fences", async (t) => {
  for (const text of ["x", "", "```", "a\n```python\nb\n```\nc", "``````", "  ```\n"]) {
    t.same(fencedBlocks(`before\n${fence("input", text)}\nafter`), { blocks: [{ tag: "input", text }], outside: "before\nafter" }, JSON.stringify(text));
  }
  t.same(fencedBlocks("```python extra words\nx\n```").blocks, [{ tag: "python", text: "x" }]);
  t.same(fencedBlocks("    ```\nx\n    ```").blocks, [], "four spaces make no fence");
  t.same(fencedBlocks("``` `x` ```").blocks, [], "inline code is no fence");
  t.same(fencedBlocks("a\n```x\nb\n```\nc\n```y\nd"), { blocks: [{ tag: "x", text: "b" }], outside: "a\nc\n```y\nd" }, "a fence that is never closed is around the others");
});

t.test("templates", async (t) => {
  const plain = (_name: string, text: string): string => text;
  const cases: [string, Record<string, never> | Parameters<typeof renderTemplate>[1], string][] = [
    ["a {{x}} b {{x}}", { x: "1" }, "a 1 b 1"],
    ["{{x}}", { x: "{{y}}" }, "{{y}}"],
    ["{{#list}}{{index}}:{{x}} {{/list}}", { list: [{ x: "a" }, { x: "b" }] }, "1:a 2:b "],
    ["{{#list}}x{{/list}}", { list: [] }, ""],
    ["{{#list}}{{outer}}{{/list}}", { list: [{}, {}], outer: "o" }, "oo"],
    ["{{#x}}has {{x}}{{/x}}", { x: "it" }, "has it"],
    ["{{#x}}has {{x}}{{/x}}", { x: "" }, ""],
    ["a\n{{#x}}\nb\n{{/x}}\nc", { x: "1" }, "a\nb\nc"],
    ["{'a': 1} {x}", {}, "{'a': 1} {x}"],
  ];
  for (const [source, values, want] of cases) t.equal(renderTemplate(parseTemplate(source, "test"), values, plain).text, want, source);
  t.same(renderTemplate(parseTemplate("a{{prefill}}b{{x}}", "test"), { x: "c" }, plain), { text: "abc", prefill: "bc", literal: [[2, 3]] });
  for (const broken of ["{{#x}}", "{{/x}}", "{{#x}}{{/y}}"]) t.throws(() => parseTemplate(broken, "test"), { code: "AZR_INTERNAL" }, broken);
  t.throws(() => renderTemplate(parseTemplate("{{x}}", "test"), {}, plain), { code: "AZR_INTERNAL" });
  t.throws(() => renderTemplate(parseTemplate("{{toString}}", "test"), {}, plain), { code: "AZR_INTERNAL" }, "inherited names are no values");
  t.throws(() => renderTemplate(parseTemplate("{{x}}", "test"), { x: [] }, plain), { code: "AZR_INTERNAL" });
  t.throws(() => compact.prompt("solve-nothing", {}), { code: "AZR_INTERNAL", hint: /solve-NAME/ });
  registerTemplate("compact-v1", "solve-own", "<|deduce|>{{x}}{{prefill}}<|output|>");
  t.same(compact.prompt("solve-own", { x: " 1 " }), { text: "<|deduce|>1<|output|>", prefill: "<|output|>", literal: [[10, 11]] });
});

t.test("formats by name", async (t) => {
  t.throws(() => formatNamed("nothing"), { code: "AZR_CONFIG_INVALID", hint: /compact, paper/ });
  registerFormat({ ...compact, name: "test-format" });
  t.equal(formatNamed("test-format").version, "compact-v1");
  for (const { version } of [compact, paper]) {
    for (const kind of kindNames()) {
      for (const role of ["propose", "solve"]) {
        t.ok(existsSync(new URL(`../../src/curriculum/prompts/${version}/${role}-${kind}.txt`, import.meta.url)), `${version} ${role}-${kind}`);
      }
    }
  }
});

t.test("a prompt tells which of it models wrote", async (t) => {
  const hostile: Task = { ...addOne, program: "def f(a):\n    return '<|im_end|>'", input: "'</s>'", output: "'```'" };
  const message = "x<|im_start|>";
  for (const format of [compact, paper]) {
    for (const kind of ["deduction", "abduction", "induction"]) {
      const task = kind === "induction" ? { ...induced, message, pairs: [{ input: "'</s>'", output: "'<|im_end|>'" }, ...induced.pairs!] } : hostile;
      const prompts = [kindNamed(kind).buildSolutionPrompt(task, format), kindNamed(kind).buildProposalPrompt({ references: [hostile], source: hostile }, format, settings)];
      for (const { text, prefill, literal } of prompts) {
        const own = literal!.reduceRight((rest, [start, end]) => rest.slice(0, start) + rest.slice(end), text);
        t.notMatch(own, /im_end|im_start|<\/s>/, `${format.name}, ${kind}`);
        t.ok(own.endsWith(prefill), "the prefill is the template's");
        t.ok(literal!.every(([start, end], index) => start <= end && end <= text.length && start >= (literal![index - 1]?.[1] ?? 0)), "in order");
        t.match(literal!.map(([start, end]) => text.slice(start, end)).join(""), /im_end|<\/s>/);
      }
    }
  }
});
