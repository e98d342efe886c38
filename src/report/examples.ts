// Picks the tasks that a report and the end of the demo show: one of each kind where there is one, invented late in the run, with a
// right and a wrong answer of the model itself. Reads tasks.jsonl and the rollouts of the last steps; equal runs give equal examples.

import { createReadStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { RolloutRecord } from "../curriculum/step-context.ts";
import type { Task } from "../curriculum/task.ts";
import { readJsonl } from "../jsonl.ts";
import type { ExampleTask } from "./data.ts";

/** Steps whose rollouts are looked through, from the end of the run backwards. */
const lookBack = 10;

interface Candidate {
  task: Task;
  right: string | null;
  wrong: string | null;
  correct: number;
  judged: number;
}

/** As many examples as there are kinds: the best of each kind first, then the best of what is left. */
export async function pickExamples(runFolder: string, kinds: readonly string[]): Promise<ExampleTask[]> {
  const candidates = new Map<string, Candidate>();
  const names = (await readdir(join(runFolder, "rollouts")).catch(() => [])).filter((name) => name.endsWith(".jsonl.gz")).sort();
  const records: RolloutRecord[] = [];
  for (const name of names.slice(-lookBack)) records.push(...(await readRollouts(join(runFolder, "rollouts", name))));
  const answered = new Set(records.filter(({ role }) => role === "solve").map(({ task }) => task));
  for await (const { value } of readJsonl(createReadStream(join(runFolder, "tasks.jsonl")))) {
    const task = value as Task | undefined;
    if (task !== undefined && answered.has(task.id)) candidates.set(task.id, { task, right: null, wrong: null, correct: 0, judged: 0 });
  }
  for (const record of records) {
    const candidate = record.role === "solve" && record.task !== null ? candidates.get(record.task) : undefined;
    if (candidate === undefined || record.reward === null) continue;
    candidate.judged += 1;
    if (record.outcome === "correct") {
      candidate.correct += 1;
      candidate.right ??= record.answer ?? record.response;
    } else if (record.outcome === "wrong") candidate.wrong ??= record.answer ?? record.response;
  }
  const mixed = [...candidates.values()]
    .filter(({ right, wrong }) => right !== null && wrong !== null)
    .sort((left, rightHand) => interest(rightHand) - interest(left));
  const first = kinds.flatMap((kind) => mixed.find(({ task }) => task.kind === kind) ?? []);
  const others = mixed.filter((candidate) => !first.includes(candidate));
  return [...first, ...others].slice(0, kinds.length).map(exampleOf);
}

async function readRollouts(path: string): Promise<RolloutRecord[]> {
  const text = await promisify(gunzip)(await readFile(path));
  const records: RolloutRecord[] = [];
  // The first line may tell what the file is; early versions had none.
  for await (const { value } of readJsonl(text.toString("utf8"))) if (value !== undefined && !("schema" in (value as object))) records.push(value as RolloutRecord);
  return records;
}

/** Longer programs first, then those that about half of the rollouts solve. */
function interest({ task, correct, judged }: Candidate): number {
  return Math.min(6, task.program.split("\n").length) - 4 * Math.abs(correct / judged - 0.5);
}

function exampleOf({ task, right, wrong, correct, judged }: Candidate): ExampleTask {
  const { id, kind, program, input = "", output = "", error, pairs, shown, message } = task;
  const base = { id, kind, program, step: task.origin.step, solveRate: correct / judged, right, wrong };
  if (pairs !== undefined) {
    const given = pairs.slice(0, shown).map((pair) => ({ label: "shown pair", text: `f(${pair.input}) = ${pair.output}` }));
    return { ...base, asked: kind === "induction" ? "program" : "answer", given: message ? [{ label: "message", text: message }, ...given] : given };
  }
  return kind === "abduction"
    ? { ...base, asked: "input", given: [{ label: "output", text: output }] }
    : { ...base, asked: error === undefined ? "output" : "error", given: [{ label: "input", text: input }] };
}
