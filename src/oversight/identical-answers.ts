// One answer for everything. To deduction tasks one text can be right for one output only, so an answer that counts as right for several shows a hole in the
// judging; and an answer that most tasks of a kind get, right or wrong, is no answer to any of them.
import { valuesEqual } from "../executor/value.ts";
import type { Monitor, StepRecords, WatchedRollout } from "./monitor.ts";
import { nothing, tasksOf } from "./monitor.ts";

/** Programs below which a share means little. */
const fewest = 16;

interface Options {
  outputs: number;
  share: number;
}

/** By value; texts outside the grammar of values, as files of tasks may hold, by their letters. */
function equal(left: string, right: string): boolean {
  try {
    return valuesEqual(left, right);
  } catch {
    return left === right;
  }
}

/** How many of these outputs differ by value; looks no further than `enough`. */
function differentOutputs(outputs: readonly string[], enough: number): number {
  const found: string[] = [];
  for (const output of new Set(outputs)) {
    if (found.length >= enough) break;
    if (!found.some((known) => equal(known, output))) found.push(output);
  }
  return found.length;
}

/** The places of each answer of a kind. */
function byAnswer(rollouts: readonly WatchedRollout[], kind: string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  rollouts.forEach(({ role, kind: own, answer, task }, place) => {
    if (role !== "solve" || own !== kind || answer === undefined || task === undefined) return;
    const places = found.get(answer);
    if (places === undefined) found.set(answer, [place]);
    else places.push(place);
  });
  return found;
}

export function identicalMonitor({ outputs, share }: Options): Monitor {
  return {
    name: "identical-answers",
    beforeUpdate({ rollouts }: StepRecords) {
      const places: number[] = [];
      const said: string[] = [];
      for (const kind of new Set(rollouts.map((rollout) => rollout.kind))) {
        const answers = byAnswer(rollouts, kind);
        const all = new Set([...answers.values()].flat().map((place) => rollouts[place]!.task!.program)).size;
        for (const [answer, at] of answers) {
          const right = at.filter((place) => rollouts[place]!.outcome === "correct");
          const expected = kind === "deduction" ? right.flatMap((place) => rollouts[place]!.task!.output ?? []) : [];
          const different = differentOutputs(expected, outputs);
          const programs = new Set(at.map((place) => rollouts[place]!.task!.program)).size;
          if (different >= outputs) said.push(`one answer counts as right for ${different} different outputs or more (${kind})`), places.push(...right);
          // Tasks of error prediction have few answers to choose from, and half of them may have the same.
          else if (kind !== "error" && all >= fewest && programs > share * all) said.push(`one answer for ${programs} of ${all} programs (${kind}: ${answer.slice(0, 40).replace(/\s+/g, " ")})`), places.push(...at);
        }
      }
      if (places.length === 0) return nothing;
      return { finding: { message: said.join("; "), rollouts: places, evidence: places.map((place) => rollouts[place]!.answer!), tasks: tasksOf(rollouts, places) } };
    },
  };
}
