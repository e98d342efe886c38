// JSON lines: what the reader makes of good and bad input, and `azr exec --jsonl` over an executor that answers by rule.
import { PassThrough, Readable } from "node:stream";
import t from "tap";
import { z } from "zod";
import { AzrError } from "../../src/errors.ts";
import { execJsonl, type ExecAnswer } from "../../src/executor/exec-jsonl.ts";
import type { Executor, RunRequest } from "../../src/executor/executor.ts";
import { createJsonlWriter, jsonlLine, readJsonl, readJsonlAs, type JsonlSource } from "../../src/jsonl.ts";

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Lines as `number:value` or `number!error`. */
const read = async (source: JsonlSource, options = {}): Promise<string[]> =>
  (await collect(readJsonl(source, options))).map((item) => (item.error === undefined ? `${item.line}:${JSON.stringify(item.value)}` : `${item.line}!${item.error}`));

t.test("lines", async (t) => {
  const table: [source: JsonlSource, expected: (string | RegExp)[]][] = [
    ["", []],
    ["\n\n", []],
    ["1", ["1:1"]],
    ["1\n2\n", ["1:1", "2:2"]],
    ["1\r\n\r\n3", ["1:1", "3:3"]],
    ["\ufeff1\n2", ["1:1", "2:2"]],
    ['{"a":"\\u2028"}\n', ['1:{"a":"\u2028"}']],
    ["1\n{oops\n3\n", ["1:1", /^2!not valid JSON: /, "3:3"]],
    ["{}{}\n1", [/^1!not valid JSON/, "2:1"]],
    ["NaN\n1", [/^1!not valid JSON/, "2:1"]],
    [Readable.from([Buffer.from('{"a":'), Buffer.from("1}\n2"), Buffer.from("3\n")]), ['1:{"a":1}', "2:23"]],
    [Readable.from([Buffer.from([0x22, 0xc3]), Buffer.from([0xa9, 0x22])]), ['1:"é"']],
    [Readable.from([Buffer.from([0x22, 0xff, 0x22, 10, 0x31])]), ["1!not valid UTF-8", "2:1"]],
  ];
  for (const [source, expected] of table) {
    const lines = await read(source);
    t.equal(lines.length, expected.length, typeof source === "string" ? JSON.stringify(source) : "stream");
    for (const [index, line] of lines.entries()) t.match(line, expected[index]!);
  }
  t.same(await read('"aaaaaaaaaa"\n1\n"bb"', { maxLineBytes: 4 }), ["1!longer than 4 bytes", "2:1", '3:"bb"']);
});

t.test("checked lines name the field", async (t) => {
  const schema = z.strictObject({ id: z.string(), inputs: z.array(z.string()) });
  const text = ['{"id":"a","inputs":[]}', '{"id":"a","inputs":[],"imputs":1}', '{"id":1,"inputs":["x",2]}', "[]", "null"].join("\n");
  const lines = await collect(readJsonlAs(text, schema));
  t.same(lines[0], { line: 1, value: { id: "a", inputs: [] } });
  t.match(lines[1], { line: 2, error: /unknown field "imputs"/ });
  t.match(lines[2], { line: 3, error: /id: .*; inputs\[1\]: / });
  t.match(lines[3], { line: 4, error: /object/ });
  t.match(lines[4], { line: 5, error: /object/ });
});

t.test("writing", async (t) => {
  t.equal(jsonlLine({ a: "x\ny" }), '{"a":"x\\ny"}\n');
  const stream = new PassThrough({ highWaterMark: 16 });
  const writer = createJsonlWriter(stream);
  let done = false;
  const writing = (async () => {
    for (let index = 0; index < 50; index += 1) await writer.write({ index });
    done = true;
    stream.end();
  })();
  await new Promise((resolve) => setImmediate(resolve));
  t.notOk(done, "a full stream holds the writer back");
  t.equal((await collect(readJsonl(stream))).length, 50);
  await writing;
});

const provenance = { python: "3.11.7", architecture: "x64", layers: ["seccomp"] };

/** Answers each input with its length; a program `fail` makes the executor itself fail. Counts what runs at once. */
function ruleExecutor(): { executor: Executor; most(): number; requests: RunRequest[] } {
  let open = 0;
  let most = 0;
  const requests: RunRequest[] = [];
  const run: Executor["run"] = async (request) => {
    requests.push(request);
    open += 1;
    most = Math.max(most, open);
    // The first of a group ends last, so order has to be made, not found.
    await new Promise((resolve) => setTimeout(resolve, 3 - (requests.length % 3)));
    open -= 1;
    if (request.program === "fail") throw new AzrError("AZR_EXECUTOR_FAILED", "The sandbox itself failed.");
    const runs = request.inputs.map((input) => ({ outcome: "ok" as const, value: String(input.length), cpuMs: 1, wallMs: 1 }));
    return { runs, deterministic: true, provenance };
  };
  const stats = (): ReturnType<Executor["stats"]> => ({ python: "3.11.7", workers: 2, runs: 0, sandboxErrors: 0, busySeconds: 0 });
  return { executor: { run, stats } as unknown as Executor, most: () => most, requests };
}

t.test("exec answers in order, tells bad lines and goes on", async (t) => {
  const { executor, most, requests } = ruleExecutor();
  const lines = Array.from({ length: 60 }, (_, index) => {
    if (index === 7) return "{broken";
    if (index === 20) return JSON.stringify({ id: "x", program: "p", inputs: [], extra: 1 });
    if (index === 21) return JSON.stringify({ id: "x", program: "p", inputs: [1] });
    if (index === 22) return JSON.stringify({ id: "x", program: "p" });
    return JSON.stringify({ id: index, program: "p", inputs: ["a".repeat(index % 5)] });
  });
  const answers: ExecAnswer[] = [];
  const bad: { line: number; error: string }[] = [];
  const counts = await execJsonl({
    executor, source: lines.join("\n"), onAnswer: (answer) => void answers.push(answer), onBadLine: (line) => void bad.push(line),
  });
  t.same(counts, { answered: 56, badLines: 4 });
  t.same(bad.map(({ line }) => line), [8, 21, 22, 23]);
  t.match(bad[1]!.error, /unknown field "extra"/);
  t.same(answers.map(({ id }) => id), Array.from({ length: 60 }, (_, index) => index).filter((index) => ![7, 20, 21, 22].includes(index)));
  t.same(answers[3], { id: 3, deterministic: true, runs: [{ outcome: "ok", value: "3", cpuMs: 1, wallMs: 1 }], provenance });
  t.equal(most(), 8, "lines overlap up to four a worker");
  t.equal(requests[0]!.determinism, "full");
});

t.test("exec stops when the executor itself fails", async (t) => {
  const { executor } = ruleExecutor();
  const lines = ["p", "p", "fail", "p"].map((program, id) => jsonlLine({ id, program, inputs: ["a"] })).join("");
  const answers: ExecAnswer[] = [];
  await t.rejects(execJsonl({ executor, source: lines, onAnswer: (answer) => void answers.push(answer), onBadLine: () => undefined }), { code: "AZR_EXECUTOR_FAILED" });
  t.same(answers.map(({ id }) => id), [0, 1]);
});
