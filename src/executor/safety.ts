// The safety report: where a program, by its analysis, breaks a policy of what it may import and use. It tells clumsy programs from
// others before anything runs, and says so by line. It is no boundary: one that means to hide what it uses can.
import type { AnalyseResult, ImportMention, NameMention, Place } from "./executor.ts";

export interface SafetyPolicy {
  /**
   * Modules, with all that is in them. `time` also stands for any part so called of a dotted name and for `from x import time`; `os.path`
   * only for that name, where an import statement writes it.
   */
  readonly modules: readonly string[];
  /** Builtins by their names, and names with two underscores at both ends, which count as attributes and in strings too. */
  readonly names: readonly string[];
}

export interface SafetyFinding extends Place {
  /** What the program does there, as "imports os.path". */
  what: string;
  /** The entry of the policy that forbids it. */
  rule: string;
}

const phrases: Record<NameMention["form"], (name: string) => string> = {
  name: (name) => `uses ${name}`,
  attribute: (name) => `uses the attribute ${name}`,
  text: (name) => `names ${name} in a string`,
};

/** Every import and use that the policy forbids, in the order of the program's text. Empty for a program that could not be analysed. */
export function safetyReport({ imports, names }: Pick<AnalyseResult, "imports" | "names">, policy: SafetyPolicy): SafetyFinding[] {
  const banned = new Set(policy.names);
  const findings = [
    ...imports.flatMap((mention) => importFinding(mention, policy.modules) ?? []),
    ...names.filter(({ name }) => banned.has(name)).map(({ name, form, line, column }) => ({ line, column, what: phrases[form](name), rule: name })),
  ];
  return findings.sort((a, b) => a.line - b.line || a.column - b.column);
}

function importFinding({ module, names, line, column }: ImportMention, rules: readonly string[]): SafetyFinding | undefined {
  const home = module.replace(/^\.+/, "");
  for (const path of [home, ...names.map((name) => (home === "" ? name : `${home}.${name}`))]) {
    const rule = rules.find((one) => covers(one, path));
    if (rule !== undefined) return { line, column, what: `imports ${path}`, rule };
  }
  return undefined;
}

function covers(rule: string, path: string): boolean {
  if (!rule.includes(".")) return path.split(".").includes(rule);
  if (path.endsWith(".*")) return rule.startsWith(path.slice(0, -1));
  return path === rule || path.startsWith(`${rule}.`);
}
