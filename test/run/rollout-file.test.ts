// Files of rollouts: what is written comes back, files of early versions are read, and the report finds its examples in both.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import t from "tap";
import { pickExamples } from "../../src/report/examples.ts";
import { readRollouts, rolloutPath, rolloutText } from "../../src/run/rollout-file.ts";
import { trainFake } from "./support/fake-run.ts";

t.test("round trip, and the format of early versions", async (t) => {
  const run = trainFake(t.testdir({}), { steps: 3 });
  await run.result;
  const dir = run.dir!;
  const { head, records } = (await readRollouts(dir, 2))!;
  t.same(head, { schema: 2, step: 2, seed: 0 });
  const path = rolloutPath(dir, 2);
  const text = gunzipSync(await readFile(path)).toString("utf8");
  t.equal(rolloutText({ step: 2, seed: 0 }, records), text, "the same bytes again");
  const lines = text.trim().split("\n").slice(1).map((line) => JSON.parse(line) as { prompt?: string; role: string; index: number });
  t.equal(lines.length, records.length);
  t.ok(lines.every(({ prompt, role, index }) => (prompt === undefined) === (role === "solve" && index > 0)), "a prompt stands once");
  t.ok(records.every(({ prompt, promptTokens, responseTokens, tokens }) => prompt.length > 0 && promptTokens!.length > 0 && responseTokens!.length === tokens));

  const examples = await pickExamples(dir, ["deduction", "abduction", "induction"]);
  t.ok(examples.length > 0);
  for (const name of await readdir(join(dir, "rollouts"))) {
    const step = Number(/\d+/.exec(name)![0]);
    const early = (await readRollouts(dir, step))!.records.map(({ id: _id, parents: _parents, promptTokens: _prompt, responseTokens: _response, logProbabilities: _log, update: _update, stopped: _stopped, ...record }) => record);
    await writeFile(rolloutPath(dir, step), gzipSync(early.map((record) => `${JSON.stringify(record)}\n`).join("")));
  }
  const old = (await readRollouts(dir, 2))!;
  t.equal(old.head, undefined);
  t.same(old.records.map(({ prompt, response, outcome }) => [prompt, response, outcome]), records.map(({ prompt, response, outcome }) => [prompt, response, outcome]));
  t.same(await pickExamples(dir, ["deduction", "abduction", "induction"]), examples, "the report's examples are the same");
  t.equal(await readRollouts(dir, 9), undefined);
});
