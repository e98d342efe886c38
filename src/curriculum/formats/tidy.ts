// White space around blocks, treated alike when prompts are written and responses are read (by both formats), so that a
// task's text is the same whichever way it came.

import type { BlockName } from "../format.ts";
import type { TemplateValues } from "../template.ts";

/** A program loses blank lines before it and white space after it; other blocks lose white space on both sides. */
export function tidy(name: BlockName | string, text: string): string {
  return name === "program" ? text.replace(/^(?:[ \t]*\r?\n)+/, "").trimEnd() : text.trim();
}

/** The same for every text of a template's values. */
export function tidyValues(values: TemplateValues): TemplateValues {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === "string" ? tidy(name, value) : value.map(tidyValues)]),
  );
}
