// How good the model is: loss on documents of the validation split, and accuracy on the validation tasks through the same
// evaluation as `azr eval`. Used by train.mjs.
import { readFileSync } from "node:fs";
import { formatNamed } from "../../dist/curriculum/format.js";
import { evaluate } from "../../dist/eval/evaluate.js";
import { trained } from "./corpus.mjs";
import { documentKinds, formatName } from "./documents.mjs";

const groupsScored = 1500;

/**
 * Mean loss in nats over the trained tokens of the corpus's first groups.
 * @returns { loss, kinds: { KIND: loss } }
 */
export async function validationLoss(engine, corpus) {
  const rows = [];
  for (let number = 0; number < Math.min(groupsScored, corpus.groupCount); number++) {
    const { kind, start, promptLength, lengths } = corpus.group(number);
    let at = start + promptLength;
    for (const length of lengths) {
      rows.push({ kind, prompt: [start, start + promptLength], completion: [at, at + length] });
      at += length;
    }
  }
  const sums = documentKinds.map(() => ({ loss: 0, tokens: 0 }));
  for (let first = 0; first < rows.length; first += 512) {
    const part = rows.slice(first, first + 512);
    const flat = part.flatMap(({ prompt, completion }) => [...corpus.tokens.subarray(...prompt), ...corpus.tokens.subarray(...completion)]);
    const lengths = part.map(({ prompt, completion }) => prompt[1] - prompt[0] + completion[1] - completion[0]);
    const { logProbabilities } = await engine.score({ sequences: { tokens: Int32Array.from(flat), lengths: Int32Array.from(lengths) } });
    let at = 0;
    part.forEach(({ kind, prompt, completion }, row) => {
      // logProbabilities[at + i] belongs to token i + 1 of the row.
      const head = prompt[1] - prompt[0] - 1;
      for (let token = completion[0]; token < completion[1]; token++) {
        if (corpus.classes[token] !== trained) continue;
        sums[kind].loss -= logProbabilities[at + head + token - completion[0]];
        sums[kind].tokens += 1;
      }
      at += lengths[row] - 1;
    });
  }
  const mean = (parts) => parts.reduce((sum, { loss }) => sum + loss, 0) / Math.max(1, parts.reduce((sum, { tokens }) => sum + tokens, 0));
  return { loss: mean(sums), kinds: Object.fromEntries(documentKinds.map((kind, index) => [kind, mean([sums[index]])])) };
}

/** Accuracy on a task file: { KIND: { n, greedy, sampled } }, sampled = mean of 4 samples at temperature 1. */
export async function taskAccuracy({ engine, executor, tokenizer, file, seed = 0 }) {
  const tasks = readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const outcomes = await evaluate({
    engine, executor, tokenizer, tasks, format: formatNamed(formatName), seed, samples: 4, maxTokens: 48,
    stopTokens: [tokenizer.specialTokenId("<|end|>")],
  });
  const table = {};
  for (const { kind, greedy, samples } of outcomes) {
    const row = (table[kind] ??= { n: 0, greedy: 0, sampled: 0 });
    row.n += 1;
    row.greedy += greedy.verdict === "correct" ? 1 : 0;
    row.sampled += samples.filter(({ verdict }) => verdict === "correct").length / samples.length;
  }
  for (const row of Object.values(table)) for (const key of ["greedy", "sampled"]) row[key] = Number((row[key] / row.n).toFixed(4));
  return table;
}
