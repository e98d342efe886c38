// What a step trains on, setting by setting: who is in the update, with which weights and which rewards.
import t from "tap";
import type { UpdateRequest } from "../../src/engine/engine.ts";
import { fakeEngine } from "../../src/testing/index.ts";
import { near, plus, prompts, proposers, scripted } from "./support/scripted-step.ts";

t.test("settings that change what is trained", async (t) => {
  t.testdir({});
  const base = { proposals: [plus(10), plus(20)], answer: (prompt: string, sample: number) => (sample === 0 ? (prompt.includes("a + 20") ? "21" : "11") : "12") };
  const promptsOf = (updates: UpdateRequest[]) => updates.flatMap((update) => prompts(update).map((text) => text.slice(0, 9)));

  const untrained = await scripted(t, { ...base, proposals: [plus(10), "x"], config: { curriculum: { proposer: "untrained" } } });
  t.same(promptsOf(untrained.updates), ["<|deduce|"], "an untrained proposer is left out of the loss");
  t.ok(near(untrained.updates[0]!.weights, [...untrained.updates[0]!.completions.lengths].flatMap((length) => Array<number>(length).fill(1 / 2 / length))));

  const copy = fakeEngine({ answer: () => plus(20) });
  const frozen = await scripted(t, { ...base, proposer: copy, proposals: [plus(10), plus(10)], config: { curriculum: { proposer: "frozen" } } });
  t.same(proposers(frozen.records).map(({ task }) => task), ["t-1-d-0", undefined], "the frozen copy proposes: one program, twice");
  t.same(promptsOf(frozen.updates), ["<|deduce|"], "and is left out of the loss");
  t.same(copy.calls.map(({ method }) => method), ["generate"], "nothing trains or loads it");

  const token = await scripted(t, { ...base, proposals: [plus(10), "x"], config: { update: { aggregation: "token" } } });
  const total = token.updates[0]!.completions.tokens.length;
  t.ok(near(token.updates[0]!.weights, Array<number>(total).fill(1 / total)), "token mean");

  const two = await scripted(t, { ...base, proposals: [plus(10), "x", plus(20)], config: { update: { minibatches: 2 } } });
  t.equal(two.updates.length, 2, "two gradient steps");
  for (const { weights } of two.updates) t.ok(weights.reduce((sum, value) => sum + value, 0) <= 1 + 1e-6, "each normalised by itself");
  t.equal(two.metrics["update/gradientSteps"], 2);

  const flat = await scripted(t, { ...base, proposals: ["x", "x"] });
  t.equal(flat.updates.length, 0, "nothing to learn: no gradient step");
  t.equal(flat.metrics["update/trainedTokens"], 0);

  const repeated = await scripted(t, { ...base, proposals: [plus(10), plus(10)], config: { curriculum: { deduplicate: false } } });
  t.same(proposers(repeated.records).map(({ outcome }) => outcome), ["accepted", "accepted"], "duplicates count without deduplicate");

  const reference = await scripted(t, { ...base, proposals: [plus(10)], answer: () => "11", config: { curriculum: { fidelity: "reference" } } });
  t.equal(proposers(reference.records)[0]!.reward, -0.5, "the reference code's column");

  const shuffled = await scripted(t, { ...base, proposals: [plus(1), plus(2), plus(3), plus(4), "x", "x", "x", "x"], answer: () => "7", config: { reward: { shuffle: true } } });
  const pairs = proposers(shuffled.records).map(({ reward, advantage }) => [reward!, Math.sign(advantage)]);
  t.same(pairs.map(([reward]) => reward), [0, 0, 0, 0, -1, -1, -1, -1], "the rewards stay with their sequences in the record");
  t.ok(pairs.some(([reward, sign]) => (reward === 0) !== (sign === 1)), "the advantages are those of permuted rewards");
  t.equal(pairs.filter(([, sign]) => sign === 1).length, 4);
});
