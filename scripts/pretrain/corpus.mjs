// The corpus as a deterministic function of a seed: the grammar writes programs, the executor analyses and runs them, the
// split rule keeps held-out and validation programs out, documents.mjs renders what is left, and the result is tokens.
// Used by make-corpus.mjs, make-held-out.mjs and test/pretrain.
import { createRandom } from "../../dist/random.js";
import { createClassifier } from "./classify.mjs";
import { documentKinds, documentsOf } from "./documents.mjs";
import { drawInputs, drawProgram, fitsTypes, mutateProgram, programText } from "./grammar.mjs";
import { createBatchRunner } from "./run-batches.mjs";

const inputsPerProgram = 10;
const pairsNeeded = 6;
const longestOutput = 60;
const chunk = 2048;

export { createClassifier };

async function outputsOf(run, program, inputs) {
  const values = await run(program, inputs);
  return values.map((value) => (value !== undefined && value.length <= longestOutput ? value : undefined));
}

// An operation whose argument has the wrong type somewhere: what an invalid proposal looks like.
function breakProgram(random, operations) {
  const broken = [...operations, ...drawProgram(random)].slice(0, 3);
  return fitsTypes(broken) ? undefined : broken;
}

async function visitProgram({ run, classify, seed, split }, index) {
  const random = createRandom(seed, "program", index);
  const operations = drawProgram(random);
  const text = programText(operations);
  const { hash, split: side } = await classify(text);
  if (side !== split) return undefined;
  const inputs = drawInputs(random, operations[0].from, inputsPerProgram);
  // What stands beside the program in its documents must be free to train on, whichever split the program itself is in.
  const free = async (candidate) => (candidate !== undefined && (await classify(programText(candidate))).split === "train" ? programText(candidate) : undefined);
  let mutantText;
  for (let attempt = 0; attempt < 4 && mutantText === undefined; attempt++) mutantText = await free(mutateProgram(random, operations));
  const broken = await free(breakProgram(random, operations));
  const [outputs, mutantOutputs] = await Promise.all([
    outputsOf(run, text, inputs),
    mutantText === undefined ? [] : outputsOf(run, mutantText, inputs),
  ]);
  const kept = outputs.flatMap((output, at) => (output === undefined ? [] : [at]));
  if (kept.length < pairsNeeded) return undefined;
  return {
    random, operations, text, hash, lines: operations.length,
    pairs: kept.map((at) => ({ input: inputs[at], output: outputs[at] })),
    mutant: mutantText === undefined ? undefined : { text: mutantText, outputs: kept.map((at) => mutantOutputs[at]) },
    broken,
  };
}

/**
 * Programs of one split in order, each with at least six pairs; `programs` counts drawn ones, most of which are yielded.
 * @param options { executor, seed, split, programs, classify?, from? }
 */
export async function* visits(options) {
  const context = { run: createBatchRunner(options.executor), classify: createClassifier(options.executor), ...options };
  let other;
  for (let start = options.from ?? 0; start < options.programs; start += chunk) {
    const indices = Array.from({ length: Math.min(chunk, options.programs - start) }, (_, offset) => start + offset);
    for (const visit of await Promise.all(indices.map((index) => visitProgram(context, index)))) {
      if (visit === undefined) continue;
      yield { ...visit, other };
      other = visit;
    }
  }
}

/** Weight classes of tokens: not trained, trained, and trained lightly (outputs shown in an induction prompt). */
export const untrained = 0;
export const trained = 1;
export const lightlyTrained = 2;

/**
 * Token groups of a document: its queries share the tokens that they have in common, as one prompt; the rest of each prompt
 * stands at the head of its completion, untrained. So each row is exactly prompt + answer, and a program is computed once.
 * @returns { kind (index into documentKinds), prompt: ids, completions: [{ ids, classes }] }
 */
export function groupOf(document, tokenizer) {
  const rows = document.queries.map(({ prompt, answer }) => ({ prompt: [...tokenizer.encode(prompt)], answer: [...tokenizer.encode(answer)] }));
  const shortest = Math.min(...rows.map(({ prompt }) => prompt.length));
  let shared = 0;
  while (shared < shortest && rows.every(({ prompt }) => prompt[shared] === rows[0].prompt[shared])) shared++;
  const light = document.kind === "induction" ? shownOutputs(rows[0].prompt, tokenizer) : undefined;
  // An induction prompt is trained on in part, so all of it but its first two markers is on the completion's side.
  if (light !== undefined) shared = 2;
  const completions = rows.map(({ prompt, answer }) => ({
    ids: [...prompt.slice(shared), ...answer],
    classes: [...prompt.slice(shared).map((_, at) => (light?.has(at + shared) ? lightlyTrained : untrained)), ...answer.map(() => trained)],
  }));
  return { kind: documentKinds.indexOf(document.kind), prompt: rows[0].prompt.slice(0, shared), completions };
}

// Positions of the second and later outputs that an induction prompt shows, with the marker that ends each: an output can
// be told from the pairs before it by whoever infers the program, which is the skill that induction needs.
function shownOutputs(prompt, tokenizer) {
  const output = tokenizer.specialTokenId("<|output|>");
  const ends = [tokenizer.specialTokenId("<|input|>"), tokenizer.specialTokenId("<|program|>")];
  const positions = new Set();
  let outputs = 0;
  let inside = false;
  prompt.forEach((id, at) => {
    if (inside && outputs > 1) positions.add(at);
    if (id === output) [inside, outputs] = [true, outputs + 1];
    else if (ends.includes(id)) inside = false;
  });
  return positions;
}

/** Documents of a split, as token groups. Options as for `visits`, and the tokenizer. */
export async function* corpusGroups(options) {
  for await (const visit of visits(options)) {
    for (const document of documentsOf(visit.random, visit)) yield { ...groupOf(document, options.tokenizer), document, visit };
  }
}
