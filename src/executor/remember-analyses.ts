// Analyses of programs that came before: a proposer repeats itself, and an induction task builds on a program that is known. What an
// analysis says depends on nothing but the text, so it is kept instead of forking for it again.

import type { AnalyseResult } from "./executor.ts";

/** Programs kept; the one that was not asked for longest leaves first. */
const most = 4096;
/** Characters of a program, and of its normal form, above which it is not kept: together 64 MiB at most. */
const longest = 4096;

/** The same function with a memory. Results are shared between callers, and so frozen. What may have been a matter of resources is not remembered. */
export function rememberAnalyses(analyse: (program: string) => Promise<AnalyseResult>): (program: string) => Promise<AnalyseResult> {
  const known = new Map<string, Promise<AnalyseResult>>();

  async function ask(program: string): Promise<AnalyseResult> {
    try {
      const result = await analyse(program);
      if (!result.ok || result.normalised.length > longest) known.delete(program);
      for (const list of [result.functions, result.entry, result.imports, result.names]) Object.freeze(list);
      return Object.freeze(result);
    } catch (error) {
      known.delete(program);
      throw error;
    }
  }

  return (program) => {
    const before = known.get(program);
    const answer = before ?? ask(program);
    if (program.length > longest) return answer;
    known.delete(program);
    known.set(program, answer);
    if (known.size > most) known.delete(known.keys().next().value!);
    return answer;
  };
}
