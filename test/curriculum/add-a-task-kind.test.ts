// The code of docs/add-a-task-kind.md, as it stands there: it type-checks, and runs two steps. Only what "absolute-zero" is gets replaced: this checkout.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import t from "tap";
import ts from "typescript";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { formatNamed } from "../../src/curriculum/format.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import type { Task } from "../../src/curriculum/task.ts";
import { openExecutor } from "../../src/executor/open.ts";
import type { RunResult } from "../../src/train.ts";
import { nativeMissing } from "../executor/support/native.ts";
import { lines } from "../run/support/fake-run.ts";

const page = readFileSync(new URL("../../docs/add-a-task-kind.md", import.meta.url), "utf8");
const entry = (name: string): string => fileURLToPath(new URL(`../../src/${name}`, import.meta.url));

t.test("the page", async (t) => {
  const blocks = [...page.matchAll(/^```ts\n(\/\/ ([\w-]+\.ts)\n[^]*?)^```$/gm)].map((match) => ({ name: match[2]!, text: match[1]! }));
  t.same(blocks.map(({ name }) => name), ["completion.ts", "two-steps.ts"]);
  const dir = t.testdir({});
  for (const { name, text } of blocks) {
    const local = text.replaceAll('"absolute-zero/testing"', JSON.stringify(entry("testing/index.ts"))).replaceAll('"absolute-zero"', JSON.stringify(entry("index.ts")));
    writeFileSync(join(dir, name), local);
  }

  await t.test("its code has the right types", async (t) => {
    const { config } = ts.readConfigFile(entry("../tsconfig.json"), ts.sys.readFile) as { config: object };
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, entry(".."));
    const program = ts.createProgram(blocks.map(({ name }) => join(dir, name)), { ...options, noEmit: true, incremental: false, skipLibCheck: true, rewriteRelativeImportExtensions: false });
    const faults = blocks.flatMap(({ name }) => {
      const source = program.getSourceFile(join(dir, name));
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    });
    t.same(faults.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")), []);
  });

  await t.test("two steps of it do what the page says", async (t) => {
    const { twoSteps } = (await import(pathToFileURL(join(dir, "two-steps.ts")).href)) as { twoSteps(dir: string): Promise<RunResult> };
    const said: unknown[][] = [];
    const { log } = console;
    console.log = (...words: unknown[]) => void said.push(words);
    const result = await twoSteps(join(dir, "runs")).finally(() => (console.log = log));
    t.match(result, { status: "finished", step: 2 });
    t.same(said.slice(0, 4), [["t-1-c-0", "y = x * 1"], ["t-1-c-1", "y = x * 2"], ["t-1-c-2", "y = x * 3"], ["t-1-c-3", "y = x * 4"]]);
    t.same(said.slice(4, 6), [["propose", "completion", 0.5, { accepted: 4 }], ["solve", "completion", 0.25, { correct: 4, wrong: 4 }]]);
    t.equal(said.length, 12);
    const tasks = await lines<Task>(join(result.dir, "tasks.jsonl"));
    t.same(tasks.map(({ id, origin }) => [id, origin.seed]).slice(0, 2), [["t-0-c-0", true], ["t-1-c-0", undefined]]);
    t.match(tasks[1], { kind: "completion", pairs: [{ input: "1", output: "2" }, { input: "2", output: "3" }, { input: "3", output: "4" }], shown: 1 });
    const metrics = await lines<Record<string, number>>(join(result.dir, "metrics.jsonl"));
    t.match(metrics, [{ "propose/completion/accepted": 1, "solve/completion/correct": 0.5 }, { "propose/completion/accepted": 1, "solve/completion/correct": 0.5 }]);
  });

  await t.test("the kind on the real executor", { skip: nativeMissing }, async (t) => {
    const executor = await openExecutor({ workers: 2 });
    t.teardown(() => executor.dispose());
    const kind = kindNamed("completion");
    const settings = curriculumSettings();
    const format = formatNamed("paper");
    const program = "def f(xs):\n    n = 0\n    total = sum(x * x for x in xs)\n    return total + n";
    const made = await kind.validate({ program, inputs: ["[1, 2]", "[3]", "[]"] }, { executor, settings, format });
    t.match(made, { ok: true, task: { pairs: [{ output: "5" }, { output: "9" }, { output: "0" }] } });
    t.match(await kind.validate({ program: "def f(a):\n    return a", inputs: ["1", "2", "3"] }, { executor, settings, format }), { ok: false, reason: "malformed" });
    t.match(await kind.validate({ program: "import random\ndef f(a):\n    b = 1\n    return b", inputs: ["1", "2", "3"] }, { executor, settings, format }), { ok: false, reason: "banned" });
    const task: Task = { id: "t", origin: { step: 1, parents: [] }, ...(made as { task: Omit<Task, "id" | "origin"> }).task };
    const prompt = kind.buildSolutionPrompt(task, format).text;
    t.match(prompt, "def f(xs):\n    n = 0\n    ...\n    return total + n");
    t.notMatch(prompt, /x \* x|\[3\]/, "neither the line nor a hidden pair");
    const verdicts: [string, string][] = [
      ["total = sum(x ** 2 for x in xs)", "correct"],
      ["total = 5", "wrong"],
      ["total = 5; return 5", "wrong"],
      ["total = sum(xs)", "wrong"],
      ["total = (", "wrong"],
      ["total = 1\n    total = 5", "malformed"],
      ["total = [sum(x * x for x in xs), id(xs) % 2][0] if id([xs]) // 16 % 2 else sum(x * x for x in xs)", "correct"],
    ];
    for (const [answer, want] of verdicts) t.equal((await kind.verify(task, answer, { executor, settings })).verdict, want, answer);
  });
});
