// Composite proposals (arXiv 2505.03335, appendix D.2): a new program that calls functions of past tasks. Their programs stand before it, each with its
// `f` renamed to `g_0`, `g_1` ... The whole is then a proposal like any other: analysed, named by its hash, compared with what is held out, run.
// So a renaming that went wrong could at worst make a task that fails; it is done only where it cannot.
import type { Random } from "../random.ts";
import { pythonWords } from "./python-words.ts";
import type { TaskBuffers } from "./task-buffers.ts";

/** A function of a past task. */
export interface Helper {
  /** Id of the task. */
  id: string;
  /** Its program, `f` renamed. */
  source: string;
}

export interface CompositeSettings {
  probability: number;
  helpers: number;
}

/** Words by which a program may reach names that are not written in it. */
const reaching = new Set(["global", "nonlocal", "globals", "locals", "vars", "eval", "exec", "getattr", "setattr", "__builtins__", "__name__", "__future__", "__import__"]);
const helperName = /^g_\d+$/;

/** How many helpers a program begins with. */
export const helperCount = (program: string): number => program.match(/^def g_\d+\(/gm)?.length ?? 0;

/** Whether a program is a composite one: those are no helpers again. */
export const isComposite = (program: string): boolean => helperCount(program) > 0;

interface Candidate {
  /** Where `f` stands. */
  places: number[];
  /** Names that its imports bind, by the text of the statement. */
  imports: Map<string, string>;
  words: Set<string>;
}

/**
 * What renaming needs to know of a program, or null when it is not safe: only imports and one `def f` at the top, every other `f` a call of it, and
 * nothing that reaches names in another way.
 */
function candidate(program: string): Candidate | null {
  const read = pythonWords(program);
  if (read === null || read.formatted.some((text) => /\bf\b/.test(text))) return null;
  const imports = new Map<string, string>();
  const places: number[] = [];
  for (const start of read.starts) {
    const statement = program.slice(start, program.indexOf("\n", start) < 0 ? undefined : program.indexOf("\n", start)).trimEnd();
    if (/^def f\b/.test(statement)) {
      places.push(start + "def ".length);
      continue;
    }
    const bound = boundByImport(statement);
    if (bound === null) return null;
    for (const name of bound) imports.set(name, statement);
  }
  if (places.length !== 1 || imports.has("f")) return null;
  for (const [index, { text, at, before, after }] of read.words.entries()) {
    if (reaching.has(text) || helperName.test(text)) return null;
    if (text !== "f" || at === places[0]) continue;
    if (before === "." || after !== "(" || ["def", "class"].includes(read.words[index - 1]?.text ?? "")) return null;
    places.push(at);
  }
  return { places, imports, words: new Set(read.words.map(({ text }) => text)) };
}

/** Names that an import statement on one line binds; null for anything else. */
function boundByImport(statement: string): string[] | null {
  const list = /^import ([\w., \t]+)$/.exec(statement)?.[1] ?? /^from [\w.]+ import ([\w, \t]+)$/.exec(statement)?.[1];
  if (list === undefined) return null;
  return list.split(",").map((part) => {
    const [name, as, other] = part.trim().split(/\s+/);
    return as === "as" && other !== undefined ? other : name!.split(".")[0]!;
  });
}

/** Whether two programs mean in one module what they mean alone: no import of one binds a name that the other uses, unless it is the same import. */
function compatible(left: Candidate, right: Candidate): boolean {
  const clashes = (one: Candidate, other: Candidate) => [...one.imports].some(([name, statement]) => other.words.has(name) && other.imports.get(name) !== statement);
  return !clashes(left, right) && !clashes(right, left);
}

/** The program with its `f` called `g_K`, or null where renaming is not safe. */
export function renamedHelper(program: string, k: number): string | null {
  const found = isComposite(program) ? null : candidate(program);
  return found && rename(program, found, k);
}

function rename(program: string, { places }: Candidate, k: number): string {
  let text = "";
  let from = 0;
  for (const at of [...places].sort((a, b) => a - b)) {
    text += `${program.slice(from, at)}g_${k}`;
    from = at + 1;
  }
  return (text + program.slice(from)).trim();
}

/**
 * Draws the helpers of one proposal: none, or with the given probability one to `helpers` functions of past tasks, fewer where the buffers have no more
 * that will do. With probability 0 nothing is drawn.
 */
export function drawHelpers(buffers: Pick<TaskBuffers, "samplePrograms">, random: Random, { probability, helpers }: CompositeSettings): Helper[] {
  if (probability === 0 || random.float() >= probability) return [];
  const wanted = 1 + random.integer(helpers);
  const chosen: { program: string; id: string; known: Candidate }[] = [];
  for (const { id, program } of buffers.samplePrograms(4 * wanted, random)) {
    if (chosen.length === wanted) break;
    if (isComposite(program) || chosen.some((one) => one.program === program)) continue;
    const known = candidate(program);
    if (known !== null && chosen.every((one) => compatible(one.known, known))) chosen.push({ program, id, known });
  }
  return chosen.map(({ id, program, known }, k) => ({ id, source: rename(program, known, k) }));
}

/** Values for the prompt of a proposal: the names of the helpers as one text, empty without any, and their sources. */
export function helperValues(helpers: readonly Helper[] = []): { composite: string; helpers: { program: string }[] } {
  return { composite: helpers.map((_, k) => `\`g_${k}\``).join(", "), helpers: helpers.map(({ source }) => ({ program: source })) };
}

/**
 * The whole program of a composite proposal, or what is wrong with the part that was proposed: it has to call each helper, to use their names for
 * nothing else, and to be more than a call.
 */
export function composeProgram(own: string, helpers: readonly Helper[]): { program: string } | { fault: string } {
  // What cannot be read is left to the executor, which says so by line.
  const words = pythonWords(own)?.words ?? [];
  for (const [k] of helpers.entries()) {
    const name = `g_${k}`;
    const uses = words.flatMap((word, index) => (word.text === name ? [{ ...word, previous: words[index - 1]?.text }] : []));
    if (uses.length === 0) return { fault: `does not call ${name}` };
    if (uses.some(({ before, after, previous }) => after !== "(" || before === "." || previous === "def" || previous === "class")) return { fault: `uses ${name} otherwise than by a call` };
  }
  if (own.length < 1000 && /^\s*def f\([^\n]*\)[^\n:]*:\s*return g_\d+\([\w\s,*]*\)\s*$/.test(own)) return { fault: "adds nothing to the function that it calls" };
  return { program: [...helpers.map(({ source }) => source), own].join("\n\n") };
}
