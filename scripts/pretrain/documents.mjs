// Turns a program with its input/output pairs into training documents. The texts come from the same kinds and format that
// self-play uses (dist/curriculum), so the model meets no other form later. Some answers are wrong on purpose: solving
// 20 %, proposing 25 %. That leaves self-play something to weed out, and keeps the base from being certain of everything.
import { formatNamed } from "../../dist/curriculum/format.js";
import { kindNamed } from "../../dist/curriculum/kinds/registry.js";
import { curriculumSettings } from "../../dist/curriculum/settings.js";

export const formatName = "compact";
export const settings = curriculumSettings();
export const documentKinds = ["deduction", "abduction", "induction", "propose-deduction", "propose-abduction", "propose-induction"];

const wrongAnswerShare = 0.2;
const corruptProposalShare = 0.25;
/** Expected documents of each kind a program: mixes to about .30 .20 .30 .08 .08 .04. */
const documentsPerProgram = { deduction: 1, abduction: 0.67, induction: 1, "propose-deduction": 0.27, "propose-abduction": 0.27, "propose-induction": 0.13 };
/** Tasks on one program that share its computation. */
const queriesPerDocument = 3;

const format = formatNamed(formatName);
const endMarker = "<|end|>";
const markers = { program: "<|program|>", input: "<|input|>", output: "<|output|>" };

/** A Task record; the origin says that the grammar wrote it. */
export function taskOf(kind, program, pairs, id = "grammar") {
  const origin = { step: 0, parents: [] };
  if (kind !== "induction") return { id, kind, program, input: pairs[0].input, output: pairs[0].output, origin };
  return { id, kind, program, pairs, shown: settings.induction.shown, origin };
}

/** The solver's prompt for a task. */
export function solverPrompt(task) {
  return kindNamed(task.kind).buildSolutionPrompt(task, format).text;
}

/** What the base should answer to a task of the grammar: the answer it was made from. */
export function referenceAnswer(task) {
  return task.kind === "deduction" ? task.output : task.kind === "abduction" ? task.input : task.program;
}

/**
 * Documents of one visited program: [{ kind, queries: [{ prompt, answer }] }].
 * @param visit { text, pairs, lines, mutant?: { text, outputs (of pairs' inputs, undefined where it failed) }, broken?: text,
 *   other?: { text, pairs } (a program visited before) }; every program in it is free to train on
 */
export function documentsOf(random, visit) {
  const documents = [];
  for (const kind of documentKinds) {
    if (random.float() >= documentsPerProgram[kind]) continue;
    const role = kind.startsWith("propose-") ? "propose" : "solve";
    const name = kind.replace("propose-", "");
    const queries = role === "solve" ? solveQueries(random, name, visit) : [proposeQuery(random, name, visit)];
    documents.push({ kind, queries: queries.map(({ prompt, answer }) => ({ prompt, answer: answer + endMarker })) });
  }
  return documents;
}

function solveQueries(random, kind, visit) {
  const wrong = () => random.float() < wrongAnswerShare;
  if (kind === "induction") {
    const pairs = random.sample(visit.pairs, settings.induction.inputs);
    const program = visit.mutant !== undefined && wrong() ? visit.mutant.text : visit.text;
    return [{ prompt: solverPrompt(taskOf(kind, visit.text, pairs)), answer: program }];
  }
  return random.sample(visit.pairs, queriesPerDocument).map((pair) => {
    const prompt = solverPrompt(taskOf(kind, visit.text, [pair]));
    const right = kind === "deduction" ? pair.output : pair.input;
    if (!wrong()) return { prompt, answer: right };
    return { prompt, answer: (kind === "deduction" ? wrongOutput(random, visit, pair) : unrelatedPair(random, visit, pair)?.input) ?? right };
  });
}

function unrelatedPair(random, visit, pair) {
  const others = visit.pairs.filter(({ output }) => output !== pair.output);
  return others.length > 0 ? random.choice(others) : undefined;
}

// Mostly what a slightly different program gives: the slip that a solver makes.
function wrongOutput(random, visit, pair) {
  const slip = visit.mutant?.outputs[visit.pairs.indexOf(pair)];
  return slip !== undefined && slip !== pair.output ? slip : unrelatedPair(random, visit, pair)?.output;
}

function proposeQuery(random, name, visit) {
  const corrupt = random.float() < corruptProposalShare;
  if (name === "induction") {
    const prompt = kindNamed(name).buildProposalPrompt({ references: [], source: taskOf("deduction", visit.text, visit.pairs) }, format, settings).text;
    let inputs = random.sample(visit.pairs, settings.induction.inputs).map(({ input }) => input);
    if (corrupt) {
      const at = random.integer(inputs.length);
      inputs = random.float() < 0.5 ? inputs.toSpliced(at, 1) : inputs.with(at, otherType(inputs[at]));
    }
    return { prompt, answer: inputs.join(markers.input) };
  }
  // Half of the proposals are neighbours of their reference, so that references matter and programs can grow from them.
  const references = [];
  const roll = random.float();
  if (roll < 0.45 && visit.mutant !== undefined) {
    const at = visit.mutant.outputs.findIndex((output) => output !== undefined);
    if (at >= 0) references.push(taskOf(name, visit.mutant.text, [{ input: visit.pairs[at].input, output: visit.mutant.outputs[at] }]));
  } else if (roll < 0.9 && visit.other !== undefined) {
    references.push(taskOf(name, visit.other.text, [random.choice(visit.other.pairs)]));
  }
  const prompt = kindNamed(name).buildProposalPrompt({ references }, format, settings).text;
  let program = visit.text;
  let { input } = random.choice(visit.pairs);
  if (corrupt) {
    const how = random.integer(4);
    if (how === 0) input = otherType(input);
    else if (how === 1) program = program.replace(/return .*$/, "return");
    else if (how === 2) return { prompt, answer: program };
    else program = visit.broken ?? program;
  }
  return { prompt, answer: program + markers.input + input };
}

// A list for a number and a number for a list.
function otherType(input) {
  return input.startsWith("[") ? (/-?\d+/.exec(input)?.[0] ?? "0") : `[${input}]`;
}
