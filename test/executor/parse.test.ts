// The real executor reads literals of Python and evaluates nothing.
import t from "tap";
import { openExecutorFor } from "./support/open.ts";

const executor = await openExecutorFor(t);

t.test("literals are parsed, nothing is evaluated", async (t) => {
  const accepted: [text: string, value: string, asArguments?: boolean][] = [
    ["[1,2 ,3]", "[1, 2, 3]"], [" 0x10 ", "16"], ["1_000", "1000"], ["'a' 'b'", "'ab'"], ['"a"', "'a'"], ["{2,1}", "{1, 2}"], ["+5", "5"], ["1+2j", "(1+2j)"],
    ["(1)", "1"], ["{1: 2, 1: 3}", "{1: 3}"], ["[\n1,\n2\n]", "[1, 2]"], ["r'\\d'", "'\\\\d'"], ["1, 'a'", "(1, 'a')", true], ["", "()", true], ["[1]", "([1],)", true],
  ];
  for (const [text, value, asArguments] of accepted) {
    t.same(await executor.parse({ text, arguments: asArguments }), { ok: true, value }, `${JSON.stringify(text)} is ${value}`);
  }
  const refused: [text: string, asArguments?: boolean][] = [
    ["1 + 1"], ["__import__('os')"], ["os.system('true')"], ["lambda: 0"], ["[x for x in [1]]"], ["open('/etc/passwd')"], ["x"], ["f'{1}'"], ["1 if 1 else 2"], ["..."],
    ["{[]: 1}"], ["{[]}"], ["[*[1]]"], ["("], ["1; 2"], [""], ["1 2"], ["x = 1"], ["'a'.upper()"], ["[1][0]"], ["-'a'"], ["not 1"], ["1 == 1"], ["print(1)"], ["\0"], ["\ud800"],
    ["[".repeat(150) + "]".repeat(150)], ["(".repeat(100_000)], ["1) or (True", true], ["1), f(2", true], ["*[1]", true], ["**{}", true], ["1)(2", true], ["x := 1", true],
  ];
  for (const [text, asArguments] of refused) {
    const result = await executor.parse({ text, arguments: asArguments });
    t.equal(result.ok, false, `${JSON.stringify(text.slice(0, 40))} is refused`);
    if (!result.ok) t.ok(result.message.length > 0);
  }
});
