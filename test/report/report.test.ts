// The report: nothing from outside, hostile text harmless, well-formed, right numbers. And the demo end to end with fakes, whose run
// folder the report is read from.
import t from "tap";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { demoText } from "../../src/cli/commands/demo.ts";
import { demo } from "../../src/demo.ts";
import { compareFiles } from "../../src/eval/compare-files.ts";
import type { OpenModel } from "../../src/open-model.ts";
import { barChart } from "../../src/report/bar-chart.ts";
import type { ReportData } from "../../src/report/data.ts";
import { clip, escapeHtml } from "../../src/report/escape.ts";
import { lineChart, smooth } from "../../src/report/line-chart.ts";
import { renderReport } from "../../src/report/page.ts";
import { readRun } from "../../src/report/read-run.ts";
import { extent, linearScale, roundStep } from "../../src/report/scale.ts";
import { writeReport } from "../../src/report/write-report.ts";
import { fakeEngine, fakeExecutor, fakeTokenizer } from "../../src/testing/index.ts";

/** Tag names that HTML never closes. */
const voidTags = new Set(["meta", "br"]);

/** What is wrong with the nesting of a page's tags; empty when nothing is. */
function nestingFaults(html: string): string[] {
  const open: string[] = [];
  const faults: string[] = [];
  const body = html.replace(/^<!doctype html>/, "").replace(/<style>[^]*?<\/style>/g, "");
  for (const match of body.matchAll(/<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[\w:-]+(?:="[^"<>]*")?)*)\s*(\/?)>|<|>/g)) {
    const [tag, slash, name, , self] = match;
    if (name === undefined) faults.push(`stray ${tag} near ${body.slice(match.index - 20, match.index + 30)}`);
    else if (slash === "/") {
      if (open.pop() !== name) faults.push(`</${name}> closes something else`);
    } else if (self !== "/" && !voidTags.has(name)) open.push(name);
  }
  return [...faults, ...open.map((name) => `<${name}> is never closed`)];
}

/** References that a browser would follow or run. */
const outside = /(?:src|href|srcset|action|data|poster|xlink:href)\s*=|url\(|@import|https?:|<script|<iframe|<link|<img|javascript:|\son\w+\s*=/i;

const hostile = `</pre></div><script>alert(1)</script><img src=x onerror="alert(2)">"'&\u0000\u202e\ud800 http://evil.example/`;
const even = (value: number) => ({ before: value, after: value, difference: 0, low95: -0.01, high95: 0.01, p: 0.00001, better: 2, worse: 1 });

function data(text: string): ReportData {
  const row = { n: 3, sampled: even(0.25), greedy: even(0.5) };
  return {
    runName: text,
    summary: text,
    facts: [{ name: text, value: text }],
    comparison: { samples: 4, temperature: 1, heldOut: { [text]: row }, overall: row },
    kinds: [text],
    steps: [1, 2, 3],
    solverReward: { [text]: [0, null, 1] },
    proposerReward: { [text]: [null, null, null] },
    solveRate: { [text]: [0.1, 0.2, 0.3] },
    curatedRate: {},
    acceptRate: {},
    bufferSize: { [text]: [10, 20, 30] },
    proposals: [{ name: "accepted", values: [1, 0, 3] }, { name: text, values: [2, 0, 1] }],
    difficulty: { bins: ["0%", text], early: [0.5, 0.5], late: [0, 1] },
    curves: [{ title: text, note: text, values: [1e-9, 2e-9, null] }],
    examples: [{ id: text, kind: text, step: 2, program: text, given: [{ label: text, text }], asked: text, solveRate: 0.5, right: text, wrong: text }],
    config: [{ key: text, value: text, origin: text }],
  };
}

t.test("text that a model wrote cannot get out of its place", async (t) => {
  const html = renderReport(data(hostile));
  const visible = html.replace(/&lt;[^]*?&gt;/g, "").replaceAll("http://evil.example/", "");
  t.notMatch(visible, outside, "no reference and no script");
  t.match(html, "&lt;script&gt;alert(1)&lt;/script&gt;", "shown as text instead");
  t.same(nestingFaults(html), [], "well-formed around it");
  t.equal(html.match(/<script|<img/g), null);
  t.match(html, `content="default-src 'none'; style-src 'unsafe-inline'"`, "and the browser is told to load and run nothing");
  t.notMatch(html, /[\u0000\u202e\ufffe]|undefined|NaN|\[object/, "no control characters, no holes");
  t.equal(Buffer.from(html, "utf8").toString("utf8"), html, "valid Unicode");
  t.equal(escapeHtml(`<a href="x">'&`), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
  t.equal(escapeHtml("a\tb\nc 😀"), "a\tb\nc 😀");
  t.equal(clip("abcdef", 4), "abcd … (2 more characters)");
  t.equal(clip("abcd", 4), "abcd");
});

t.test("a run without steps, comparison or tasks still gives a page", async (t) => {
  const html = renderReport({ ...data("run"), steps: [], comparison: null, examples: [], config: [] });
  t.match(html, "no finished step yet");
  t.same(nestingFaults(html), []);
  t.notMatch(html, outside);
});

t.test("scales and curves", async (t) => {
  const steps: [number, number, number][] = [[10, 4, 2], [1, 4, 0.2], [7, 5, 1], [0.013, 4, 0.002], [100, 3, 20], [8, 2, 5]];
  for (const [span, count, want] of steps) t.ok(Math.abs(roundStep(span, count) - want) < 1e-12, `${span} in ${count} parts: ${want}`);
  const scale = linearScale([0.12, 0.78], [200, 0]);
  t.same(scale.ticks.map(scale.label), ["0.0", "0.2", "0.4", "0.6", "0.8"]);
  t.equal(scale(0), 200);
  t.ok(Math.abs(scale(0.8)) < 1e-9);
  t.same(linearScale([0, 1], [0, 1], { percent: true }).ticks.map((tick) => linearScale([0, 1], [0, 1], { percent: true }).label(tick)), ["0%", "20%", "40%", "60%", "80%", "100%"]);
  t.ok(Number.isFinite(linearScale([3, 3], [0, 100])(3)), "a constant has a place");
  t.same(extent([null, 2, -1, Number.NaN]), [-1, 2]);
  t.same(extent([]), [0, 1]);
  t.same(smooth([1, null, 3]), [1, null, 3], "short runs are drawn as they are");
  const long = smooth(Array.from({ length: 80 }, (_, index) => (index % 2 === 0 ? 0 : 1)));
  t.ok(long.slice(5, 75).every((value) => value! > 0.3 && value! < 0.7), "long ones are averaged");
  const gap = lineChart({ title: "x", note: "", steps: [1, 2, 3, 4], series: [{ name: "a", color: "red", values: [1, null, 2, 3] }] });
  t.match(gap, /d="M[\d. ]+h0\.01M[\d. ]+L[\d. ]+"/, "a gap lifts the pen and a lone value is a dot");
  t.match(barChart({ title: "x", note: "", bins: ["a", "b"], xName: "", groups: [{ name: "g", color: "red", shares: [0.25, 0.75] }] }), "<title>g, b: 75.0%</title>");
});

t.test("the demo with a fake model, end to end", async (t) => {
  const dir = t.testdir({ runs: {} });
  const tasks = Array.from({ length: 30 }, (_, index) => {
    const kind = ["deduction", "abduction", "induction"][index % 3]!;
    const program = `def f(a):\n    a = a + ${(index % 7) + 1}\n    return a * 2`;
    const output = (input: number): string => String((input + (index % 7) + 1) * 2);
    const base = { id: `h${index}`, kind, program };
    return kind === "induction"
      ? { ...base, pairs: [1, 2, 3, 4, 5, 6].map((input) => ({ input: String(input), output: output(input) })), shown: 3 }
      : { ...base, input: "5", output: output(5) };
  });
  const heldOut = join(dir, "held-out.jsonl");
  writeFileSync(heldOut, tasks.map((task) => JSON.stringify(task)).join("\n"));
  const tokenizer = fakeTokenizer();
  const opened: string[] = [];
  const open = async (model: string): Promise<OpenModel> => {
    opened.push(model);
    const engine = fakeEngine();
    if (model !== "seedling") await engine.load(join(model, "checkpoints", readFileSync(join(model, "latest"), "utf8").trim()));
    const marked = { ...tokenizer, vocabularySize: 1, specialTokens: new Map([["<|deduce|>", 2]]), marks: new Map<string, number>() };
    return { name: model, engine, tokenizer: marked, stopTokens: [tokenizer.specialTokenId("<|end|>")], [Symbol.asyncDispose]: () => engine.dispose() };
  };
  const parts = { executor: fakeExecutor(), tokenizer, open };
  const set = [`run.dir=${join(dir, "runs")}`, "curriculum.proposals=8"];
  const progress: string[] = [];
  const result = await demo({ seed: 3, steps: 12, heldOut, set, parts: { ...parts, engine: fakeEngine() }, onProgress: (text) => progress.push(text) });
  t.match(result, {
    type: "demo-result", seed: 3, steps: 12, status: "finished", model: "seedling", samples: 4, temperature: 1,
    overall: { n: 30, sampled: { before: Number, after: Number, low95: Number, high95: Number, p: Number }, greedy: { p: Number } },
    heldOut: Object.fromEntries(["deduction", "abduction", "induction"].map((kind) => [kind, { n: 10, sampled: { before: Number, after: Number }, greedy: { before: Number } }])),
    shares: { sampling: Number, executor: Number, update: Number },
    stepsPerMinute: Number,
  });
  t.same(opened, ["seedling", result!.run]);
  t.equal(progress.length, 2);
  const [kept] = await compareFiles(join(result!.run, "held-out-before.jsonl"), join(result!.run, "held-out-after.jsonl"));
  t.match(kept, { suite: "held-out.jsonl", overall: result!.overall, heldOut: result!.heldOut }, "the outcomes of every task are kept");
  t.match(demoText(result!), /held-out accuracy, %.*tasks.*before.*after.*difference.*95 % interval.*p +better +worse\n[^]*deduction, invented in step[^]*right output: [^]*report: .*report\.html/);
  const sum = (kind: string): number => result!.heldOut[kind]!.sampled.after * 10;
  t.ok(Math.abs(result!.overall.sampled.after * 30 - sum("deduction") - sum("abduction") - sum("induction")) < 1e-9, "overall is over all tasks");

  const html = readFileSync(result!.report, "utf8");
  t.notMatch(html.replace(/&lt;/g, ""), outside, "the page refers to nothing outside");
  t.same(nestingFaults(html), []);
  for (const title of ["Before and after", "Solver&#39;s reward", "Solve rate", "What became of the proposals", "How hard the tasks were", "Tasks known", "Entropy", "Gradient norm", "Tasks it invented", "Settings"]) {
    t.match(html, title, `has ${title}`);
  }
  t.notMatch(html, /undefined|NaN/);
  t.equal(result!.examples.length, 3, "one example a kind");
  for (const { right, wrong, solveRate } of result!.examples) {
    t.ok(right !== null && wrong !== null && right !== wrong && solveRate > 0 && solveRate < 1);
  }
  const data = await readRun(result!.run);
  t.same(data.steps, Array.from({ length: 12 }, (_, index) => index + 1));
  t.ok(data.bufferSize["deduction"]!.every((size) => size !== null && size > 0), "buffer sizes were found");
  t.equal(data.proposals[0]!.name, "accepted");
  t.ok(Math.abs(data.difficulty.early.reduce((total, share) => total + share, 0) - 1) < 1e-9, "the histogram's shares add up");
  t.equal(data.config.find(({ key }) => key === "seed")?.value, "3");

  t.test("a killed run's half line and repeated steps do not spoil it", async (t) => {
    appendFileSync(join(result!.run, "events.jsonl"), `{"type":"step-start","step":12,"time":"x"}\n{"type":"step-end","step":12,"ti`);
    t.equal(await writeReport(result!.run), result!.report);
    t.same((await readRun(result!.run)).steps.length, 12);
  });
  t.test("equal seeds, equal figures; a stopped demo is not measured; a resumed one is, and equals the unbroken one", async (t) => {
    const again = await demo({ seed: 3, steps: 12, heldOut, set, parts: { ...parts, engine: fakeEngine() } });
    t.same([again!.overall, again!.heldOut], [result!.overall, result!.heldOut]);
    let folder = "";
    const stopped = await demo({
      seed: 3, steps: 12, heldOut, set: [...set, "run.name=stopped"], parts: { ...parts, engine: fakeEngine() },
      onRun: (run) => void (async () => {
        for await (const event of run) {
          if (event.type === "run-start") folder = event.dir;
          if (event.type === "step-end" && event.step === 5) void run.stop();
        }
      })(),
    });
    t.equal(stopped, null);
    const other = join(dir, "other.jsonl");
    writeFileSync(other, JSON.stringify(tasks[0]));
    await t.rejects(demo({ resume: folder, heldOut: other, parts: { ...parts, engine: fakeEngine() } }), { code: "AZR_INPUT_INVALID", message: /did not keep/ });
    const resumed = await demo({ resume: folder, parts: { ...parts, engine: fakeEngine() } });
    t.same([resumed!.overall, resumed!.heldOut, resumed!.steps], [result!.overall, result!.heldOut, 12]);
  });
  t.test("a missing held-out file is found out before training", async (t) => {
    for (const setting of ["timeBudgetSeconds=5", "curriculum.heldOut=[]"]) {
      await t.rejects(demo({ heldOut, set: [...set, setting], parts: { ...parts, engine: fakeEngine() } }), { code: "AZR_CONFIG_INVALID", hint: /--/ }, setting);
    }
    await t.rejects(demo({ heldOut: join(dir, "nowhere.jsonl"), set, parts: { ...parts, engine: fakeEngine() } }), { code: "AZR_INPUT_INVALID" });
    await t.rejects(readRun(join(dir, "runs")), { code: "AZR_RUN_FOLDER" });
  });
});
