// Makes transcripts in the paper's full wrapper, on which `azr sft` warms a language model up that cannot hold the format yet:
//   node scripts/pretrain/make-transcripts.mjs [--seed 1] [--programs 400] [--induction-inputs 6] [--out build/transcripts.jsonl] [--workers 1]
// The grammar of the seedling's corpus writes the programs, the executor runs them (each intermediate value too), and each transcript is read back and
// judged as self-play would before it is kept. Held-out and validation programs are left out. Equal seed and counts, equal bytes. Needs a build.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { formatNamed } from "../../dist/curriculum/format.js";
import { kindNamed } from "../../dist/curriculum/kinds/registry.js";
import { curriculumSettings } from "../../dist/curriculum/settings.js";
import { openExecutor } from "../../dist/executor/open.js";
import { visits } from "./corpus.mjs";
import { programText } from "./grammar.mjs";
import { createBatchRunner } from "./run-batches.mjs";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const format = formatNamed("paper");

/** Transcripts a program; a proposal's prompt is long and the same for many, so it is computed once a batch. */
const share = { "solve-deduction": 1, "solve-abduction": 0.7, "solve-induction": 0.7, "propose-deduction": 0.35, "propose-abduction": 0.35, "propose-induction": 0.3 };

const words = {
  reverse: () => "turns the list around",
  sort: () => "sorts the numbers",
  slice: (text) => `keeps the part ${text.slice(1)} of the list`,
  append: (text) => `puts ${/\[(.*)\]/.exec(text)[1]} at the end`,
  prepend: (text) => `puts ${/\[(.*)\]/.exec(text)[1]} at the front`,
  "add-each": (text) => `adds ${/\+ (\d+)/.exec(text)[1]} to each number`,
  "scale-each": () => "doubles each number",
  filter: (text) => `keeps the numbers above ${/> (\d+)/.exec(text)[1]}`,
  sum: () => "adds them all up",
  max: () => "takes the largest",
  min: () => "takes the smallest",
  len: () => "counts them",
  first: () => "takes the first",
  last: () => "takes the last",
  add: (text) => `adds ${/\+ (\d+)/.exec(text)[1]}`,
  subtract: (text) => `takes away ${/- (\d+)/.exec(text)[1]}`,
  double: () => "doubles it",
};

const inWords = (operations) => operations.map(({ family, text }) => words[family](text)).join(", then ");

/** What the argument becomes line by line: the thought that leads to the output. */
async function trace(run, operations, { input, output }) {
  const steps = await Promise.all(operations.map((_, at) => run(programText(operations.slice(0, at + 1)), [input])));
  const lines = operations.map(({ text }, at) => `${text} is ${steps[at][0]}.`);
  return steps.at(-1)[0] === output ? ` a is ${input}. ${lines.join(" ")} ` : undefined;
}

/** One transcript of a program, or undefined: { prompt, blocks, thought, task? , kind, role }. */
async function write(name, { random, run, settings, visit }) {
  const [role, kindName] = name.split("-");
  const kind = kindNamed(kindName);
  const { operations, text, pairs } = visit;
  const [pair] = random.sample(pairs, 1);
  const task = (chosen) => ({ id: "grammar", kind: kindName, program: text, origin: { step: 0, parents: [] }, ...chosen });
  if (role === "propose" && kindName === "induction") {
    const source = task({ kind: "deduction", ...pair });
    const inputs = random.sample(pairs, settings.induction.inputs).map(({ input }) => input);
    if (inputs.length < settings.induction.inputs) return undefined;
    const blocks = [...inputs.map((input) => ({ name: "input", text: input })), { name: "message", text: `The function ${inWords(operations)}.` }];
    return { kind, role, request: { references: [], source }, blocks, thought: ` The program ${inWords(operations)}. Inputs of different lengths show that best. ` };
  }
  if (role === "propose") {
    const references = visit.other === undefined || random.float() < 0.4 ? [] : [{ ...task(random.choice(visit.other.pairs)), program: visit.other.text }];
    const blocks = [{ name: "program", text }, { name: "input", text: pair.input }];
    return { kind, role, request: { references }, blocks, thought: ` A function that ${inWords(operations)}. As input ${pair.input} will do. ` };
  }
  if (kindName === "induction") {
    const chosen = random.sample(pairs, settings.induction.inputs);
    if (chosen.length < settings.induction.inputs) return undefined;
    const posed = task({ pairs: chosen, shown: settings.induction.shown, message: `The function ${inWords(operations)}.` });
    return { kind, role, task: posed, answer: text, blocks: [{ name: "program", text }], thought: ` ${chosen[0].input} gives ${chosen[0].output}: it ${inWords(operations)}. ` };
  }
  const thought = await trace(run, operations, pair);
  if (thought === undefined) return undefined;
  if (kindName === "deduction") return { kind, role, task: task(pair), answer: pair.output, blocks: [{ name: "output", text: pair.output }], thought };
  return { kind, role, task: task(pair), answer: pair.input, blocks: [{ name: "input", text: pair.input }], thought: ` The output has to be ${pair.output}. It ${inWords(operations)}. A try:${thought}` };
}

/** A transcript as self-play reads it: parsed, and for an answer judged. Undefined when it is not what self-play would reward. */
async function checked({ kind, role, request, task, blocks, thought }, { executor, settings }) {
  const prompt = role === "propose" ? kind.buildProposalPrompt(request, format, settings) : kind.buildSolutionPrompt(task, format);
  const response = format.completion(blocks, thought);
  const text = prompt.prefill + response;
  if (role === "propose") {
    const parsed = kind.parseProposal(text, request, format, settings);
    const valid = parsed.ok && (await kind.validate(parsed.draft, { executor, settings, format }));
    return valid && valid.ok ? { prompt: prompt.text, response } : undefined;
  }
  const parsed = kind.parseAnswer(text, format);
  const verdict = parsed.ok ? await kind.verify(task, parsed.answer, { executor, settings }) : undefined;
  return verdict?.verdict === "correct" ? { prompt: prompt.text, response } : undefined;
}

/** Writes the lines in the order of programs; returns how many of each sort there are. */
export async function makeTranscripts({ executor, seed, programs, inductionInputs = 6 }) {
  const settings = curriculumSettings({ induction: { inputs: inductionInputs, shown: Math.floor(inductionInputs / 2) } });
  const run = createBatchRunner(executor);
  const lines = [];
  const counts = {};
  for await (const visit of visits({ executor, seed, split: "train", programs })) {
    const random = visit.random.split("transcripts");
    for (const name of Object.keys(share)) {
      const wanted = random.float() < share[name];
      const draft = wanted ? await write(name, { random: random.split(name), run, settings, visit }) : undefined;
      const line = draft && (await checked(draft, { executor, settings }));
      if (line === undefined) continue;
      lines.push(line);
      counts[name] = (counts[name] ?? 0) + 1;
    }
  }
  return { lines, counts };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = (standard) => ({ type: "string", default: standard });
  const { values } = parseArgs({ options: { seed: text("1"), programs: text("400"), "induction-inputs": text("6"), out: text(join(repository, "build", "transcripts.jsonl")), workers: text("1") } });
  const executor = await openExecutor({ workers: Number(values.workers) });
  try {
    const { lines, counts } = await makeTranscripts({ executor, seed: Number(values.seed), programs: Number(values.programs), inductionInputs: Number(values["induction-inputs"]) });
    const out = resolve(values.out);
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    console.error(`${lines.length} transcripts -> ${out}: ${Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(", ")}`);
  } finally {
    await executor.dispose();
  }
}
