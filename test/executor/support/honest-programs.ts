// A mix of ordinary Python programs, made from a seed: each is a template with its constants and inputs drawn anew.
// mixed-programs.ts compares their answers with those of plain CPython; determinism.test.ts wants the right verdict on each.
import { choicesOf, type Choices } from "./program-parts.ts";
import { programTemplates } from "./program-templates.ts";

export interface HonestProgram {
  id: string;
  program: string;
  inputs: string[];
}

/** `count` programs with two inputs each, the templates in turn. */
export function honestPrograms(count: number, seed: number): HonestProgram[] {
  return Array.from({ length: count }, (_, index) => {
    const [name, template] = programTemplates[index % programTemplates.length]!;
    const choices: Choices = choicesOf(seed * 1_000_003 + index);
    const { program, input } = template(choices);
    return { id: `${name}-${index}`, program: program.replace(/^\n/, ""), inputs: [input(), input()] };
  });
}
