// A file of programs for `azr exec` and the check of its answers: honest programs, whose answers plain CPython gives too, with
// hostile ones strewn in, whose outcomes are known. By hand (docs/executor.md): `npx jiti test/executor/support/mixed-programs.ts
// make 1000 > programs.jsonl`, then `... check programs.jsonl answers.jsonl`. mixed-programs.test.ts does the same.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ExecAnswer } from "../../../src/executor/exec-jsonl.ts";
import { findPython } from "../../../src/executor/find-python.ts";
import { honestPrograms, type HonestProgram } from "./honest-programs.ts";

/** Each comes back by its id; `error` is the class, where there is one. */
const hostilePrograms: [id: string, program: string, outcome: string, error?: string][] = [
  ["hostile-os-system", "import os\ndef f(x): return os.system('touch /tmp/escaped')", "runtime-error", "PermissionError"],
  ["hostile-socket", "import socket\ndef f(x): return socket.create_connection(('127.0.0.1', 80))", "runtime-error", "ModuleNotFoundError"],
  ["hostile-fork", "import os\ndef f(x): return os.fork()", "runtime-error", "PermissionError"],
  ["hostile-loop", "def f(x):\n    while True: pass", "time-limit"],
  ["hostile-list", "def f(x): return [0] * (10 * 2 ** 30 // 8)", "memory-limit"],
];

/** `count` honest programs; after every fiftieth one of the hostile. */
export function mixedPrograms(count: number, seed = 1): HonestProgram[] {
  return honestPrograms(count, seed).flatMap((honest, index) => {
    if (index % 50 !== 49) return [honest];
    const [id, program] = hostilePrograms[Math.floor(index / 50) % hostilePrograms.length]!;
    return [honest, { id: `${id}-${index}`, program, inputs: ["1"] }];
  });
}

export interface PlainAnswer {
  outcome: string;
  value?: string;
  error?: string;
}

/** Runs a Python script of this folder with JSON as input and gives the JSON that it writes. */
async function askPython<T>(script: string, input: unknown): Promise<T> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const python = spawnSync(await findPython(), ["-I", path], { input: JSON.stringify(input), encoding: "utf8", maxBuffer: 2 ** 28 });
  if (python.status !== 0) throw new Error(`plain Python failed: ${python.stderr.slice(-2000)}`);
  return JSON.parse(python.stdout) as T;
}

/** What plain CPython, the one that the executor takes too, says of each program: one answer an input. All in one process of it. */
export async function plainAnswers(programs: Pick<HonestProgram, "program" | "inputs">[]): Promise<PlainAnswer[][]> {
  return askPython("./plain-python.py", programs);
}

/** Kinds of syntax tree nodes, builtin names and methods that the programs use, and the kinds of nodes that none has. */
export async function syntaxOf(programs: HonestProgram[]): Promise<{ nodes: string[]; never: string[]; builtins: string[]; methods: string[] }> {
  return askPython("./count-syntax.py", programs);
}

/** Compares answers with plain CPython's, and with the known outcomes of the hostile. `differences` has a sentence for each that is not equal. */
export async function checkAnswers(programs: HonestProgram[], answers: ExecAnswer[]): Promise<{ runs: number; hostile: number; differences: string[] }> {
  const honest = programs.filter(({ id }) => !id.startsWith("hostile-"));
  const plain = new Map((await plainAnswers(honest)).map((rows, index) => [honest[index]!.id, rows]));
  const differences: string[] = [];
  const counts = { runs: 0, hostile: 0 };
  for (const [index, { id, inputs }] of programs.entries()) {
    const [, , outcome, error] = hostilePrograms.find(([name]) => id.startsWith(name)) ?? [];
    const expected = plain.get(id) ?? [{ outcome: outcome!, ...(error === undefined ? {} : { error }) }];
    const answer = answers[index];
    if (answer?.id !== id || answer.runs.length !== inputs.length) {
      differences.push(`${id} has no answer at its place`);
      continue;
    }
    for (const [which, run] of answer.runs.entries()) {
      counts[plain.has(id) ? "runs" : "hostile"] += 1;
      const wanted = expected[which]!;
      if (run.outcome === wanted.outcome && run.value === wanted.value && run.error === wanted.error) continue;
      differences.push(`${id} on ${inputs[which]}: ${JSON.stringify(run)} where ${JSON.stringify(wanted)} was expected`);
    }
  }
  if (answers.length !== programs.length) differences.push(`${answers.length} answers to ${programs.length} programs`);
  return { ...counts, differences };
}

const readLines = <T>(path: string): T[] => readFileSync(path, "utf8").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as T);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [verb, first, second] = process.argv.slice(2);
  if (verb === "make") {
    const programs = mixedPrograms(Number(first ?? 1000), Number(second ?? 1));
    process.stdout.write(programs.map((program) => `${JSON.stringify(program)}\n`).join(""));
  } else if (verb === "check" && second !== undefined) {
    const { runs, hostile, differences } = await checkAnswers(readLines(first!), readLines(second));
    for (const difference of differences) console.log(difference);
    console.log(`${runs} honest runs and ${hostile} hostile ones: ${differences.length} differences`);
    process.exitCode = differences.length > 0 ? 1 : 0;
  } else {
    console.error("usage: mixed-programs.ts make [COUNT] [SEED] > PROGRAMS | check PROGRAMS ANSWERS");
    process.exitCode = 2;
  }
}
