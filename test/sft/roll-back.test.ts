// Numbers that go wrong in a supervised run (run.rollBack), with the fake engine: it goes on from its last good checkpoint with what is left of the
// data in another order, to the same bytes whenever it is cut off; the best measurement outlives the steps that were given up.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Engine, ScoreRequest, UpdateRequest } from "../../src/engine/engine.ts";
import { AzrError } from "../../src/errors.ts";
import type { RunEvent } from "../../src/events.ts";
import { batchesOf, countSteps } from "../../src/sft/batches.ts";
import type { Row } from "../../src/sft/row.ts";
import { resumeSft, sft, type SftConfigInput, type SftRun } from "../../src/sft.ts";
import { collect, fakeEngine } from "../../src/testing/index.ts";
import { exampleRun } from "./support/recipe.ts";

const rows: Row[] = Array.from({ length: 12 }, (_, index) => ({ tokens: Int32Array.of(index, index), trained: Int32Array.of(1, 2) }));
const order = (rollBacks: number[], config: { epochs?: number; steps?: number; shuffle?: boolean } = {}) => {
  const { epochs = 2, steps = 0, shuffle = true } = config;
  const plan = { rows, files: [{ rows: 12, weight: 1 }], config: { seed: 4, epochs, steps, data: { shuffle }, update: { batchTokens: 6 } }, rollBacks };
  const batches = [...batchesOf(plan)].map((batch) => batch.rows.map(({ tokens }) => tokens[0]!));
  t.equal(countSteps(plan), batches.length);
  return batches;
};
const sorted = (batches: number[][]) => batches.flat().sort((a, b) => a - b);

t.test("after a roll-back what is left of the epoch comes in another order, and later epochs too", async (t) => {
  const plain = order([]);
  const once = order([1]);
  t.same(once, order([1]), "the same every time");
  t.same(once[0], plain[0], "steps before it stay");
  t.notSame(once[1], plain[1]);
  t.same(sorted(once.slice(0, 4)), sorted(plain.slice(0, 4)), "each row once an epoch");
  t.same(sorted(once.slice(4)), sorted(plain.slice(4)));
  t.notSame(once.slice(4), plain.slice(4));
  t.notSame(order([1, 1])[1], once[1], "twice to one step");
  t.same(order([3, 1])[0], plain[0]);
  t.notSame(order([3, 1])[1], plain[1], "further back the second time");
  t.notSame(order([0])[0], plain[0], "from the first step on");
  t.same(order([5])[4], plain[4], "in the second epoch");
  t.notSame(order([5])[5], plain[5]);
});

const steps = 8;
const run = { checkpointEvery: 3 };
const config = (folder: string, more: SftConfigInput = {}): SftConfigInput => {
  const base = exampleRun(folder, { seed: 3, steps });
  return { ...base, ...more, run: { ...base.run, ...run, ...more.run } };
};
/** A fake engine that fails on the batches whose completions are among these. */
function failingOn(...batches: string[]): Engine {
  const engine = fakeEngine();
  const update = async (request: UpdateRequest) => {
    if (batches.includes(request.completions.tokens.join())) throw new AzrError("AZR_NUMERICS", "the loss is not finite");
    return engine.update(request);
  };
  return { ...engine, update };
}
const trained: string[] = [];
{
  const engine = fakeEngine();
  await sft(config(join(t.testdir({}), "plain")), { engine }).result;
  for (const call of engine.calls) if (call.method === "update") trained.push(call.request.completions.tokens.join());
}
const results = (dir: string) => ["metrics.jsonl", "latest", "checkpoints/step-000008/model.safetensors", "checkpoints/step-000008/optimizer.safetensors", "model/model.safetensors"].map((file) => readFileSync(join(dir, file), "utf8"));
const warnings = (events: RunEvent[]) => events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
async function ended(began: SftRun): Promise<RunEvent[]> {
  const events = await collect(began);
  await began.result;
  return events;
}

