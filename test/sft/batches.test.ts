// Rows of tokens and their masks, the order of epochs, packing by a budget, and the arrays of an update: worked out by hand.
import t from "tap";
import { batchesOf, countSteps, epochOrder, updateArrays } from "../../src/sft/batches.ts";
import { createStore, encodeSpans, type Row, rowOf } from "../../src/sft/row.ts";
import { measured, type Progress } from "../../src/sft/validate.ts";

// One token a letter, but "ab" is one token; a begin token where asked for.
const encode = (text: string, { begin = false } = {}) =>
  Int32Array.from([...(begin ? [99] : []), ...[...text.replaceAll("ab", "X")].map((letter) => letter.charCodeAt(0) - 96)]);
const joined = "X".charCodeAt(0) - 96;
const span = (text: string, trained: boolean) => ({ text, trained });

t.test("tokens and trained ranges of stretches", async (t) => {
  const cases: [name: string, spans: [string, boolean][], begin: boolean, tokens: number[], trained: number[]][] = [
    ["prompt and response", [["cd", false], ["ef", true]], false, [3, 4, 5, 6], [2, 4]],
    ["a begin token", [["cd", false], ["e", true]], true, [99, 3, 4, 5], [3, 4]],
    ["a joint that would merge keeps the prompt's tokens", [["ca", false], ["bc", true]], false, [3, 1, 2, 3], [2, 4]],
    ["inside a stretch tokens merge", [["c", false], ["abc", true]], false, [3, joined, 3], [1, 3]],
    ["neighbours that are both trained are one range", [["c", true], ["d", true], ["e", false], ["f", true]], false, [3, 4, 5, 6], [0, 2, 3, 4]],
    ["empty stretches", [["", false], ["c", true], ["", true]], false, [3], [0, 1]],
  ];
  for (const [name, spans, begin, tokens, trained] of cases) t.same(encodeSpans(encode, spans.map(([text, on]) => span(text, on)), begin), { tokens, trained }, name);
});

t.test("rows: end tokens, first tokens, cuts", async (t) => {
  const plain = (...spans: [string, boolean][]) => ({ spans: spans.map(([text, on]) => span(text, on)), plain: true });
  const cases: [name: string, example: Parameters<typeof rowOf>[0], end: number | undefined, most: number, tokens: number[] | null, trained: number[], long?: boolean][] = [
    ["an end token is trained", plain(["c", false], ["d", true]), 50, Infinity, [99, 3, 4, 50], [2, 4]],
    ["none is wanted", plain(["c", false], ["d", true]), undefined, Infinity, [99, 3, 4], [2, 3]],
    ["a template writes its own", { ...plain(["c", false], ["d", true], ["e", false]), plain: false }, 50, Infinity, [3, 4], [1, 2]],
    ["nothing predicts the first token", { ...plain(["cde", true]), plain: false }, 50, Infinity, [3, 4, 5], [1, 3]],
    ["an empty response teaches nothing", plain(["c", false], ["", true]), 50, Infinity, null, []],
    ["cut", plain(["c", false], ["def", true]), 50, 4, [99, 3, 4, 5], [2, 4], true],
    ["cut away", plain(["cdef", false], ["d", true]), 50, 3, null, [], true],
    ["as long as may be", plain(["c", false], ["d", true]), 50, 4, [99, 3, 4, 50], [2, 4]],
  ];
  for (const [name, example, end, most, tokens, trained, long = false] of cases) {
    const found = rowOf(example, { encode, endToken: end, maxTokens: most, keep: createStore(7) });
    t.same(found.row && { tokens: [...found.row.tokens], trained: [...found.row.trained] }, tokens && { tokens, trained }, name);
    t.equal(found.long, long, name);
  }
});

const rowsOf = (...lengths: number[]): Row[] => lengths.map((length, index) => ({ tokens: new Int32Array(length).fill(index), trained: Int32Array.from([1, length]) }));

