// Task kinds by name. The loop's groups (one baseline a kind and role), the task buffers and the held-out table follow
// from what is registered here; a new kind is one file and one registerKind call.

import { AzrError } from "../../errors.ts";
import { formatNamed } from "../format.ts";
import { registerTemplate } from "../template.ts";
import { abduction } from "./abduction.ts";
import { deduction } from "./deduction.ts";
import { error } from "./error.ts";
import { induction } from "./induction.ts";
import type { TaskKind } from "./kind.ts";

const kinds = new Map<string, TaskKind>();

/**
 * Makes a kind known, with the templates that it brings. Throws AZR_CONFIG_INVALID when its name or its letter is taken, or when it brings templates for
 * a format that does not exist, and AZR_INTERNAL for an ill-formed template.
 */
export function registerKind(kind: TaskKind): void {
  for (const other of kinds.values()) {
    if (other.name === kind.name || other.letter === kind.letter) {
      throw new AzrError("AZR_CONFIG_INVALID", `A task kind named "${other.name}" with the letter "${other.letter}" exists already.`, {
        hint: "Give the new kind another name and letter.",
      });
    }
  }
  for (const [format, { propose, solve }] of Object.entries(kind.prompts ?? {})) {
    const { version } = formatNamed(format);
    registerTemplate(version, `propose-${kind.name}`, propose);
    registerTemplate(version, `solve-${kind.name}`, solve);
  }
  kinds.set(kind.name, kind);
}

/** The kind of that name. Throws AZR_CONFIG_INVALID, naming those that exist. */
export function kindNamed(name: string): TaskKind {
  const kind = kinds.get(name);
  if (kind === undefined) {
    throw new AzrError("AZR_CONFIG_INVALID", `There is no task kind named "${name}".`, {
      hint: `Use one of: ${kindNames().join(", ")}; or register it with registerKind first.`,
    });
  }
  return kind;
}

/** Names of all kinds, in order of registration. */
export function kindNames(): string[] {
  return [...kinds.keys()];
}

for (const kind of [deduction, abduction, induction, error]) registerKind(kind);
