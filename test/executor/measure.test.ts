// Measures of programs, held against radon, complexipy and difflib (fixtures/measures.json, made by test/truth/make_measure_truth.py).
import { readFileSync } from "node:fs";
import t from "tap";
import type { MeasuredProgram, Measurement } from "../../src/executor/executor.ts";
import { openExecutor } from "../../src/executor/open.ts";
import { decodeMeasureReply, encodeMeasure } from "../../src/executor/protocol.ts";

type Row = Measurement & { program: string; references: number[] };
const rows = JSON.parse(readFileSync(new URL("./fixtures/measures.json", import.meta.url), "utf8")) as Row[];
const programs = rows.map(({ program, references }): MeasuredProgram => ({ program, references: references.map((at) => rows[at]!.program) }));

t.test("a batch of programs measures what the reference libraries say, to the bit", async (t) => {
  await using executor = await openExecutor({ workers: 1 });
  const found = await executor.measure(programs);
  for (const [at, { program, references: _, ...want }] of rows.entries()) t.same(found[at], want, program.slice(0, 40));
  t.same(await executor.measure([...programs].reverse()), [...found].reverse(), "whatever stands beside it in the batch");
  t.same(await executor.measure([]), []);
  t.equal((await executor.measure([{ program: programs[3]!.program, references: [] }]))[0]!.distance, null, "no references, no distance");
  await t.rejects(executor.measure([{ program: 1 } as never]), { code: "AZR_INPUT_INVALID" });
});

t.test("what does not parse has no measures, and what takes too many steps no distance; the rest of the batch has", async (t) => {
  await using executor = await openExecutor({ workers: 1 });
  const plain = { program: "def f(a):\n    return a", references: ["def f(b):\n    return b + 1"] };
  const deep = `def f(a):\n    return ${"(".repeat(5000)}a${")".repeat(5000)}`;
  // Each of its letters is rare beside the many lines, and long runs of them repeat: comparing would take for ever.
  const letters = "ABDGHIJKOPQRTUVWXYZ0123456789!#$%&()*+./;<=>?@^`|~".repeat(150);
  const long = (last: string) => `def f(a):\n${"    a = a\n".repeat(60)}    return "${letters}"${last}`;
  const slow = { program: long(""), references: [long(" + a")] };
  const [bad, nested, surrogate, tooLong, last] = await executor.measure([{ program: "def f(:", references: [] }, { program: deep, references: [] }, { program: "def f(a): return '\ud800'", references: [] }, slow, plain]);
  t.same([bad, nested, surrogate], [null, null, null]);
  t.equal(tooLong!.distance, null);
  t.equal(tooLong!.cyclomatic, 1);
  t.same(last, (await executor.measure([plain]))[0]);
  t.ok(last!.distance! > 0 && last!.distance! < 1);
});

t.test("the request names each text once; a reply of another length is broken", async (t) => {
  const request = encodeMeasure([{ program: "a", references: ["b", "a", "b"] }, { program: "b", references: [] }]);
  t.equal(request.subarray(4).toString(), '{"texts":["a","b"],"programs":[[0,[1,0,1]],[1,[]]]}');
  const reply = (status: number, text: string) => Buffer.concat([Buffer.from([status]), Buffer.from(Uint32Array.of(Buffer.byteLength(text)).buffer), Buffer.from(text)]);
  t.same(decodeMeasureReply(reply(1, '{"measures":[null,null]}'), 2), [null, null]);
  t.same(decodeMeasureReply(reply(0, ""), 2), [null, null], "a batch that ran into a limit is not measured");
  t.equal(decodeMeasureReply(reply(2, "the child died"), 1), "the child died");
  t.throws(() => decodeMeasureReply(reply(1, '{"measures":[null]}'), 2), { code: "AZR_EXECUTOR_FAILED" });
  t.throws(() => decodeMeasureReply(reply(1, "{}"), 0), { code: "AZR_EXECUTOR_FAILED" });
});
