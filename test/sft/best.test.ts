// The model of the best measurement (validation.keepBest), with the fake engine: the one that a run goes on with is there whenever it is cut off.
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Engine, ScoreRequest, UpdateRequest } from "../../src/engine/engine.ts";
import { measured, type Progress } from "../../src/sft/validate.ts";
import { resumeSft, sft, type SftConfigInput } from "../../src/sft.ts";
import { fakeEngine } from "../../src/testing/index.ts";
import { exampleRun } from "./support/recipe.ts";

/** A fake engine whose n-th measurement, counted from step `from` on, is losses[n], and which breaks in the update of step `breaks`. */
function scripted(losses: Record<number, number>, { from = 0, breaks = Infinity } = {}): Engine {
  const engine = fakeEngine();
  let step = from;
  return {
    ...engine,
    async update(request: UpdateRequest) {
      if (step + 1 === breaks) throw new Error("the power went");
      step += 1;
      return engine.update(request);
    },
    async score({ sequences }: ScoreRequest) {
      return { logProbabilities: new Float32Array(sequences.tokens.length - sequences.lengths.length).fill(-(losses[step] ?? 9)) };
    },
  };
}

t.test("a run that is cut off after a better measurement still has the model of the one before", async (t) => {
  const parent = t.testdir({});
  const losses = { 2: 3, 5: 1, 7: 0.5 };
  const start = (folder: string, engine: Engine, models: Map<number, Buffer>) => {
    const base = exampleRun(folder, { seed: 3, steps: 8 });
    const config: SftConfigInput = { ...base, validation: { files: [{ path: join(folder, "rows.jsonl") }], every: 1, keepBest: true }, run: { ...base.run, checkpointEvery: 3 } };
    const run = sft(config, {
      engine,
      onEvent: (event) => {
        if (event.type === "step-end") models.set(event.step, readFileSync(join(run.dir!, "best", "model.safetensors")));
      },
    });
    return run;
  };
  const bytes = (dir: string) => readFileSync(join(dir, "model", "model.safetensors"));
  const others = (dir: string) => readdirSync(dir).filter((name) => name.startsWith("best-"));
  const models = new Map<number, Buffer>();
  const broken = start(join(parent, "broken"), scripted(losses, { breaks: 6 }), models);
  await t.rejects(broken.result, { message: /the power went/ });
  const dir = broken.dir!;
  t.notSame(models.get(2), models.get(5));
  t.match(others(dir), [/^best-step-000002$/], "beside the newer one");

  // Resumed from step 3, it ends before step 5 comes again.
  const short = await resumeSft(dir, { engine: scripted(losses, { from: 3 }), change: { timeBudgetSeconds: 1e-9 } }).result;
  t.match(short, { status: "out-of-time", step: 4, best: { step: 2, loss: 3 } });
  t.same(bytes(dir), models.get(2), "the model of step 2, not that of a step which never came");
  t.same(others(dir), [], "after a checkpoint there is one again");
  t.same(readFileSync(join(dir, "best", "model.safetensors")), models.get(2));

  const whole = await resumeSft(dir, { engine: scripted(losses, { from: 4 }), change: { timeBudgetSeconds: 0 } }).result;
  t.match(whole, { status: "finished", step: 8, best: { step: 7, loss: 0.5 } });
  const unbroken = start(join(parent, "unbroken"), scripted(losses), new Map());
  await unbroken.result;
  t.same(bytes(dir), bytes(unbroken.dir!), "and all in all it is as if nothing had happened");
  t.same(others(dir), []);

  // A kill came between moving the old one aside and giving the new one its name.
  const torn = start(join(parent, "torn"), scripted(losses, { breaks: 6 }), models);
  await torn.result.catch(() => undefined);
  rmSync(join(torn.dir!, "best"), { recursive: true });
  await resumeSft(torn.dir!, { engine: scripted(losses, { from: 3 }), change: { timeBudgetSeconds: 1e-9 } }).result;
  t.same(bytes(torn.dir!), models.get(2));
  t.ok(existsSync(join(torn.dir!, "best")));
});

t.test("a loss that is no number is never the best", (t) => {
  const none: Progress = { best: null, misses: 0 };
  t.same(measured(none, 1, Number.NaN), { best: null, misses: 1 });
  t.same(measured(measured(none, 1, Number.NaN), 2, 5), { best: { step: 2, loss: 5 }, misses: 0 });
  t.end();
});
