// The proposer's half of a step: programs that are held out, and prompts that are too long.
import { join } from "node:path";
import t from "tap";
import { plus, prompts, proposers, scripted } from "./support/scripted-step.ts";

t.test("held-out programs", async (t) => {
  const heldOut = { id: "h", kind: "deduction", program: "def f(zz):\n    return zz + 10", input: "1", output: "11" };
  const path = join(t.testdir({ "held-out.jsonl": `${JSON.stringify(heldOut)}\n` }), "held-out.jsonl");
  const held = await scripted(t, { proposals: [plus(10), plus(20)], config: { curriculum: { heldOut: [path] } } });
  t.same(proposers(held.records).map(({ outcome }) => outcome), ["held-out", "accepted"], "a renamed copy is the same program");
  await t.rejects(scripted(t, { proposals: [plus(1)], config: { curriculum: { heldOut: ["/nowhere.jsonl"] } } }), { code: "AZR_INPUT_INVALID" });
});

t.test("long prompts", async (t) => {
  t.testdir({});
  const long = await scripted(t, { proposals: [plus(1), plus(2)], steps: 1, engine: { maxPositions: 96 + 40 } });
  t.ok(long.engine.calls.some((call) => call.method === "generate" && prompts(call.request).some((prompt) => prompt === "<|propose-deduction|><|new|><|program|>")), "references that do not fit are left out");
  // A run in which nothing could ever be proposed must not end as if it had learnt nothing.
  await t.rejects(scripted(t, { proposals: [plus(1)], engine: { maxPositions: 96 } }), { code: "AZR_CONFIG_INVALID", message: /No prompt for deduction proposals fits/ });
});
