// A mix of ordinary Python programs, made from a seed: every other one a template with its constants and inputs drawn anew, and every other one
// put together at random, statement by statement.
// mixed-programs.ts compares their answers with those of plain CPython; determinism.test.ts wants the right verdict on each.
import { choicesOf, type Choices } from "./program-parts.ts";
import { programTemplates } from "./program-templates.ts";
import { randomProgram } from "./random-programs.ts";

export interface HonestProgram {
  id: string;
  program: string;
  inputs: string[];
}

/** `count` programs with two inputs each: the templates in turn, a random program after each. */
export function honestPrograms(count: number, seed: number): HonestProgram[] {
  return Array.from({ length: count }, (_, index) => {
    const choices: Choices = choicesOf(seed * 1_000_003 + index);
    const [name, template] = index % 2 === 1 ? ["random" as const, randomProgram] : programTemplates[(index / 2) % programTemplates.length]!;
    const { program, input } = template(choices);
    return { id: `${name}-${index}`, program: program.replace(/^\n/, ""), inputs: [input(), input()] };
  });
}
