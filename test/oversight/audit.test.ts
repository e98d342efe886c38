// The audit log: its chain, what a tamper leaves behind, and that nothing is lost or told twice when a run is broken off and goes on.
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import t from "tap";
import { auditRun } from "../../src/audit-run.ts";
import { chainLine, emptyHead, headOf, readChain } from "../../src/oversight/audit-chain.ts";
import { createAuditTrail } from "../../src/oversight/audit-trail.ts";
import { createRandom } from "../../src/random.ts";
import { failingDisk } from "../../src/testing/index.ts";
import { azr } from "../cli/harness.ts";
import { fakes, resultFiles, resumeFake, trainFake } from "../run/support/fake-run.ts";
import { audit } from "./support/watched-run.ts";

const steps = 8;
const run = { checkpointEvery: 3, name: "run" };
/** Finds something in every other step, so that there is something to lose. */
const monitors = [{ name: "every-other", level: "quarantine" as const, beforeUpdate: ({ step, rollouts }: { step: number; rollouts: readonly unknown[] }) => ({ finding: step % 2 ? null : { message: `step ${step}`, rollouts: [rollouts.length - 1] } }) }];

t.test("a changed, missing, added or reordered line is found, and named", async (t) => {
  const { dir } = await trainFake(t.testdir({}), { steps, run }, { monitors }).result;
  const path = join(dir, "audit.jsonl");
  const text = await readFile(path, "utf8");
  const lines = text.split("\n").slice(0, -1);
  t.ok(lines.length >= 5);
  t.match(await auditRun(dir), { fault: null, head: { lines: lines.length }, findings: { "every-other": 4 }, reviewNeeded: false });
  const replaced = (at: number, line: string) => [...lines.slice(0, at), line, ...lines.slice(at + 1)];
  const third = JSON.parse(lines[2]!) as Record<string, unknown>;
  const { line: _line, previous: _previous, hash: _hash, ...body } = { ...third, message: "nothing" } as never as Parameters<typeof chainLine>[1] & Record<string, unknown>;
  const forged = chainLine(headOf(readChain(`${lines.slice(0, 2).join("\n")}\n`).lines), body);
  for (const [what, tampered, line] of [
    ["a changed word", replaced(2, lines[2]!.replace("step ", "stop ")), 3],
    ["a changed word under a new hash", replaced(2, JSON.stringify(forged)), 4],
    ["another form", replaced(2, lines[2]!.replace('{"line":3', '{ "line":3')), 3],
    ["a key that stands twice", replaced(2, lines[2]!.replace('{"line":3', '{"line":9,"line":3')), 3],
    ["no JSON", replaced(1, "x"), 2],
    ["a line taken out", [...lines.slice(0, 1), ...lines.slice(2)], 2],
    ["a line put in", [...lines.slice(0, 2), lines[1]!, ...lines.slice(2)], 3],
    ["two lines exchanged", [lines[0]!, lines[2]!, lines[1]!, ...lines.slice(3)], 2],
    ["the end cut off", lines.slice(0, -1), lines.length],
    ["all cut off but the first", lines.slice(0, 1), 2],
  ] as const) {
    await writeFile(path, `${tampered.join("\n")}\n`);
    t.match((await auditRun(dir)).fault, { line }, what);
    const { code, stdout, stderr } = await azr(["audit", dir]);
    t.equal(code, 5);
    t.match(stdout, /good lines, then a bad one|whole chain/);
    t.match(stderr, new RegExp(`AZR_AUDIT_CORRUPT: line ${line}: `));
    await t.rejects(resumeFake(dir, { monitors, change: { steps: 9 } }).result, { code: "AZR_AUDIT_CORRUPT" }, `${what}: the run does not go on`);
  }
  await rm(path);
  t.match((await auditRun(dir)).fault, { line: 1, what: /are missing/ }, "the whole log is gone");
  await t.rejects(resumeFake(dir, { monitors, change: { steps: 9 } }).result, { code: "AZR_AUDIT_CORRUPT" });
  await writeFile(path, `${text}{"half a li`);
  t.equal((await auditRun(dir)).fault, null, "half a line at the end is what a kill leaves");
  await resumeFake(dir, { monitors, change: { steps: 9 } }).result;
  t.equal(readChain(await readFile(path, "utf8")).fault, null, "and the run goes on behind the last whole one");
  const head = (JSON.parse(lines.at(-1)!) as { hash: string }).hash;
  t.equal((await azr(["audit", dir, "--head", head])).code, 0, "a hash that was kept elsewhere");
  t.match(await azr(["audit", dir, "--head", "0".repeat(64), "--json"]), { code: 5, stdout: /"fault":\{"line":\d+,"what":"no line has the hash 0000/ });
});

t.test("broken off at any point and resumed: the same log, to the byte", async (t) => {
  t.testdir({});
  const whole = trainFake(join(t.testdirName, "whole"), { steps, run }, { monitors });
  await whole.result;
  const expected = { ...(await resultFiles(whole.dir!)), audit: await readFile(join(whole.dir!, "audit.jsonl"), "utf8") };
  const random = createRandom(7, "points");
  for (let round = 0; round < 6; round++) {
    const parent = join(t.testdirName, String(round));
    const dir = join(parent, "run");
    await trainFake(parent, { steps, run }, { monitors, disk: failingDisk({ bytes: 30_000 + random.integer(400_000), as: "dead" }) }).result.catch(() => undefined);
    await resumeFake(dir, { monitors, disk: failingDisk({ bytes: random.integer(150_000), as: "dead" }), ...fakes(round) }).result.catch(() => undefined);
    await resumeFake(dir, { monitors }).result;
    t.same({ ...(await resultFiles(dir)), audit: await readFile(join(dir, "audit.jsonl"), "utf8") }, expected, `round ${round}`);
  }
  await resumeFake(whole.dir!, { monitors, checkpoint: "step-000006" }).result;
  t.equal(await readFile(join(whole.dir!, "audit.jsonl"), "utf8"), expected.audit, "steps that are done again are not told again");
});

t.test("a run of a version without oversight begins a log when it goes on", async (t) => {
  const { dir } = await trainFake(t.testdir({}), { steps: 2, run }).result;
  t.match(await audit(dir), [{ line: 1, step: 0, type: "begin", previous: emptyHead.hash, seed: 0, phrases: "phrases-1" }]);
  await rm(join(dir, "audit.jsonl"));
  const state = join(dir, "checkpoints", "step-000002", "state.json");
  const { body } = JSON.parse(await readFile(state, "utf8")) as { body: { state: Record<string, unknown> } };
  delete body.state["oversight"];
  await writeFile(state, `{"crc32":${crc32(JSON.stringify(body))},"body":${JSON.stringify(body)}}\n`);
  await t.rejects(auditRun(dir), { code: "AZR_RUN_FOLDER", message: /no audit\.jsonl/ });
  await resumeFake(dir, { change: { steps: 3 } }).result;
  t.match(await audit(dir), [{ line: 1, step: 2, type: "begin", previous: emptyHead.hash }]);
  t.match(await auditRun(dir), { fault: null });
});

t.test("the trail: what is known is found again, people's lines stand by themselves, a roll-back keeps both courses", async (t) => {
  const written: ReturnType<typeof chainLine>[] = [];
  const file = { append: (line: ReturnType<typeof chainLine>) => void written.push(line), sync: async () => undefined };
  const first = createAuditTrail(file, [], emptyHead);
  const at = (step: number) => ({ step, type: "finding", rule: "r" });
  const hashes = [first.record(at(1)), first.record(at(2)), first.record(at(3))];
  const place = headOf(written, 1);
  const again = createAuditTrail(file, [...written], place);
  t.equal(again.record(at(2)), hashes[1], "known");
  t.same(again.position(), { lines: 2, hash: hashes[1] });
  again.note({ step: 2, type: "reviewed" });
  t.equal(again.record(at(3)), hashes[2], "known, before what people did");
  again.record(at(4));
  t.same(written.map(({ line, type, step }) => [line, type, step]), [[1, "finding", 1], [2, "finding", 2], [3, "finding", 3], [4, "reviewed", 2], [5, "finding", 4]]);
  const back = createAuditTrail(file, [...written], place);
  back.rollBack({ step: 1, type: "roll-back", number: 1 });
  t.not(back.record(at(2)), hashes[1], "the same finding of another course is a new line");
  const resumed = createAuditTrail(file, [...written], place);
  resumed.rollBack({ step: 1, type: "roll-back", number: 1 });
  resumed.record(at(2));
  t.equal(written.length, 7, "done again it is known");
  t.equal(readChain(written.map((line) => `${JSON.stringify(line)}\n`).join("")).fault, null);
});
