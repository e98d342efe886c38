// The built-in rules in the order in which they look, and those of the program that embeds the library after them.
import { AzrError } from "../errors.ts";
import { accuracyMonitor } from "./accuracy-jump.ts";
import { budgetMonitor } from "./budget.ts";
import { type Classify, classifierMonitor } from "./classifier.ts";
import { codeMonitor } from "./code-in-answer.ts";
import { diversityMonitor, entropyMonitor, lengthMonitor } from "./collapse.ts";
import { identicalMonitor } from "./identical-answers.ts";
import { klMonitor } from "./kl-drift.ts";
import type { Monitor } from "./monitor.ts";
import type { Rule } from "./overseer.ts";
import { pairGapMonitor } from "./pair-gap.ts";
import { probeMonitor } from "./probe-drift.ts";
import type { OversightSettings, RuleName } from "./settings.ts";
import { specialCasingMonitor } from "./special-casing.ts";
import { thoughtMonitor } from "./thoughts.ts";
import { violationMonitor } from "./violations.ts";

export interface RulesOptions {
  settings: OversightSettings;
  /** Own monitors. */
  monitors?: readonly Monitor[] | undefined;
  classify?: Classify | undefined;
}

/** Throws AZR_INPUT_INVALID for own monitors with names that are taken or ill-formed. */
export function oversightRules({ settings, monitors = [], classify }: RulesOptions): Rule[] {
  const builtIn: Record<RuleName, Monitor | undefined> = {
    "deceiving-thought": thoughtMonitor("deceiving-thought"),
    "outsmarting-thought": thoughtMonitor("outsmarting-thought"),
    "evading-thought": thoughtMonitor("evading-thought"),
    "power-thought": thoughtMonitor("power-thought"),
    classifier: classify && classifierMonitor(classify, settings.classifier),
    violations: violationMonitor(settings.violations),
    "code-in-answer": codeMonitor(),
    "special-casing": specialCasingMonitor(),
    "pair-gap": pairGapMonitor(settings.pairGap),
    "identical-answers": identicalMonitor(settings.identicalAnswers),
    "accuracy-jump": accuracyMonitor(settings.accuracyJump),
    "entropy-collapse": entropyMonitor(settings.collapse),
    "length-collapse": lengthMonitor(settings.collapse),
    "diversity-collapse": diversityMonitor(settings.collapse),
    "kl-drift": klMonitor(settings.kl),
    "probe-drift": probeMonitor(settings.probes),
    budget: budgetMonitor(settings.budgets),
  };
  const rules: Rule[] = Object.entries(builtIn).flatMap(([name, monitor]) => (monitor === undefined ? [] : [{ monitor, level: settings.levels[name as RuleName], setting: `oversight.levels.${name}` }]));
  const taken = new Set(Object.keys(builtIn));
  for (const monitor of monitors) {
    const { name } = monitor;
    if (!/^[a-z][a-z0-9-]*$/.test(name) || taken.has(name)) {
      throw new AzrError("AZR_INPUT_INVALID", `A monitor cannot be named ${JSON.stringify(name)}: ${taken.has(name) ? "there is one of that name" : "its name goes into events and settings"}`, {
        hint: "Give each monitor a name of its own, in lower case with hyphens.",
      });
    }
    taken.add(name);
    rules.push({ monitor, level: monitor.level ?? "log" });
  }
  return rules;
}
