// From the corpus to UpdateRequests: a shuffled order an epoch (a function of the seed), cut into batches of about so many
// tokens, with the loss weights. Used by train.mjs.
import { createRandom } from "../../dist/random.js";
import { lightlyTrained, trained } from "./corpus.mjs";

/** Indices 0..count-1 in the order of that epoch. */
function epochOrder(seed, epoch, count) {
  const random = createRandom(seed, "order", epoch);
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let at = count - 1; at > 0; at--) {
    const other = random.integer(at + 1);
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
}

/** Groups by number, without end. `state` ({ epoch, position }) is plain data that says where to go on. */
export function createReader(corpus, seed, state = { epoch: 0, position: 0 }) {
  let { epoch, position } = state;
  let order = epochOrder(seed, epoch, corpus.groupCount);
  function next() {
    if (position === order.length) {
      [epoch, position] = [epoch + 1, 0];
      order = epochOrder(seed, epoch, corpus.groupCount);
    }
    return corpus.group(order[position++]);
  }
  return { next, state: () => ({ epoch, position }) };
}

/** Groups that together have at least `tokens` tokens. */
export function takeBatch(reader, tokens) {
  const groups = [];
  for (let size = 0; size < tokens; ) {
    const group = reader.next();
    groups.push(group);
    size += group.size;
  }
  return groups;
}

/** Loss weight of each weight class, before normalisation. */
function weightOf(lightWeight) {
  const weights = [0, 0, 0];
  weights[trained] = 1;
  weights[lightlyTrained] = lightWeight;
  return weights;
}

/** The arrays of an UpdateRequest: cross-entropy, weights that sum to 1 over the batch. */
export function updateArrays(corpus, groups, lightWeight) {
  const byClass = weightOf(lightWeight);
  const promptLengths = [];
  const completionLengths = [];
  const completionPrompt = [];
  const promptRuns = [];
  const completionRuns = [];
  groups.forEach(({ start, promptLength, lengths }, prompt) => {
    promptLengths.push(promptLength);
    promptRuns.push([start, start + promptLength]);
    let at = start + promptLength;
    for (const length of lengths) {
      completionLengths.push(length);
      completionPrompt.push(prompt);
      completionRuns.push([at, at + length]);
      at += length;
    }
  });
  const gather = (runs) => {
    const tokens = new Int32Array(runs.reduce((sum, [from, to]) => sum + to - from, 0));
    let at = 0;
    for (const [from, to] of runs) {
      tokens.set(corpus.tokens.subarray(from, to), at);
      at += to - from;
    }
    return tokens;
  };
  const completions = gather(completionRuns);
  const weights = new Float32Array(completions.length);
  let at = 0;
  let total = 0;
  for (const [from, to] of completionRuns) for (let token = from; token < to; token++) total += weights[at++] = byClass[corpus.classes[token]];
  for (let token = 0; token < weights.length; token++) weights[token] /= total;
  return {
    prompts: { tokens: gather(promptRuns), lengths: Int32Array.from(promptLengths) },
    completions: { tokens: completions, lengths: Int32Array.from(completionLengths) },
    completionPrompt: Int32Array.from(completionPrompt),
    weights,
    loss: "cross-entropy",
  };
}
