// The numbers of a step, by name: `propose/KIND/...`, `solve/KIND/...`, `buffer/KIND/...`, `update/...`. They are a function of the
// run's state alone: no clocks, no rates, so equal runs write equal lines. docs: names are spelled out where they are set below.
import type { UpdateResult } from "../engine/engine.ts";
import { divergences } from "./compare-models.ts";
import type { Removal } from "./contradictions.ts";
import { intrinsicTerms } from "./intrinsic.ts";
import { type AnswerOutcome, solveRate } from "./reward.ts";
import type { QuarantineEnd } from "./quarantine.ts";
import type { AcceptedTask, Group, Sequence, StepContext } from "./step-context.ts";

export type Metrics = Record<string, number>;

const mean = (values: number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sets a value unless there is none: a mean over nothing has no line. */
function put(metrics: Metrics, name: string, value: number | undefined): void {
  if (value !== undefined) metrics[name] = value;
}

function common(metrics: Metrics, prefix: string, sequences: Sequence[]): void {
  const lengths = sequences.map(({ completion }) => completion.tokens.length);
  metrics[`${prefix}/completions`] = sequences.length;
  put(metrics, `${prefix}/reward`, mean(sequences.flatMap(({ reward }) => (reward === null ? [] : [reward]))));
  put(metrics, `${prefix}/length`, mean(lengths));
  put(metrics, `${prefix}/truncated`, mean(sequences.map(({ completion }) => (completion.stopped ? 0 : 1))));
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const surprise = sequences.reduce((sum, { completion }) => completion.logProbabilities.reduce((total, value) => total - value, sum), 0);
  // Mean of -log p over sampled tokens: an unbiased estimate of the policy's entropy in nats a token.
  if (tokens > 0) metrics[`${prefix}/surprise`] = surprise / tokens;
}

function proposerMetrics(metrics: Metrics, kind: string, sequences: Sequence[], { config }: StepContext): void {
  const prefix = `propose/${kind}`;
  common(metrics, prefix, sequences);
  const accepted = sequences.filter(({ outcome }) => outcome === "accepted");
  put(metrics, `${prefix}/accepted`, mean(sequences.map(({ outcome }) => (outcome === "accepted" ? 1 : 0))));
  const reasons = sequences.filter(({ outcome }) => outcome !== "accepted").map(({ outcome }) => outcome);
  for (const reason of [...new Set(reasons)].sort()) {
    metrics[`${prefix}/rejected/${reason}`] = reasons.filter((other) => other === reason).length / sequences.length;
  }
  const rates = accepted.flatMap(({ solveRate }) => (typeof solveRate === "number" ? [solveRate] : []));
  // Where answers end with the first contrast, the share of right ones says nothing.
  if (!config.curriculum.rollouts.earlyStop) put(metrics, `${prefix}/solveRate`, mean(rates));
  // Share of accepted tasks that some rollouts solve and some do not: those that pay.
  put(metrics, `${prefix}/learnable`, mean(rates.map((rate) => (rate > 0 && rate < 1 ? 1 : 0))));
  // What reward.intrinsic asks for, before coefficients, of accepted tasks.
  for (const term of intrinsicTerms) put(metrics, `${prefix}/${term}`, mean(accepted.flatMap(({ intrinsic }) => intrinsic?.[term] ?? [])));
}

function solverMetrics(metrics: Metrics, prefix: string, sequences: Sequence[]): void {
  common(metrics, prefix, sequences);
  for (const outcome of ["correct", "wrong", "malformed", "wrapper", "undecided", "contradicted"]) {
    put(metrics, `${prefix}/${outcome}`, mean(sequences.map((sequence) => (sequence.outcome === outcome ? 1 : 0))));
  }
  if (sequences.some(({ outcome }) => outcome === "quarantined")) put(metrics, `${prefix}/quarantined`, mean(sequences.map(({ outcome }) => (outcome === "quarantined" ? 1 : 0))));
  // With curriculum.dynamicSampling: the share of answers to tasks without spread.
  if (sequences.some(({ leftOut }) => leftOut !== undefined)) put(metrics, `${prefix}/leftOut`, mean(sequences.map(({ leftOut }) => (leftOut ? 1 : 0))));
}

/** Of answers to tasks of files, beside what every solver has: the true solve rates of the tasks, and how many of them pay. */
function curatedMetrics(metrics: Metrics, kind: string, sequences: Sequence[]): void {
  const prefix = `curated/${kind}`;
  solverMetrics(metrics, prefix, sequences);
  const byTask = new Map<string, AnswerOutcome[]>();
  for (const { task, outcome } of sequences) byTask.set(task!.id, [...(byTask.get(task!.id) ?? []), outcome as AnswerOutcome]);
  const rates = [...byTask.values()].flatMap((outcomes) => solveRate(outcomes) ?? []);
  put(metrics, `${prefix}/solveRate`, mean(rates));
  put(metrics, `${prefix}/learnable`, mean(rates.map((rate) => (rate > 0 && rate < 1 ? 1 : 0))));
}

function updateMetrics(metrics: Metrics, { config }: StepContext, groups: Group[], results: UpdateResult[]): void {
  const average = (key: keyof UpdateResult) => put(metrics, `update/${key}`, mean(results.map((result) => result[key])));
  metrics["update/gradientSteps"] = results.length;
  for (const key of ["loss", "gradientNorm", "clipFraction", "approximateKl", "entropy"] as const) average(key);
  average("meanLogProbabilityGap");
  if (results.length > 0) metrics["update/maxLogProbabilityGap"] = Math.max(...results.map((result) => result.maxLogProbabilityGap));
  const trained = groups.flatMap(({ sequences }) => sequences.filter((sequence) => sequence.trained));
  const { kl } = config.update;
  if (kl.coefficient > 0) {
    const values = trained.flatMap((sequence) => (sequence.reference === undefined ? [] : [...divergences(sequence, kl.estimator)]));
    // Mean over trained tokens, as they were sampled.
    put(metrics, "update/referenceKl", mean(values));
  }
  // Only where something was sampled by another policy than the trainer's: otherwise each weight is 1.
  if (results.length > 0 && trained.some(({ old }) => old !== undefined)) {
    for (const key of ["importanceMean", "importanceCapped"] as const) average(key);
    metrics["update/importanceMax"] = Math.max(...results.map(({ importanceMax }) => importanceMax));
  }
  metrics["update/trainedTokens"] = results.reduce((sum, { trainedTokens }) => sum + trainedTokens, 0);
  metrics["update/computedTokens"] = results.reduce((sum, { computedTokens }) => sum + computedTokens, 0);
}

export interface StepFigures {
  groups: Group[];
  accepted: AcceptedTask[];
  /** One a contradicted program. */
  removals: Removal[];
  quarantined: QuarantineEnd[];
  updates: UpdateResult[];
}

/** The metrics line of a step whose tasks are already in the buffers. */
export function stepMetrics(context: StepContext, { groups, accepted, removals, quarantined, updates }: StepFigures): Metrics {
  const { kinds, buffers } = context;
  const metrics: Metrics = {};
  for (const { role, kind, source, sequences } of groups) {
    if (role === "propose") proposerMetrics(metrics, kind.name, sequences, context);
    else if (source === "curated") curatedMetrics(metrics, kind.name, sequences);
    else solverMetrics(metrics, `solve/${kind.name}`, sequences);
  }
  // How often the files were gone through.
  if (context.curated !== undefined) metrics["curated/epoch"] = (context.step * context.curated.perStep) / context.curated.tasks.length;
  for (const { name } of kinds) {
    metrics[`buffer/${name}/size`] = buffers.of(name).size;
    const fresh = accepted.filter(({ task }) => task.kind === name);
    // Only where not all are let in.
    if (context.config.curriculum.keep !== "all") put(metrics, `buffer/${name}/kept`, mean(fresh.map(({ kept = true }) => (kept ? 1 : 0))));
    put(metrics, `program/${name}/statements`, mean(fresh.flatMap(({ statements = [] }) => statements)));
    if (fresh.length > 0) metrics[`program/${name}/distinct`] = new Set(fresh.map(({ programHash }) => programHash)).size / fresh.length;
  }
  metrics["buffer/contradicted"] = removals.length;
  metrics["buffer/removed"] = removals.reduce((sum, { removed }) => sum + removed.length, 0);
  // Only where oversight took something out.
  if (quarantined.length > 0) metrics["buffer/quarantined"] = quarantined.reduce((sum, { removed }) => sum + removed.length, 0);
  updateMetrics(metrics, context, groups, updates);
  return metrics;
}
