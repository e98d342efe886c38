// Texts that equal values share: what is canonical and whole stays as it is written, and every spelling of a value falls together.
import t from "tap";
import { argumentsKey } from "../../src/executor/value.ts";

const same: [key: string, ...texts: string[]][] = [
  ["5", "(5,)", "(5.0,)", "(Fraction(5, 1),)", "(Decimal('5.00'),)", "((5+0j),)"],
  ["1, 0", "(1, 0)", "(True, False)", "(1.0, -0.0)"],
  ["[3, 100, -20]", "([3, 100, -20],)", "([3.0, 100, -20],)"],
  ["25e-1", "(2.5,)", "(Fraction(5, 2),)", "(Decimal('2.50'),)"],
  ["{1, 2}", "({1, 2},)", "({2, 1},)", "(frozenset({1, 2}),)"],
  ['{str"a": 1, str"b": 2}', "({'a': 1, 'b': 2},)", "({'b': 2, 'a': True},)"],
  ["tuple(1)", "((1,),)"],
  ["", "()"],
];

t.test("equal values have one key", async (t) => {
  for (const [key, ...texts] of same) for (const text of texts) t.equal(argumentsKey(text), key, text);
});

t.test("different values have different keys", async (t) => {
  const texts = ["(1,)", "(10,)", "('1',)", "(b'1',)", "([1],)", "((1,),)", "({1},)", "({1: 1},)", "(None,)", "(1, 1)", "(1.5,)", "(nan,)", "('',)", "('a, b',)", "('a', 'b')", "(deque([1]),)"];
  t.equal(new Set(texts.map(argumentsKey)).size, texts.length);
});
