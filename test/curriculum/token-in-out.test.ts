// Token in, token out: the ids of an update are the sampled ones, and no text that a model wrote is ever encoded again to be trained on.
import { join } from "node:path";
import t from "tap";
import { cutRows } from "../../src/curriculum/token-rows.ts";
import type { TokenRows } from "../../src/engine/engine.ts";
import { collect, fakeEngine, fakeExecutor, fakeTokenizer } from "../../src/testing/index.ts";
import { trainFake } from "../run/support/fake-run.ts";
import { plus } from "./support/scripted-step.ts";

// A second id for each character, to which the engine gives another probability: texts have it nowhere, since encode() gives the first.
const twin = 1_000_000;

t.test("ids that encode() never gives", async (t) => {
  const plain = fakeTokenizer();
  const encoded: string[] = [];
  const tokenizer = {
    ...plain,
    encode(text: string) {
      encoded.push(text);
      return plain.encode(text);
    },
    decode: (ids: ArrayLike<number>) => plain.decode(Array.from(ids, (id) => (id >= twin ? id - twin : id))),
  };
  const end = plain.specialTokenId("<|end|>");
  const engine = fakeEngine({ answer: (prompt) => (prompt.startsWith("<|propose") ? plus(10) : prompt.includes("a + 10") ? "11<|end|>" : "0<|end|>") });
  const sampled: TokenRows[] = [];
  const { generate } = engine;
  engine.generate = async (request) => {
    const result = await generate.call(engine, request);
    const tokens = result.completions.tokens.map((id, at) => (id === end || at % 2 === 0 ? id : id + twin));
    sampled.push({ ...result.completions, tokens });
    return { ...result, completions: { ...result.completions, tokens } };
  };
  const run = trainFake(join(t.testdir({}), "run"), { steps: 2, kinds: ["deduction"], update: { maxGap: 10 }, curriculum: { proposals: 2, rollouts: { n: 2 }, replay: 0 } }, { engine, executor: fakeExecutor(), tokenizer });
  await collect(run);
  const updates = engine.calls.flatMap((call) => (call.method === "update" ? [call.request] : []));
  t.ok(updates.length > 0, "something is trained");
  const known = new Set(sampled.flatMap(({ tokens, lengths }) => cutRows(tokens, lengths).map((row) => row.join())));
  const trained = updates.flatMap(({ completions }) => cutRows(completions.tokens, completions.lengths));
  t.ok(trained.every((row) => known.has(row.join())), "each trained row was sampled so");
  t.ok(trained.some((row) => row.some((id) => id >= twin)), "with its own ids");
  t.ok(encoded.length > 0 && encoded.every((text) => /^<\|(propose-deduction|deduce)\|>|^<\|[a-z-]+\|>$/.test(text)), "only prompts are encoded, and before the first step the format's markers, to see that they are tokens");
});
