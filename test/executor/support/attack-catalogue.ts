// The catalogue of attacks (../attacks/*.jsonl, one a line) and the way in which one line is tried on an executor. Used by ../attacks.ts and
// ../attacks.test.ts.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import type { Executor, RunRequest } from "../../../src/executor/executor.ts";

const text = z.union([z.string(), z.array(z.union([z.string(), z.tuple([z.string(), z.int()])]))]);
const want = z.strictObject({
  /** Several, with "|" between, where versions of Python differ. */
  outcome: z.string(),
  error: z.string().optional(),
  value: z.string().optional(),
  deterministic: z.boolean().optional(),
});
const line = z.strictObject({
  id: z.string(),
  class: z.string(),
  /** A file of ../attacks that stands in front of the program. */
  after: z.literal("takeover").optional(),
  /** A text, or pieces of it, of which [piece, count] stands count times. */
  program: text.optional(),
  inputs: z.array(text).optional(),
  /** In place of program and inputs: what `parse` is given. */
  text: text.optional(),
  arguments: z.boolean().optional(),
  /** The program is only analysed. */
  analyse: z.boolean().optional(),
  limits: z.record(z.string(), z.int()).optional(),
  determinism: z.enum(["once", "pair", "full"]).optional(),
  isolation: z.enum(["input", "program"]).optional(),
  expected: z.array(z.string()).optional(),
  /** What must come: of every input, or of each its own. */
  want: z.union([want, z.array(want)]),
  why: z.string(),
  /** Why it gets through so far. Such a line is told, not counted; once it holds it fails until this mark is gone. */
  open: z.string().optional(),
});
type Want = z.infer<typeof want>;
export type Attack = z.infer<typeof line>;

const folder = fileURLToPath(new URL("../attacks/", import.meta.url));
/** What an escape would leave. */
export const marker = "/tmp/escaped-from-a-run";

/** takeover.py knows the instructions and the numbers of one architecture. */
const canTakeOver = process.arch === "x64";
export const takeover = readFileSync(join(folder, "takeover.py"), "utf8");

/** All lines that this machine can try. Throws when one has an unknown field or an id that another has. */
export function readAttacks(): Attack[] {
  const attacks = readdirSync(folder).filter((name) => name.endsWith(".jsonl")).sort().flatMap((name) =>
    readFileSync(join(folder, name), "utf8").trimEnd().split("\n").map((row, at) => {
      const parsed = line.safeParse(JSON.parse(row));
      if (!parsed.success) throw new Error(`${name}:${at + 1}: ${z.prettifyError(parsed.error)}`);
      return parsed.data;
    }));
  const ids = attacks.map((attack) => `${attack.class} ${attack.id}`);
  const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
  if (twice.length > 0) throw new Error(`twice in the catalogue: ${twice.join(", ")}`);
  if (canTakeOver) return attacks;
  console.log(`# the lines after takeover.py are left out on ${process.arch}: it is written for x86-64`);
  return attacks.filter(({ after }) => after === undefined);
}

/** The text of its pieces. */
export const whole = (pieces: z.infer<typeof text>): string =>
  typeof pieces === "string" ? pieces : pieces.map((piece) => (typeof piece === "string" ? piece : piece[0].repeat(piece[1]))).join("");

interface Seen {
  outcome: string;
  error?: string | undefined;
  value?: string | undefined;
  message?: string | undefined;
}

async function observe(executor: Executor, attack: Attack): Promise<{ runs: Seen[]; deterministic: boolean | null }> {
  if (attack.text !== undefined) {
    const parsed = await executor.parse({ text: whole(attack.text), ...(attack.arguments ? { arguments: true } : {}) });
    return { runs: [parsed.ok ? { outcome: "ok", value: parsed.value } : { outcome: "bad-request", message: parsed.message }], deterministic: null };
  }
  const program = (attack.after === undefined ? "" : takeover) + whole(attack.program ?? "");
  if (attack.analyse) {
    const { ok, message } = await executor.analyse(program);
    return { runs: [{ outcome: ok ? "ok" : "bad-request", message }], deterministic: null };
  }
  const { limits, determinism, isolation, expected } = attack;
  const request = { program, inputs: attack.inputs!.map(whole), limits, determinism, isolation, expected };
  return executor.run(JSON.parse(JSON.stringify(request)) as RunRequest);
}

