// The split of the grammar's programs. Its truth is the executor's normalised syntax tree, but a straight-line program's tree is
// its statements' trees side by side, so the parts are analysed once and put together here; a share of the results is
// compared with the executor's own, and the first difference ends the run. Used by corpus.mjs and make-held-out.mjs.
import { programHash } from "../../dist/curriculum/kinds/shared-program.js";
import { splitOfProgram } from "../../dist/curriculum/split.js";

const checkedShare = 200;
const header = "def f(a):";

// Names beyond the argument ($0) are numbered in order of appearance over the whole program.
function renumber(fragment, from) {
  const own = [...new Set(fragment.match(/\$[1-9]\d*/g) ?? [])];
  const text = fragment.replace(/\$[1-9]\d*/g, (name) => `$${from + own.indexOf(name)}`);
  return { text, next: from + own.length };
}

/** classify(text) -> { hash, statements, split } of a program of the grammar. */
export function createClassifier(executor) {
  const fragments = new Map();
  const known = new Map();

  async function normalised(text) {
    const analysis = await executor.analyse(text);
    if (!analysis.ok) throw new Error(`the grammar wrote a program that does not parse: ${analysis.message}\n${text}`);
    return analysis;
  }

  // The tree of `    return 0` alone shows what stands around the statements.
  let frame;
  const around = () =>
    (frame ??= normalised(`${header}\n    return 0`).then(({ normalised: whole }) => {
      const statement = "Return(value=Constant(value=0;););".slice(0, -1);
      const at = whole.indexOf(statement);
      if (at < 0) throw new Error(`unexpected normalised text ${whole}`);
      return { before: whole.slice(0, at), after: whole.slice(at + statement.length) };
    }));

  function fragment(line) {
    let found = fragments.get(line);
    if (found === undefined) {
      found = Promise.all([around(), normalised(`${header}\n${line}`)]).then(([{ before, after }, { normalised: whole }]) =>
        whole.slice(before.length, whole.length - after.length),
      );
      fragments.set(line, found);
    }
    return found;
  }

  async function compute(text) {
    const lines = text.split("\n").slice(1);
    const parts = await Promise.all(lines.map(fragment));
    const { before, after } = await around();
    let next = 1;
    const bodies = parts.map((part) => {
      const renumbered = renumber(part, next);
      next = renumbered.next;
      return renumbered.text;
    });
    // Statements of a list are parted by commas; `before` and `after` hold the brackets and the last comma.
    const whole = before + bodies.join(",") + after;
    const hash = programHash(whole);
    if (Number.parseInt(hash.slice(0, 6), 16) % checkedShare === 0) {
      const truth = await normalised(text);
      if (truth.normalised !== whole || truth.statements !== lines.length) throw new Error(`the tree of this program is not the sum of its statements:\n${text}\n${whole}\n${truth.normalised}`);
    }
    return { hash, statements: lines.length, split: splitOfProgram(hash, lines.length) };
  }

  return function classify(text) {
    let found = known.get(text);
    if (found === undefined) known.set(text, (found = compute(text)));
    return found;
  };
}
