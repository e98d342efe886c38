// Runs the monitors over a step, in a fixed order, and does what their levels say: tells, leaves out, asks for a review, or ends the step. What it decides
// is a function of the step's records and of its memory, so a step that is done again is decided again in the same way.
import type { JudgedStep, Quarantine } from "../curriculum/quarantine.ts";
import { AzrError } from "../errors.ts";
import type { RunEventBody } from "../events.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { type Action, atLeast, type Level } from "./levels.ts";
import type { Finding, Looked, Monitor, StepFigures, StepRecords, WatchedRollout } from "./monitor.ts";

/** A monitor with the level at which it stands. */
export interface Rule {
  monitor: Monitor;
  level: Level;
  /** The setting that its level comes from; absent for own monitors. */
  setting?: string;
}

export interface OverseerOptions {
  /** In the order in which they look. */
  rules: readonly Rule[];
  /** Of the checkpoint that the run goes on from. */
  memory: Record<string, unknown>;
  trail: AuditTrail;
  emit(event: RunEventBody): void;
}

export interface Overseer {
  /** Before the update. The records' places are those of the groups' sequences in order. Rejects with AZR_OVERSIGHT where the step may not go on. */
  beforeUpdate(records: StepRecords, judged: JudgedStep): Promise<Quarantine[]>;
  /** After it. Rejects likewise. */
  afterStep(figures: StepFigures): Promise<void>;
  /** Rules that asked for a review since this was asked last, with what they found. */
  takeReview(): Review | undefined;
  memory(): Record<string, unknown>;
}

/** What a person is asked to look at before the run goes on. */
export interface Review {
  step: number;
  findings: { rule: string; message: string }[];
}

interface Decision {
  rule: string;
  action: Action;
  finding: Finding;
  setting: string | undefined;
}

/** Rollouts that an event quotes. */
const quoted = 4;
const longestQuote = 200;

const cut = (text: string): string => (text.length <= longestQuote ? text : `${text.slice(0, longestQuote)}...`);

function examplesOf({ rollouts: places = [], evidence }: Finding, rollouts: readonly WatchedRollout[]) {
  return places.slice(0, quoted).map((place, at) => {
    const { role, kind, index, task, response } = rollouts[place]!;
    return { role, kind, index, task: task?.id ?? null, text: cut(evidence?.[at] ?? response) };
  });
}

export function createOverseer({ rules, memory: first, trail, emit }: OverseerOptions): Overseer {
  const memory: Record<string, unknown> = { ...first };
  let review: Review | undefined;

  async function ask(hook: "beforeUpdate" | "afterStep", seen: StepRecords | StepFigures): Promise<Decision[]> {
    const decisions: Decision[] = [];
    for (const { monitor, level, setting } of rules) {
      if (level === "off" || monitor[hook] === undefined) continue;
      let looked: Looked;
      try {
        looked = await monitor[hook]!(seen as StepRecords & StepFigures, memory[monitor.name]);
      } catch (error) {
        if (AzrError.isInstance(error)) throw error;
        // Without its eyes a run must not go on as if all were well.
        throw new AzrError("AZR_OVERSIGHT", `The monitor ${monitor.name} failed: ${(error as Error).message}`, {
          hint: "Correct the monitor, or leave it out, then go on by `azr resume`.",
          cause: error,
        });
      }
      if (looked.memory !== undefined) memory[monitor.name] = looked.memory;
      if (looked.finding !== null) decisions.push({ rule: monitor.name, action: level, finding: looked.finding, setting });
    }
    return decisions;
  }

  function tell(step: number, decisions: Decision[], rollouts: readonly WatchedRollout[]): void {
    for (const { rule, action, finding } of decisions) {
      const { message } = finding;
      const told = { rule, action, message, count: finding.rollouts?.length ?? 0, examples: examplesOf(finding, rollouts), tasks: [...(finding.tasks ?? [])] };
      const audit = trail.record({ step, type: "finding", ...told });
      emit({ type: "oversight-finding", ...told, audit });
    }
  }

  /** What the decisions ask for beyond telling: the strictest one that gives the step up, and whether somebody has to look. */
  async function follow(step: number, decisions: Decision[]): Promise<void> {
    const ended = decisions.filter(({ action }) => atLeast(action, "roll-back"));
    const stop = ended.find(({ action }) => action === "stop") ?? ended[0];
    // What was decided stands on the disk before it is done.
    if (decisions.some(({ action }) => atLeast(action, "quarantine"))) await trail.sync();
    if (stop !== undefined) throw ending(step, stop);
    const asking = decisions.filter(({ action }) => action === "pause").map(({ rule, finding: { message } }) => ({ rule, message }));
    if (asking.length > 0) review = { step, findings: [...(review?.findings ?? []), ...asking] };
  }

  return {
    async beforeUpdate(records, { groups }) {
      const sequences = groups.flatMap((group) => group.sequences);
      const decisions = await ask("beforeUpdate", records);
      tell(records.step, decisions, records.rollouts);
      await follow(records.step, decisions);
      return decisions
        .filter(({ action }) => atLeast(action, "quarantine"))
        .map(({ rule, finding: { message, rollouts = [], tasks = [] } }) => ({ rule, reason: message, sequences: rollouts.map((place) => sequences[place]!), tasks: [...tasks] }));
    },
    async afterStep(figures) {
      const decisions = await ask("afterStep", figures);
      tell(figures.step, decisions, []);
      await follow(figures.step, decisions);
    },
    takeReview() {
      const asked = review;
      review = undefined;
      return asked;
    },
    memory: () => structuredClone(memory),
  };
}

function ending(step: number, { rule, action, finding, setting }: Decision): AzrError {
  const what = action === "stop" ? "stops the run" : "takes the run back";
  const milder = setting === undefined ? "another level of that monitor" : `a milder level (azr resume RUN --set ${setting}=pause)`;
  const further = action === "stop" ? "" : ", with more roll-backs (--set run.rollBack=N)";
  return new AzrError("AZR_OVERSIGHT", `Oversight ${what} at step ${step}: ${rule}: ${finding.message}`, {
    hint: `azr audit RUN shows all that was found. The step left nothing behind; done again it ends in the same way, so go on with ${milder}${further}, or from an earlier checkpoint.`,
    details: { step, rule, action },
  });
}
