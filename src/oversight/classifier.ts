// The place for a classifier of texts: a function of the library, or an endpoint (http-classifier.ts). Its scores are no function of the step's records,
// so a run writes them to its journal before it uses them (src/run/journal-scores.ts), and a run that goes on reads them back.
import { classifierFailed } from "./classifier-failure.ts";
import type { Looked, Monitor, StepRecords } from "./monitor.ts";
import { nothing, tasksOf } from "./monitor.ts";

/** Scores texts from 0 (fine) to 1 (what the classifier looks for), in their order. A null in place of the scores: it failed, and the step goes without. */
export type Classify = (texts: readonly string[], options: { step: number; signal?: AbortSignal }) => Promise<readonly number[] | null> | readonly number[] | null;

interface Options {
  threshold: number;
  texts: number;
}

/** At most `most` places, evenly spread. */
export function spread(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, place) => place);
  return Array.from({ length: most }, (_, at) => Math.floor((at * count) / most));
}

export function classifierMonitor(classify: Classify, { threshold, texts: most }: Options): Monitor {
  return {
    name: "classifier",
    async beforeUpdate({ step, rollouts }: StepRecords): Promise<Looked> {
      // Each text once, the first rollout that has it standing for all.
      const first = new Map<string, number[]>();
      rollouts.forEach(({ thought }, place) => {
        const places = first.get(thought);
        if (places === undefined) first.set(thought, [place]);
        else places.push(place);
      });
      const texts = [...first.keys()];
      const asked = spread(texts.length, most).map((place) => texts[place]!);
      const scores = asked.length === 0 ? [] : await classify(asked, { step });
      if (scores === null) return nothing;
      if (scores.length !== asked.length || scores.some((score) => !Number.isFinite(score))) throw classifierFailed(`it gave ${scores.length} scores for ${asked.length} texts, or one that is no number`);
      const places = asked.flatMap((text, at) => (scores[at]! >= threshold ? first.get(text)! : [])).sort((a, b) => a - b);
      if (places.length === 0) return nothing;
      const message = `The classifier scored ${places.length} ${places.length === 1 ? "completion" : "completions"} at least ${threshold}`;
      return { finding: { message, rollouts: places, evidence: places.map((place) => rollouts[place]!.thought), tasks: tasksOf(rollouts, places) } };
    },
  };
}
