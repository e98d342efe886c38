// Requests that the real executor does not carry out: those that are no request, and those with a part that is refused.
import t from "tap";
import { openExecutorFor } from "./support/open.ts";

const executor = await openExecutorFor(t);

t.test("requests that make no sense", async (t) => {
  const request = { program: "def f(x): return x", inputs: ["1"] };
  const table: [request: unknown, message: RegExp][] = [
    [undefined, /request to run a program/],
    [{ ...request, program: 5 }, /program/],
    [{ ...request, inputs: "1" }, /inputs/],
    [{ ...request, inputs: [1] }, /inputs\[0\]/],
    [{ ...request, determinism: "banana" }, /determinism/],
    [{ ...request, isolation: true }, /isolation/],
    [{ ...request, expected: ["1", "2"] }, /one value an input/],
    [{ ...request, errors: 1 }, /errors/],
    [{ ...request, errors: true, expected: ["1"] }, /not together with expected/],
    [{ ...request, signal: {} }, /signal/],
    [{ ...request, limits: { cpuMS: 1 } }, /"cpuMS"/],
    [{ ...request, inputs: Array(1e5).fill(5) }, /^[^]{1,2000}$/],
    [{ ...request, input: "1" }, /"input"/],
  ];
  for (const [wrong, message] of table) await t.rejects(executor.run(wrong as never), { code: "AZR_INPUT_INVALID", message, hint: /./ });
  await t.rejects(executor.parse({ text: 1 } as never), { code: "AZR_INPUT_INVALID", message: /text/ });
  await t.rejects(executor.analyse(null as never), { code: "AZR_INPUT_INVALID" });
});

t.test("requests that are refused", async (t) => {
  const program = "def f(x): return x";
  const table: [name: string, program: string, input: string][] = [
    ["a program that is too long", `${program}\n${"#".repeat(70_000)}`, "1"],
    ["an input that is too long", program, `'${"a".repeat(70_000)}'`],
    ["a program that is not Unicode", `${program} # \ud800`, "1"],
    ["an input that is not Unicode", program, "'\ud800'"],
    ["an expression", program, "1 + 1"],
    ["a call", program, "print(1)"],
    ["the end of the call", program, "1) or (True"],
    ["no expression at all", program, "1 2"],
    ["an argument given twice", program, "x=1, x=2"],
  ];
  for (const [name, text, input] of table) {
    const { runs, deterministic } = await executor.run({ program: text, inputs: [input], determinism: "full" });
    t.match(runs, [{ outcome: "bad-request", message: /./, value: undefined }], name);
    t.equal(deterministic, null, name);
  }
  const some = await executor.run({ program, inputs: ["1", "\ud800", "3"] });
  t.same(some.runs.map(({ outcome, value }) => value ?? outcome), ["1", "bad-request", "3"], "answers stay with their inputs");
  t.match(await executor.run({ program, inputs: [] }), { runs: [], deterministic: null });
  for (const limits of [{ cpuMs: 0 }, { wallMs: 1.5 }, { memoryBytes: 1 }, { outputBytes: 2 ** 21 }, { sourceBytes: NaN }]) {
    await t.rejects(executor.run({ program, inputs: ["1"], limits }), { code: "AZR_INPUT_INVALID", message: new RegExp(Object.keys(limits)[0]!) });
  }
});
