// Files of rows: what is wrong is told with file and line, what may be left out is counted, and rows that are held out stay out.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { AzrError } from "../../src/errors.ts";
import { resolveSft, type SftConfigInput } from "../../src/sft/config.ts";
import { openSftParts } from "../../src/sft/open.ts";
import { planSft } from "../../src/sft.ts";
import { exampleRows } from "./support/recipe.ts";

const folder = t.testdir({});
let files = 0;
const file = (...lines: (object | string)[]) => {
  const path = join(folder, `${files++}.jsonl`);
  writeFileSync(path, lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""));
  return path;
};
const read = async (path: string, data: object = {}, more: SftConfigInput = {}) =>
  (await openSftParts(resolveSft({ argument: { ...more, data: { files: [{ path }], ...data } } }).config)).data;
const good = { prompt: "<|input|>1<|output|>", response: "2" };
const long = { prompt: "<|input|>1<|output|>", response: "12 ".repeat(20) };

t.test("what is refused, and how it may be left out", async (t) => {
  const cases: [name: string, line: object | string, message: RegExp, hint: RegExp, accept: object, counted: object][] = [
    ["no JSON", "{", /:2: not valid JSON/, /data\.badLines=skip/, { badLines: "skip" }, { bad: 1, rows: 2 }],
    ["no object", "[1]", /:2: expected an object/, /data\.badLines=skip/, { badLines: "skip" }, { bad: 1, rows: 2 }],
    ["a field too many", { ...good, id: 1 }, /:2: unknown field "id"/, /data\.unknownFields=ignore/, { unknownFields: "ignore" }, { bad: 0, rows: 3 }],
    ["a field too few", { prompt: "x" }, /:2: response is missing/, /correct the lines/i, { badLines: "skip" }, { bad: 1, rows: 2 }],
    ["a chat, but no template", { messages: [{ role: "user", content: "x" }] }, /:2: .*no chat template/, /^Conversations need a model that was trained to chat, .*; correct the lines/, { badLines: "skip" }, { bad: 1, rows: 2 }],
    ["no response", { prompt: "x", response: "" }, /:2: nothing in it is trained/, /data\.empty=drop/, { empty: "drop" }, { empty: 1, rows: 2 }],
    ["too long", long, /:2: \d+ tokens, more than 20/, /data\.tooLong=cut or data\.tooLong=drop/, { tooLong: "drop" }, { dropped: 1, rows: 2 }],
    ["too long, cut", long, /:2: \d+ tokens, more than 20/, /data\.tooLong=cut/, { tooLong: "cut" }, { cut: 1, rows: 3, longest: 20 }],
  ];
  for (const [name, line, message, hint, accept, counted] of cases) {
    const path = file(good, line, "", good);
    const limits = { maxTokens: 20 };
    await t.rejects(read(path, limits), { code: "AZR_INPUT_INVALID", message, hint }, name);
    const data = await read(path, { ...limits, ...accept });
    t.match(data.files[0], { lines: 3, ...counted }, name);
    t.equal(data.notes.length, "unknownFields" in accept ? 0 : 1, name);
  }
});

t.test("many faults, no rows, no file", async (t) => {
  const path = file(...Array.from({ length: 30 }, () => "{"), good);
  const error: unknown = await read(path).catch((thrown: unknown) => thrown);
  t.ok(AzrError.isInstance(error) && error.message.startsWith("30 of 31 lines") && error.message.endsWith("and 20 more") && error.message.includes(`${path}:10: `), String(error));
  await t.rejects(read(path, { badLines: "skip" }, { validation: { share: 0.999 } }), { code: "AZR_INPUT_INVALID", message: /No row is left/ });
  await t.rejects(read(file()), { code: "AZR_INPUT_INVALID", message: /No row is left/ });
  await t.rejects(read(join(folder, "none.jsonl")), { code: "AZR_INPUT_INVALID", message: /none\.jsonl cannot be read/ });
  await t.rejects(read(folder), { code: "AZR_INPUT_INVALID", message: /cannot be read/ });
  await t.rejects(read(file(good), { maxTokens: 100_000 }), { code: "AZR_CONFIG_INVALID", message: /takes 512 tokens/ });
  t.throws(() => resolveSft({ argument: { data: { filez: [] } } as object }), { code: "AZR_CONFIG_INVALID", message: /did you mean `data\.files`/ });
});

t.test("rows that are held out", async (t) => {
  const rows = exampleRows(400);
  const path = file(...rows, ...rows.slice(0, 50).map((row) => ({ ...row, response: "0" })));
  const data = await read(path, {}, { validation: { share: 0.2 } });
  t.equal(data.rows.length + data.heldOut.length, 450);
  t.ok(data.heldOut.length > 50 && data.heldOut.length < 150, `${data.heldOut.length} of 450`);
  t.equal(data.files[0]!.heldOut, data.heldOut.length);
  const prompts = (list: typeof data.rows) => new Set(list.map(({ tokens, trained }) => tokens.subarray(0, trained[0]).join()));
  const trained = prompts(data.rows);
  t.same([...prompts(data.heldOut)].filter((prompt) => trained.has(prompt)), [], "no prompt is on both sides");
  const other = await read(path, {}, { validation: { files: [{ path: file(good, good) }] } });
  t.equal(other.heldOut.length, 2);
  t.equal(other.rows.length, 450);
  t.not(other.checksum, data.checksum);
});

t.test("weights and epochs that no run can go by", async (t) => {
  const path = file(good, good);
  const plan = (weight: number, more: object = {}) => planSft({ data: { files: [{ path, weight }] }, ...more });
  for (const [weight, more, message] of [
    [1e12, {}, /one epoch of 2000000000000 rows/], [1e12, { steps: 3 }, /one epoch/], [1, { epochs: 1e9 }, /1000000000 epochs of 2 rows/],
    [1e-9, {}, /no row is ever trained on/], [1e-9, { steps: 5 }, /no row is ever/], [1, { epochs: 1e-9 }, /no row is ever/],
  ] as const) {
    await t.rejects(plan(weight, more), { code: "AZR_INPUT_INVALID", message, hint: /weights of the files or the epochs/ }, String(message));
  }
  t.equal((await plan(1, { steps: 1e9 })).steps, 1e9, "steps by number need no plan");
});

t.test("a plan: steps, tokens and memory, without weights", async (t) => {
  const path = file(...exampleRows(100));
  const config = { data: { files: [{ path, weight: 2 }] }, epochs: 3, update: { batchTokens: 200 }, validation: { share: 0.1 } };
  const plan = await planSft(config);
  t.ok(plan.steps > (6 * plan.tokens) / 200 && plan.steps < (7 * plan.tokens) / 200, `${plan.steps} steps of 200 tokens for 6 times ${plan.tokens}`);
  t.equal(plan.rows + plan.heldOutRows, 100);
  t.equal(plan.parameters, 780_800, "those of the seedling");
  const { total, ...parts } = plan.memory;
  t.equal(total, Object.values(parts).reduce((sum, bytes) => sum + bytes, 0));
  t.ok((await planSft({ ...config, engine: { weights: "bf16" } })).memory.copies < parts.copies);
  const long = { ...config, update: { ...config.update, batchTokens: 1024 } };
  const activations = async (checkpointActivations: boolean) => (await planSft({ ...long, update: { ...long.update, checkpointActivations } })).memory.activations;
  t.ok((await activations(true)) < 0.7 * (await activations(false)), "less with update.checkpointActivations");
  await t.rejects(planSft({}), { code: "AZR_CONFIG_INVALID", message: /nothing to train on/ });
});
