// The commands that answer JSON lines, on the real executor: good lines in order, bad lines named.
import t from "tap";
import { azr, jsonLines, noExecutor } from "./harness.ts";

t.test("exec and verify: good lines answered in order, bad lines named, exit code 1", { skip: noExecutor() ?? false }, async (t) => {
  const program = "def f(a):\n    return sorted(a)[::-1]";
  const cwd = t.testdir({
    "mixed.jsonl": [
      JSON.stringify({ id: 1, program, inputs: ["[1, 3, 2]", "[]"] }),
      "{broken",
      JSON.stringify({ id: "two", program: "def f(a):\n    import os\n    return os.system('true')", inputs: ["1"] }),
      JSON.stringify({ id: 3, program, inputs: ["1"], colour: "red" }),
      JSON.stringify({ id: 4, program: "def f(a):\n    return a / 0", inputs: ["1"] }),
      "",
    ].join("\n"),
    "clean.jsonl": `${JSON.stringify({ id: 1, program, inputs: ["[2, 5]"] })}\n`,
    "answers.jsonl": [
      { id: "right", task: { id: "t", kind: "deduction", program: "def f(a):\n    return a + 1", input: "1", output: "2" }, answer: "2.0" },
      { id: "wrong", task: { id: "t", kind: "deduction", program: "def f(a):\n    return a + 1", input: "1", output: "2" }, answer: "3" },
      { id: "none", task: { id: "t", kind: "deduction", program: "def f(a):\n    return a + 1", input: "1", output: "2" }, answer: "1 + 1" },
      { id: "other", task: { id: "t", kind: "abduction", program: "def f(a):\n    return a % 2", input: "3", output: "1" }, answer: "5" },
      { id: "bad", task: { id: "t", kind: "abduction", program: "def f(a):\n    return a % 2" }, answer: "5" },
    ]
      .map((line) => JSON.stringify(line))
      .join("\n"),
  });
  const mixed = await azr(["exec", "--jsonl", "mixed.jsonl"], cwd);
  t.equal(mixed.code, 1);
  const answers = jsonLines(mixed.stdout);
  t.same(answers.map(({ id }) => id), [1, "two", 4]);
  t.match(answers[0], { deterministic: true, runs: [{ outcome: "ok", value: "[3, 2, 1]" }, { outcome: "ok", value: "[]" }] });
  t.match(answers[0], { provenance: { python: /^3\.\d+\.\d+$/, layers: /seccomp/ } });
  t.match(answers[1], { deterministic: null, runs: [{ outcome: "runtime-error" }] });
  t.match(answers[2], { deterministic: null, runs: [{ outcome: "runtime-error", error: "ZeroDivisionError" }] });
  t.match(mixed.stderr, /^mixed\.jsonl:2: not valid JSON.*\nmixed\.jsonl:4: unknown field "colour"\n3 answered in .*, 2 bad lines left out\n$/);
  const json = await azr(["exec", "--jsonl", "mixed.jsonl", "--json", "--determinism", "once"], cwd);
  t.match(jsonLines(json.stderr), [{ type: "bad-line", line: 2 }, { type: "bad-line", line: 4 }, { type: "summary", answered: 3, badLines: 2, perSecond: Number }]);
  t.same(jsonLines(json.stdout).map(({ deterministic }) => deterministic), [null, null, null]);
  t.equal((await azr(["exec", "--jsonl", "clean.jsonl"], cwd)).code, 0);
  const verdicts = await azr(["verify", "--jsonl", "answers.jsonl"], cwd);
  t.equal(verdicts.code, 1);
  t.same(jsonLines(verdicts.stdout).map(({ id, verdict }) => [id, verdict]), [
    ["right", "correct"],
    ["wrong", "wrong"],
    ["none", "malformed"],
    ["other", "correct"],
  ]);
  t.match(verdicts.stderr, /answers\.jsonl:5: .*needs both/);
});
