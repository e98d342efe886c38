// One step of the loop on a scripted model, small enough that its rewards, weights and advantages can be worked out by hand.

import { join } from "node:path";
import type { Test } from "tap";
import type { ConfigInput } from "../../../src/config/index.ts";
import type { RolloutRecord } from "../../../src/curriculum/step-context.ts";
import { cutRows } from "../../../src/curriculum/token-rows.ts";
import { collect, fakeEngine, fakeExecutor, fakeTokenizer } from "../../../src/testing/index.ts";
import { lines, rollouts, trainFake } from "../../run/support/fake-run.ts";

/** The prompts of a request, as text. */
export const prompts = (request: { prompts: { tokens: Int32Array; lengths: Int32Array } }) =>
  cutRows(request.prompts.tokens, request.prompts.lengths).map((row) => fakeTokenizer().decode(row));

interface Scripted {
  config?: ConfigInput;
  /** Proposals of deduction, in order; the last repeats. */
  proposals: string[];
  /** Answers to a task, by its program and sample. */
  answer?: (prompt: string, sample: number) => string;
  executor?: ReturnType<typeof fakeExecutor>;
  engine?: Parameters<typeof fakeEngine>[0];
  steps?: number;
  /** The frozen proposer. */
  proposer?: ReturnType<typeof fakeEngine>;
  /** The model of `update.kl`. */
  reference?: ReturnType<typeof fakeEngine>;
}

let folders = 0;

/** One step of deduction alone with a scripted model, in a new folder under the test's own. */
export async function scripted(t: Fixture, { config = {}, proposals, answer = () => "0", executor = fakeExecutor(), steps = 1, engine: engineOptions = {}, proposer, reference }: Scripted) {
  let proposed = 0;
  const engine = fakeEngine({
    ...engineOptions,
    answer: (prompt, sample) => {
      if (!prompt.startsWith("<|propose")) return `${answer(prompt, sample)}<|end|>`;
      return proposals[Math.min(proposed++, proposals.length - 1)];
    },
  });
  const run = trainFake(join(t.testdirName, String(folders++)), {
    steps,
    kinds: ["deduction"],
    ...config,
    curriculum: { proposals: proposals.length, rollouts: { n: 2 }, replay: 0, ...config.curriculum },
    update: { advantage: { scope: "group", baseline: "mean" }, ...config.update },
  }, { engine, executor, tokenizer: fakeTokenizer(), ...(proposer === undefined ? {} : { proposer }), ...(reference === undefined ? {} : { reference }) });
  const events = await collect(run);
  const updates = engine.calls.flatMap((call) => (call.method === "update" ? [call.request] : []));
  const records = await rollouts(run.dir!, steps);
  return { run, events, engine, executor, updates, records, metrics: (await lines<Record<string, number>>(join(run.dir!, "metrics.jsonl")))[0]! };
}
type Fixture = Pick<Test, "testdirName">;

/** The text of a proposal: a program and its input. */
export const plus = (n: number, input = 1) => `def f(a):\n    return a + ${n}<|input|>${input}<|end|>`;
export const proposers = (records: RolloutRecord[]) => records.filter(({ role }) => role === "propose");
export const solvers = (records: RolloutRecord[]) => records.filter(({ role }) => role === "solve");
export const near = (actual: ArrayLike<number>, expected: number[]) =>
  actual.length === expected.length && expected.every((value, at) => Math.abs(value - actual[at]!) < 1e-6);
