// Oversight of one sitting: the rules with the run's engine, executor, files and clock around them. session.ts calls it at the moments of a step;
// what is found and decided is src/oversight's.
import { treeDifferences, type Tree } from "../config/tree.ts";
import type { Config } from "../config/index.ts";
import { lateOffspring, type QuarantineEnd } from "../curriculum/quarantine.ts";
import type { LoopContext } from "../curriculum/step-context.ts";
import type { StepResult } from "../curriculum/step.ts";
import { type AuditHead, type AuditLine, emptyHead, headOf, missesHead } from "../oversight/audit-chain.ts";
import { type AuditTrail, createAuditTrail } from "../oversight/audit-trail.ts";
import type { Classify } from "../oversight/classifier.ts";
import { httpClassifier } from "../oversight/http-classifier.ts";
import type { Monitor } from "../oversight/monitor.ts";
import { createOverseer, type Review } from "../oversight/overseer.ts";
import { phrasesVersion } from "../oversight/phrases.ts";
import { probeVersions } from "../oversight/probe-sets.ts";
import { runProbes } from "../oversight/probes.ts";
import { watchedRollouts } from "../oversight/records.ts";
import { oversightRules } from "../oversight/rules.ts";
import { lookAtShownPairs } from "../oversight/shown-pairs.ts";
import { answerLimits } from "../curriculum/kinds/shared-limits.ts";
import { auditFault } from "./audit-file.ts";
import type { CheckpointState } from "./checkpoint.ts";
import type { RunFolder } from "./folder.ts";
import { folderBytes } from "./folder-size.ts";
import type { JournalEntry } from "./journal.ts";
import { journaledClassifier } from "./journal-scores.ts";
import type { Publisher } from "./publisher.ts";

/** The part of a checkpoint that is oversight's. */
export interface OversightState {
  /** Where the run stood in the audit log. */
  audit: AuditHead;
  /** What the rules remember, by their names. */
  memory: Record<string, unknown>;
  /** Names of own monitors. */
  monitors?: string[];
  /** Wall seconds so far, where there is a budget of them. */
  seconds?: number;
  /** With `curriculum.overlap`: what left in the last step, since the next one's proposals may descend from it. */
  left?: Pick<QuarantineEnd, "rule" | "removed">[];
  /** Set: nobody has looked yet. */
  review?: Review;
}

/** What the program that embeds the library brings. */
export interface OwnOversight {
  /** Rules of one's own, after the built-in ones. A run that is resumed needs them again. */
  monitors?: readonly Monitor[] | undefined;
  /** Scores texts in place of the endpoint of `oversight.classifier.url`. */
  classifier?: Classify | undefined;
}

export interface OversightOptions extends OwnOversight {
  config: Config;
  configHash: string;
  folder: RunFolder;
  checkpoint: (CheckpointState<{ rollBacks?: number; oversight?: OversightState }> & { path: string }) | undefined;
  /** The whole lines of audit.jsonl. */
  audit: AuditLine[];
  journal: readonly JournalEntry[];
  rollBacks: number;
  publisher: Publisher;
  signal: AbortSignal;
  clock(): number;
}

export interface Oversight {
  oversee: NonNullable<LoopContext["oversee"]>;
  /** Before step 1: what the probes say of the model as it is. */
  begin(loop: LoopContext): Promise<void>;
  /** Looks at a finished step; returns metrics to add to its line. Rejects with AZR_OVERSIGHT where the step may not stay. */
  afterStep(loop: LoopContext, step: number, result: Pick<StepResult, "metrics" | "rollouts" | "removals" | "quarantined">): Promise<Record<string, number>>;
  /** As of the last finished step. */
  state(): OversightState;
  /** Whether that step asked for a review. */
  readonly paused: boolean;
}

