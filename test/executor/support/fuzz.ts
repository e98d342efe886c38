// Tries the cases of fuzz-programs.ts on an executor and looks for what must never come: an error instead of outcomes, an outcome that there is
// not, a fault of the sandbox, a value outside of the grammar or one that is read as another, a wrong answer of an honest program in between, a zygote that is another one at the
// end, a process that is left, a file that an escape would make.
import { existsSync } from "node:fs";
import type { Executor, RunRequest } from "../../../src/executor/executor.ts";
import { parseValue, valuesEqual } from "../../../src/executor/value.ts";
import { outcomes } from "../../../src/executor/protocol.ts";
import { marker, takeover, tryHonest } from "./attack-catalogue.ts";
import { fuzzCases } from "./fuzz-programs.ts";
import { supervisorsOf } from "./native.ts";
import { processesBelow } from "./processes.ts";

export interface FuzzResult {
  /** How often each outcome came. */
  counts: Map<string, number>;
  failures: string[];
}

async function tryCase(executor: Executor, request: RunRequest, counts: Map<string, number>): Promise<string | undefined> {
  const result = await executor.run(request).catch((error: Error) => error);
  if (result instanceof Error) return `gave an error: ${result.message}`;
  if (result.runs.length !== request.inputs.length) return `gave ${result.runs.length} outcomes for ${request.inputs.length} inputs`;
  for (const { outcome, value, error } of result.runs) {
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    if (!outcomes.includes(outcome) || outcome === "sandbox-error") return `ended in ${outcome}`;
    if ((outcome === "ok") !== (value !== undefined)) return `ended in ${outcome} with the value ${value}`;
    if (value !== undefined) {
      parseValue(value);
      const again = await executor.parse({ text: value });
      // What a program forges in memory keeps to the grammar, but need not be as the executor would write it.
      if (!request.program.startsWith(takeover) && (!again.ok || !valuesEqual(again.value, value))) return `gave ${value.slice(0, 200)}, which is read as ${JSON.stringify(again).slice(0, 200)}`;
    }
    if (error !== undefined && !/^\w+$/.test(error)) return `has the error ${error}`;
  }
  const analysis = await executor.analyse(request.program);
  if (analysis.ok === (analysis.message !== undefined)) return `is analysed as ${JSON.stringify(analysis).slice(0, 200)}`;
  const [measures] = await executor.measure([{ program: request.program, references: [request.program] }]);
  const sound = measures === null || (Object.values(measures!).every((value) => value === null || Number.isFinite(value)) && [0, null].includes(measures!.distance));
  if (!sound) return `measures ${JSON.stringify(measures)}`;
  return existsSync(marker) ? `left ${marker}` : undefined;
}

const processes = (supervisor: number): string => processesBelow(supervisor).map(({ pid, started }) => `${pid} ${started}`).sort().join(", ");

/** `count` cases from `seed`, `width` at a time, with an honest program after every tenth. */
export async function fuzz(executor: Executor, count: number, seed: number, width = 4): Promise<FuzzResult> {
  const result: FuzzResult = { counts: new Map(), failures: [] };
  const caseOf = fuzzCases(seed);
  // All zygotes are wanted before their ids are noted.
  for (let number = 0; number < 12; number += 1) await tryHonest(executor, number);
  await executor.run({ program: "import random\ndef f(x): return x", inputs: ["1"], determinism: "full" });
  const supervisor = supervisorsOf()[0]!;
  const before = processes(supervisor);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let number = next++; number < count; number = next++) {
      const failure = await tryCase(executor, caseOf(number), result.counts).catch((error: Error) => `gave a value outside of the grammar: ${error.message}`);
      if (failure !== undefined) result.failures.push(`case ${number} of seed ${seed} ${failure}: ${JSON.stringify(caseOf(number)).slice(-600)}`);
      const wrong = number % 10 === 0 ? await tryHonest(executor, number / 10) : undefined;
      if (wrong !== undefined) result.failures.push(`after case ${number} of seed ${seed} ${wrong}`);
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  const after = processes(supervisor);
  if (after !== before) result.failures.push(`the executor's processes were ${before} and are ${after}`);
  return result;
}