/** Tries one line. Gives nothing when it holds, else a sentence. */
export async function tryAttack(executor: Executor, attack: Attack): Promise<string | undefined> {
  const seen = await observe(executor, attack).catch((error: Error) => ({ runs: [{ outcome: `an error: ${error.message}` }] as Seen[], deterministic: null }));
  const wants: Want[] = Array.isArray(attack.want) ? attack.want : seen.runs.map(() => attack.want as Want);
  const holds = ({ outcome, error, value }: Seen, one: Want): boolean =>
    one.outcome.split("|").includes(outcome) && (one.error === undefined || one.error === error) && (one.value === undefined || one.value === value);
  const deterministic = wants[0]?.deterministic;
  const verdict = deterministic === undefined || deterministic === seen.deterministic || (!deterministic && seen.runs.some(({ outcome }) => outcome !== "ok"));
  const escaped = existsSync(marker) ? ` and ${marker} is there` : "";
  if (seen.runs.length === wants.length && seen.runs.every((run, at) => holds(run, wants[at]!)) && verdict && escaped === "") return undefined;
  const shown = JSON.stringify({ runs: seen.runs, deterministic: seen.deterministic }).slice(0, 400);
  return `${attack.class} ${attack.id} (${attack.why}): ${shown} where ${JSON.stringify(attack.want).slice(0, 300)} must come${escaped}`;
}

/** Programs that stand between the attacks, with the one value that each may have. */
const honest: [program: string, input: string, value: string][] = [
  ["def f(xs): return sorted(set(xs)), len(xs)", "[3, 1, 3]", "([1, 3], 3)"],
  ["import math, collections\ndef f(x): return math.pi > 3.1, collections.Counter(x)", "'aa'", "(True, Counter({'a': 2}))"],
  ["from fractions import Fraction\ndef f(x): return x + Fraction(1, 3)", "Fraction(1, 6)", "Fraction(1, 2)"],
  ["import os, builtins\ndef f(x): return repr(x), str(1), dict(os.environ), len([1])", "1", "('1', '1', {}, 1)"],
  ["def f(n):\n    a, b = 0, 1\n    for _ in range(n): a, b = b, a + b\n    return a", "90", "2880067194370816120"],
  ["import random, datetime\ndef f(x):\n    random.seed(x)\n    return random.randint(0, 9), str(datetime.date(2024, 1, 31))", "5", "(9, '2024-01-31')"],
];

/** Runs one of the honest programs. Gives nothing when its value is right, else a sentence. */
export async function tryHonest(executor: Executor, number: number): Promise<string | undefined> {
  const [program, input, value] = honest[number % honest.length]!;
  const seen = await executor.run({ program, inputs: [input] }).then(({ runs }) => runs[0], (error: Error) => ({ outcome: error.message, value: undefined }));
  if (seen?.outcome === "ok" && seen.value === value) return undefined;
  return `an honest program gave ${JSON.stringify(seen)} where ${value} is right: ${JSON.stringify(program)}`;
}

export interface Tally {
  held: number;
  failures: string[];
  /** Sentences on lines that are marked as open. */
  open: string[];
}

/** All attacks, each followed by an honest program, `width` at a time. */
export async function tryAll(executor: Executor, attacks: Attack[], width = 6): Promise<Tally> {
  const tally: Tally = { held: 0, failures: [], open: [] };
  const tryLine = async (attack: Attack): Promise<string | undefined> => {
    const failure = await tryAttack(executor, attack);
    if (attack.open === undefined) return failure;
    if (failure === undefined) return `${attack.class} ${attack.id} holds now: take the mark "open" from its line`;
    tally.open.push(`${failure}, because ${attack.open}`);
    return "open";
  };
  const work = attacks.flatMap((attack, at) => [() => tryLine(attack), () => tryHonest(executor, at)]);
  const next = async (): Promise<void> => {
    for (let one = work.shift(); one !== undefined; one = work.shift()) {
      const failure = await one();
      if (failure === undefined) tally.held += 1;
      else if (failure !== "open") tally.failures.push(failure);
    }
  };
  await Promise.all(Array.from({ length: width }, next));
  return tally;
}