export function openOversight(options: OversightOptions): Oversight {
  const { config, folder, checkpoint, publisher, clock, signal, monitors = [] } = options;
  const settings = config.oversight;
  const emit = publisher.publish;
  const began = clock();
  const before = checkpoint?.state.oversight;
  const trail = openTrail(options);
  const endpoint = settings.classifier.url === "" ? undefined : httpClassifier(settings.classifier);
  const given = options.classifier ?? endpoint;
  const classify = given && journaledClassifier(given, { onFailure: settings.classifier.onFailure, log: folder.logs.journal, recorded: options.journal, emit, signal });
  const rules = oversightRules({ settings, monitors, classify });
  const names = monitors.map(({ name }) => name);
  const missing = (before?.monitors ?? []).filter((name) => !names.includes(name));
  if (missing.length > 0) emit({ type: "warning", code: "MONITORS_MISSING", message: `The run had monitors of its own that are not there now: ${missing.join(", ")}` });
  const overseer = createOverseer({ rules, memory: before?.memory ?? {}, trail, emit });
  let review: Review | undefined;
  let left = before?.left ?? [];

  const seconds = () => (settings.budgets.seconds > 0 ? { seconds: (before?.seconds ?? 0) + clock() - began } : {});

  async function probe(loop: LoopContext, step: number): Promise<Record<string, number>> {
    const { every, maxTokens } = settings.probes;
    if (every === 0 || step % every !== 0) return {};
    const { engine, codec, format, kinds, stopTokens } = loop;
    const executor = loop.executorOf?.(step) ?? loop.executor;
    const { metrics, answers } = await runProbes({ engine, codec, executor, format, kinds, settings: loop.settings, stopTokens, maxTokens });
    trail.record({ step, type: "probes", metrics });
    emit({ type: "probe-end", metrics, answers });
    return metrics;
  }

  return {
    async oversee({ step, executor, settings: judging }, judged) {
      const rollouts = await lookAtShownPairs(watchedRollouts(judged.groups), settings.pairGap.answers, executor, answerLimits(judging));
      return [...lateOffspring(left, judged.accepted), ...(await overseer.beforeUpdate({ step, rollouts }, judged))];
    },
    async begin(loop) {
      const metrics = await probe(loop, 0);
      await overseer.afterStep({ step: 0, metrics, tokens: 0 });
      review = overseer.takeReview();
    },
    async afterStep(loop, step, { metrics, rollouts, removals, quarantined }) {
      // The next step's proposals are written by now: what they make of tasks that have left comes late.
      const gone = [...removals.map(({ removed }) => ({ rule: "contradicted", removed })), ...quarantined.map(({ rule, removed }) => ({ rule, removed }))];
      left = config.curriculum.overlap ? gone.filter(({ removed }) => removed.length > 0) : [];
      const probed = await probe(loop, step);
      const tokens = rollouts.reduce((sum, rollout) => sum + rollout.tokens, 0);
      const disk = settings.budgets.diskBytes > 0 ? { diskBytes: await folderBytes(folder.dir) } : {};
      await overseer.afterStep({ step, metrics: { ...metrics, ...probed }, tokens, ...seconds(), ...disk });
      review = overseer.takeReview();
      if (review !== undefined) {
        trail.record({ step, type: "pause", findings: review.findings });
        await trail.sync();
        emit({ type: "run-paused", findings: review.findings });
      }
      return probed;
    },
    state: () => ({
      audit: trail.position(),
      memory: overseer.memory(),
      ...(names.length > 0 ? { monitors: names } : {}),
      ...seconds(),
      ...(left.length > 0 ? { left } : {}),
      ...(review === undefined ? {} : { review }),
    }),
    get paused() {
      return review !== undefined;
    },
  };
}

/** The audit log from where the checkpoint stood. Throws AZR_AUDIT_CORRUPT where it is another one, or its end is gone. */
function openTrail({ config, configHash, folder, checkpoint, audit, rollBacks, monitors = [] }: OversightOptions): AuditTrail {
  const step = checkpoint?.step ?? 0;
  const before = checkpoint?.state.oversight;
  const fault = before === undefined ? null : missesHead(audit, before.audit);
  if (fault !== null) throw auditFault(folder.dir, fault, checkpoint!.path);
  // Checkpoints of versions without oversight know no place in it.
  const from = before?.audit ?? (checkpoint === undefined ? emptyHead : headOf(audit));
  const trail = createAuditTrail(folder.logs.audit, audit, from);
  if (before === undefined) {
    const { seed, model, oversight } = config;
    trail.record({ step, type: "begin", configHash, seed, model, phrases: phrasesVersion, probes: probeVersions, oversight, monitors: monitors.map(({ name }) => name) });
  }
  if (before !== undefined && rollBacks > (checkpoint!.state.rollBacks ?? 0)) trail.rollBack({ step, type: "roll-back", number: rollBacks });
  const there = (checkpoint?.config as Partial<Config> | undefined)?.oversight;
  const changes = before === undefined || there === undefined ? [] : treeDifferences(there as Tree, config.oversight as Tree);
  if (changes.length > 0) trail.note({ step, type: "settings-changed", changes });
  if (before?.review !== undefined) trail.note({ step, type: "reviewed", findings: before.review.findings });
  return trail;
}
