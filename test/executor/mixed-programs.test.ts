// `azr exec`, as a command of its own, on a file of two thousand honest programs and forty hostile ones: every outcome, value and exception
// equal to plain CPython's, the hostile ones told for what they are, and nobody harmed by a neighbour.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import type { ExecAnswer } from "../../src/executor/exec-jsonl.ts";
import { checkAnswers, mixedPrograms, syntaxOf } from "./support/mixed-programs.ts";
import { nativeMissing } from "./support/native.ts";

t.test("azr exec on two thousand mixed programs", { skip: nativeMissing }, async (t) => {
  const programs = mixedPrograms(2000);
  const file = join(t.testdir(), "programs.jsonl");
  writeFileSync(file, programs.map((program) => `${JSON.stringify(program)}\n`).join(""));
  const escaped = existsSync("/tmp/escaped");

  const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, main, "exec", "--jsonl", file, "--determinism", "once"], { stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].setEncoding("utf8").on("data", (chunk: string) => (said[name] += chunk));
  t.same(await once(child, "close"), [0, null], said.stderr);

  const answers = said.stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as ExecAnswer);
  t.same(await checkAnswers(programs, answers), { runs: 4000, hostile: 40, differences: [] });
  t.match(said.stderr, /2040 answered in [\d.]+ s \(\d+\/s\)/);
  t.comment(said.stderr.trim());
  t.equal(existsSync("/tmp/escaped"), escaped, "nothing got out");

  // A comparison is worth what the programs use of the language.
  const { nodes, never, builtins, methods } = await syntaxOf(programs);
  const outcomes = new Set(answers.flatMap(({ runs }) => runs.map(({ outcome, error }) => `${outcome} ${error ?? ""}`)));
  t.comment(`${nodes.length} kinds of syntax tree nodes (not: ${never.join(" ")}), ${builtins.length} builtins, ${methods.length} methods, ${outcomes.size} outcomes`);
  t.ok(never.length === 0 && builtins.length >= 80 && methods.length >= 150 && outcomes.size >= 25, "the programs are not thin");
});