t.test("off by default; with it the run goes on, and a run that was cut off on its way ends with the same bytes", async (t) => {
  const parent = t.testdir({});
  t.equal(trained.length, steps);
  const fifth = trained[4]!;
  const stopped = sft(config(join(parent, "stopped")), { engine: failingOn(fifth) });
  await t.rejects(stopped.result, { code: "AZR_NUMERICS", hint: /azr resume .* --set run\.rollBack=1/ });
  const rolled = sft(config(join(parent, "rolled"), { run: { rollBack: 1 } }), { engine: failingOn(fifth) });
  const events = await ended(rolled);
  t.match(warnings(events), [/the loss is not finite.* goes on from step-000003 with other random choices/]);
  t.match(events.filter(({ type }) => type === "run-start"), [{ resumedFrom: null }, { resumedFrom: 3 }]);
  t.match(await rolled.result, { status: "finished", step: steps });
  t.match(JSON.parse(readFileSync(join(rolled.dir!, "checkpoints", "step-000008", "state.json"), "utf8")), { body: { state: { rollBacks: [3] } } });
  t.ok(readFileSync(join(rolled.dir!, "failures", "step-000005", "failure.json"), "utf8"), "the failed update stays");

  const dir = stopped.dir!;
  const cut = resumeSft(dir, { engine: failingOn(fifth), set: ["run.rollBack=1"] });
  for await (const event of cut) if (event.type === "step-end" && event.step === 7) await cut.stop({ when: "now" });
  t.match(await cut.result, { status: "stopped", step: 7 });
  await resumeSft(dir, { engine: failingOn(fifth) }).result;
  t.same(results(dir), results(rolled.dir!));
});

t.test("from the first steps back to the start; roll-backs end after as many as are allowed", async (t) => {
  const parent = t.testdir({});
  const first = await ended(sft(config(join(parent, "first"), { run: { rollBack: 1 } }), { engine: failingOn(trained[0]!) }));
  t.match(warnings(first), [/goes on from step-000000/]);
  let updates = 0;
  const engine = fakeEngine();
  const dying: Engine = { ...engine, update: async (request) => (++updates > 7 ? Promise.reject(new AzrError("AZR_NUMERICS", "the loss is not finite")) : engine.update(request)) };
  const broken = sft(config(join(parent, "broken"), { run: { rollBack: 3, keepCheckpoints: 3 } }), { engine: dying });
  const seen: RunEvent[] = [];
  await t.rejects((async () => {
    for await (const event of broken) seen.push(event);
  })(), { code: "AZR_NUMERICS" });
  t.same(warnings(seen).map((message) => /step-\d+/.exec(message)![0]), ["step-000006", "step-000003", "step-000000"]);
  await broken.result.catch(() => undefined);
  const ordered = config(join(parent, "ordered"), { run: { rollBack: 1 } });
  t.throws(() => sft({ ...ordered, data: { ...ordered.data, shuffle: false } }), { code: "AZR_CONFIG_INVALID", message: /run\.rollBack: needs data\.shuffle/ });
});

t.test("the best measurement is kept when its step is given up", async (t) => {
  const parent = t.testdir({});
  // The loss is lowest in step 4, which the run does not go on from.
  let measurements = 0;
  const watched = (): Engine => {
    const engine = failingOn(trained[4]!);
    const score = async ({ sequences }: ScoreRequest) => {
      measurements += 1;
      const loss = measurements === 4 ? 1 : 2;
      return { logProbabilities: new Float32Array(sequences.tokens.length - sequences.lengths.length).fill(-loss) };
    };
    return { ...engine, score };
  };
  const validation = { files: [{ path: join(parent, "rows.jsonl") }], every: 1, keepBest: true };
  const rolled = sft(config(parent, { validation, run: { rollBack: 1 } }), { engine: watched() });
  t.match(warnings(await ended(rolled)), [/step-000003/]);
  t.match(await rolled.result, { best: { step: 4, loss: 1 }, step: steps });
  t.same(readFileSync(join(rolled.dir!, "model", "model.safetensors")), readFileSync(join(rolled.dir!, "best", "model.safetensors")));
});