t.test("epochs: every row once, another order, weights", async (t) => {
  const order = (weight: number, epoch: number, shuffle = true, seed = 1) => [...epochOrder([{ rows: 8, weight }], { seed, shuffle }, epoch)];
  const sorted = (list: number[]) => list.toSorted((a, b) => a - b);
  const all = [0, 1, 2, 3, 4, 5, 6, 7];
  t.same(order(1, 0, false), all);
  t.same(sorted(order(1, 0)), all);
  t.same(order(1, 0), order(1, 0), "a function of the seed");
  t.notSame(order(1, 0), order(1, 1));
  t.notSame(order(1, 0), order(1, 0, true, 2));
  t.same(order(2, 0, false), [...all, ...all]);
  t.equal(new Set(order(0.5, 0)).size, 4, "half of them, none twice");
  t.notSame(sorted(order(0.5, 0)), sorted(order(0.5, 1)), "others the next time");
  t.same(order(0, 3), []);
  t.same([...epochOrder([{ rows: 2, weight: 0 }, { rows: 2, weight: 1 }], { seed: 1, shuffle: false }, 0)], [2, 3], "files one after another");
});

t.test("packing", async (t) => {
  const pack = (lengths: number[], batchTokens: number, { epochs = 1, steps = 0 } = {}) => {
    const plan = { rows: rowsOf(...lengths), files: [{ rows: lengths.length, weight: 1 }], config: { seed: 0, epochs, steps, data: { shuffle: false }, update: { batchTokens } } };
    const batches = [...batchesOf(plan)];
    t.equal(countSteps(plan), batches.length);
    return batches.map(({ rows, epoch }) => [rows.map(({ tokens }) => tokens[0]), Number(epoch.toFixed(3))]);
  };
  t.same(pack([3, 3, 3, 3], 6), [[[0, 1], 0.5], [[2, 3], 1]]);
  t.same(pack([3, 4, 3], 6), [[[0], 0.333], [[1], 0.667], [[2], 1]]);
  t.same(pack([9, 2], 6), [[[0], 0.5], [[1], 1]], "a row that is longer than the budget stands alone");
  t.same(pack([2, 2, 2], 4, { epochs: 2 }), [[[0, 1], 0.667], [[2, 0], 1.333], [[1, 2], 2]], "a batch goes on across an epoch's end");
  t.same(pack([2, 2, 2, 2], 4, { epochs: 1.5 }), [[[0, 1], 0.5], [[2, 3], 1], [[0, 1], 1.5]]);
  t.same(pack([2, 2], 2, { steps: 3 }).map(([rows]) => rows), [[0], [1], [0]]);
});

t.test("the arrays of an update: equal prompts once, weights that sum to one", async (t) => {
  const row = (tokens: number[], ...trained: number[]): Row => ({ tokens: Int32Array.from(tokens), trained: Int32Array.from(trained) });
  const { prompts, completions, completionPrompt, weights, loss } = updateArrays([row([1, 2, 3, 4], 2, 4), row([5, 6, 7, 8], 1, 2, 3, 4), row([1, 2, 9], 2, 3)]);
  t.equal(loss, "cross-entropy");
  t.same([[...prompts.tokens], [...prompts.lengths]], [[1, 2, 5], [2, 1]]);
  t.same([[...completions.tokens], [...completions.lengths]], [[3, 4, 9, 6, 7, 8], [2, 1, 3]]);
  t.same([...completionPrompt], [0, 0, 1]);
  t.same([...weights], [1, 1, 1, 1, 0, 1].map((on) => Math.fround(on / 5)));
});

t.test("the held-out loss says when to end", async (t) => {
  const states = [3, 2, 2, Number.NaN, 1].reduce<Progress[]>((list, loss, at) => [...list, measured(list.at(-1) ?? { best: null, misses: 0 }, at + 1, loss)], []);
  t.same(states.map(({ misses }) => misses), [0, 0, 1, 2, 0]);
  t.same(states.at(-2)!.best, { step: 2, loss: 2 });
  t.same(states.at(-1)!.best, { step: 5, loss: 1 });
});
