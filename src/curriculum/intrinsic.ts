// Terms of a proposal's reward that look at the task itself and not at who solves it (arXiv 2505.03335, appendix D.4): how complex its program is, how far
// from those it was shown, how rare its values. Off unless `reward.intrinsic` says so. Programs are measured in one locked child a kind; score-groups.ts
// asks for both parts, the measures and what they are worth.
import type { Config } from "../config/index.ts";
import { literalType } from "./literal-type.ts";
import type { Group, Sequence, StepContext } from "./step-context.ts";
import type { Task } from "./task.ts";

export const intrinsicTerms = ["complexity", "editDistance", "halstead", "answerDiversity", "inputDiversity", "outputDiversity"] as const;
export type IntrinsicTerm = (typeof intrinsicTerms)[number];
/** Measures of a proposal, before their coefficients; a term is absent where it is not asked for, does not apply or could not be measured. */
export type IntrinsicMeasures = Partial<Record<IntrinsicTerm, number>>;

type Settings = Config["reward"]["intrinsic"];

const asked = (settings: Settings, ...terms: IntrinsicTerm[]): boolean => terms.some((term) => settings[term].coefficient > 0 || settings[term].log);

/** Values of tasks by their text, and how many of them are of each type. */
export interface ValueCounts {
  total: number;
  /** type -> text -> count */
  types: Map<string, Map<string, number>>;
}

const emptyCounts = (): ValueCounts => ({ total: 0, types: new Map() });

function count(counts: ValueCounts, text: string): void {
  const type = literalType(text);
  const values = counts.types.get(type) ?? new Map<string, number>();
  counts.types.set(type, values.set(text, (values.get(text) ?? 0) + 1));
  counts.total += 1;
}

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

/** 1 - the share of this text among the values; `hierarchical`: the mean of that of its type among all and that of the text within its type. 1 for what is new. */
export function surprise(text: string, { total, types }: ValueCounts, hierarchical: boolean): number {
  const values = types.get(literalType(text));
  const times = values?.get(text) ?? 0;
  if (!hierarchical) return total === 0 ? 1 : 1 - times / total;
  const ofType = values === undefined ? 0 : sum(values.values());
  return ofType === 0 ? 1 : (1 - ofType / total + 1 - times / ofType) / 2;
}

/** The one value that a task's solver has to find; undefined for a task of pairs. */
function soughtValue({ kind, input, output, error }: Task): { of: "inputs" | "outputs" | "errors"; text: string } | undefined {
  if (error !== undefined) return { of: "errors", text: error };
  if (kind === "abduction") return input === undefined ? undefined : { of: "inputs", text: input };
  return output === undefined ? undefined : { of: "outputs", text: output };
}

type Counted = Record<"inputs" | "outputs" | "errors", ValueCounts>;

/** Over the buffers as they are: what solvers had to find, and both sides of the pairs of induction. O(tasks). */
function countValues({ kinds, buffers }: StepContext): Counted {
  const counts: Counted = { inputs: emptyCounts(), outputs: emptyCounts(), errors: emptyCounts() };
  for (const { name } of kinds) {
    const buffer = buffers.of(name);
    for (let at = 0; at < buffer.size; at++) {
      const task = buffer.at(at);
      const sought = task.pairs === undefined ? soughtValue(task) : undefined;
      if (sought !== undefined) count(counts[sought.of], sought.text);
      for (const { input, output } of task.pairs ?? []) count(counts.inputs, input), count(counts.outputs, output);
    }
  }
  return counts;
}

const mean = (values: number[]): number => sum(values) / values.length;

function diversities(task: Task, counts: Counted, settings: Settings): IntrinsicMeasures {
  const of = (text: string, where: ValueCounts) => surprise(text, where, settings.hierarchical);
  if (task.pairs !== undefined && task.pairs.length > 0) {
    return {
      ...(asked(settings, "inputDiversity") ? { inputDiversity: mean(task.pairs.map(({ input }) => of(input, counts.inputs))) } : {}),
      ...(asked(settings, "outputDiversity") ? { outputDiversity: mean(task.pairs.map(({ output }) => of(output, counts.outputs))) } : {}),
    };
  }
  const sought = asked(settings, "answerDiversity") ? soughtValue(task) : undefined;
  return sought === undefined ? {} : { answerDiversity: of(sought.text, counts[sought.of]) };
}

/** Fills in `intrinsic` of the proposals that became tasks, where anything is asked for. Rejects as Executor.measure does. */
export async function measureProposals(context: StepContext, groups: readonly Group[]): Promise<void> {
  const settings = context.config.reward.intrinsic;
  const proposals = groups.filter(({ role }) => role === "propose");
  if (asked(settings, "complexity", "halstead", "editDistance")) {
    // A kind that builds on a known program did not write it.
    await Promise.all(proposals.filter(({ kind }) => kind.needsReferences === "tasks").map(({ sequences }) => measurePrograms(context, sequences)));
  }
  if (!asked(settings, "answerDiversity", "inputDiversity", "outputDiversity")) return;
  const counts = countValues(context);
  for (const sequence of proposals.flatMap(({ sequences }) => sequences)) {
    if (sequence.task !== undefined) sequence.intrinsic = { ...sequence.intrinsic, ...diversities(sequence.task, counts, settings) };
  }
}

async function measurePrograms({ config, executor }: StepContext, sequences: readonly Sequence[]): Promise<void> {
  const settings = config.reward.intrinsic;
  const compare = asked(settings, "editDistance");
  const measured = sequences.filter(({ task }) => task !== undefined);
  const measures = await executor.measure(
    measured.map(({ task, shown = [] }) => ({ program: task!.program, references: compare ? shown.map(({ program }) => program) : [] })),
  );
  measured.forEach((sequence, at) => {
    const found = measures[at];
    if (found === null || found === undefined) return;
    sequence.intrinsic = {
      ...(asked(settings, "complexity") ? { complexity: found.cognitive / 15 } : {}),
      ...(compare && found.distance !== null ? { editDistance: found.distance } : {}),
      ...(asked(settings, "halstead") ? { halstead: found.halstead } : {}),
    };
  });
}

/** What a proposal earns whose task is worth this much to learn, with the terms that earn something; see `reward.intrinsic.combine`. */
export function withIntrinsic(worth: number, measures: IntrinsicMeasures, settings: Settings): number {
  const terms = intrinsicTerms.flatMap((name) => {
    const { coefficient, max } = settings[name];
    const measure = measures[name];
    return coefficient === 0 || measure === undefined ? [] : [Math.min(coefficient * measure, max)];
  });
  if (terms.length === 0) return worth;
  const added = sum(terms);
  const multiplied = terms.reduce((product, term) => product * term, 1);
  return { sum: worth + added, multiply: worth * multiplied, "sum-multiply": worth + multiplied, "multiply-sum": worth * added }[settings.combine];
}
