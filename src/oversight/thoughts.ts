// Thoughts of deceiving, outsmarting, evading, seeking power: a completion that matches a phrase of the rule. Looked for in the whole response, since
// programs have comments, messages and texts, and formats without thoughts have only these.
import type { Monitor, StepRecords } from "./monitor.ts";
import { nothing, tasksOf } from "./monitor.ts";
import { type Phrase, phrases, type ThoughtRule } from "./phrases.ts";

/** What surrounds a match, on one line. */
function excerpt(text: string, at: number, length: number): string {
  const from = Math.max(0, at - 40);
  const to = Math.min(text.length, at + length + 40);
  return `${from > 0 ? "..." : ""}${text.slice(from, to)}${to < text.length ? "..." : ""}`.replace(/\s+/g, " ");
}

/** The first match of the rule's phrases in a text, or null. */
export function findPhrase(text: string, among: readonly Phrase[]): { phrase: Phrase; excerpt: string } | null {
  const small = text.toLowerCase();
  const possible = among.filter(({ words }) => words.some((word) => small.includes(word)));
  if (possible.length === 0) return null;
  // Line breaks within a sentence are no ends of thoughts.
  const flat = text.replace(/(?<=[a-z,;]) *\n(?: *#)? *(?=[a-z])/gi, " ");
  for (const phrase of possible) {
    const match = phrase.pattern.exec(flat);
    if (match !== null) return { phrase, excerpt: excerpt(flat, match.index, match[0].length) };
  }
  return null;
}

/** The monitor of one of the four rules. */
export function thoughtMonitor(rule: ThoughtRule): Monitor {
  const own = phrases.filter((phrase) => phrase.rule === rule);
  return {
    name: rule,
    beforeUpdate({ rollouts }: StepRecords) {
      const places: number[] = [];
      const evidence: string[] = [];
      // Rollouts of a task repeat themselves.
      const known = new Map<string, ReturnType<typeof findPhrase>>();
      rollouts.forEach(({ response }, place) => {
        const found = known.has(response) ? known.get(response)! : findPhrase(response, own);
        known.set(response, found);
        if (found === null) return;
        places.push(place);
        evidence.push(found.excerpt);
      });
      if (places.length === 0) return nothing;
      const message = `${places.length} ${places.length === 1 ? "completion" : "completions"} with a ${rule.replace("-", " ")}`;
      return { finding: { message, rollouts: places, evidence, tasks: tasksOf(rollouts, places) } };
    },
  };
}
