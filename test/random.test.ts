import t from "tap";
import { createRandom, derive, philox, randomFromState } from "../src/random.ts";

t.test("Philox4x32-10 gives the published vectors", async (t) => {
  // Known answers that come with the reference implementation (Random123).
  const vectors = [
    { counter: [0, 0, 0, 0], key: [0, 0], want: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
    {
      counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff],
      want: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      want: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ] as const;
  for (const { counter, key, want } of vectors) t.same(philox(counter, key), want);
});

t.test("streams depend on seed and labels alone", async (t) => {
  const words = (random: { word(): number }) => Array.from({ length: 9 }, () => random.word());
  t.same(words(createRandom(7, "a")), words(createRandom(7, "a")));
  t.notSame(words(createRandom(7, "a")), words(createRandom(8, "a")));
  t.notSame(words(createRandom(7, "a")), words(createRandom(7, "b")));
  t.notSame(words(createRandom(7, "a", "b")), words(createRandom(7, "ab")), "labels do not run together");
  t.notSame(words(createRandom(7, 1)), words(createRandom(7, "1")), "a number is not its text");
  const fresh = createRandom(7);
  const used = createRandom(7);
  words(used);
  t.same(words(fresh.split("x", 3)), words(used.split("x", 3)), "a split does not depend on what was drawn");
  t.notSame(words(fresh.split("x")), words(fresh.split("y")));
  t.equal(derive(1, "engine", 5), derive(1, "engine", 5));
  t.not(derive(1, "engine", 5), derive(1, "engine", 6));
  t.ok(Number.isSafeInteger(derive(1, "engine", 5)));
});

t.test("state is plain data and continues anywhere", async (t) => {
  const random = createRandom(3, "state");
  for (let drawn = 0; drawn < 11; drawn++) {
    const copy = randomFromState(JSON.parse(JSON.stringify(random.getState())));
    const want = random.word();
    t.equal(copy.word(), want);
    copy.setState({ ...random.getState(), position: drawn });
    t.equal(copy.word(), want, "setState goes back");
  }
  const far = randomFromState({ key: [1, 2], position: 2 ** 40 + 1 });
  t.not(far.word(), randomFromState({ key: [1, 2], position: 1 }).word(), "positions beyond 32 bits count");
});

t.test("integers, floats and choices are uniform and in range", async (t) => {
  const random = createRandom(1, "uniform");
  const draws = 6000;
  const counts = [0, 0, 0, 0, 0, 0];
  for (let at = 0; at < draws; at++) counts[random.integer(6)]!++;
  const chiSquare = counts.reduce((sum, count) => sum + (count - draws / 6) ** 2 / (draws / 6), 0);
  t.ok(chiSquare < 20.5, `chi-square ${chiSquare} of 5 degrees of freedom, p > 0.001`);
  let sum = 0;
  for (let at = 0; at < draws; at++) {
    const float = random.float();
    if (!(float >= 0 && float < 1)) t.fail(`${float} is outside [0, 1)`);
    sum += float;
  }
  t.ok(Math.abs(sum / draws - 0.5) < 0.02, `mean ${sum / draws}`);
  t.equal(random.integer(1), 0);
  t.ok(random.integer(2 ** 32) < 2 ** 32);
  t.ok(["a", "b"].includes(random.choice(["a", "b"])));
  for (const limit of [0, -1, 1.5, NaN, 2 ** 32 + 1]) t.throws(() => random.integer(limit), { code: "AZR_INPUT_INVALID" });
  t.throws(() => random.choice([]), { code: "AZR_INPUT_INVALID" });
});

t.test("samples hold distinct elements, each as often as any other", async (t) => {
  const random = createRandom(2, "sample");
  const items = ["a", "b", "c", "d", "e"];
  const seen = new Map(items.map((item) => [item, 0]));
  for (let at = 0; at < 2000; at++) {
    const sample = random.sample(items, 2);
    if (new Set(sample).size !== 2) t.fail(`${sample} repeats an element`);
    for (const item of sample) seen.set(item, seen.get(item)! + 1);
  }
  for (const [item, count] of seen) t.ok(Math.abs(count - 800) < 100, `${item} came ${count} times`);
  t.same(random.sample(items, 9).sort(), items, "no more than there are");
  t.same(random.sample(items, 0), []);
  t.same(random.shuffle(items).sort(), items);
  t.same(items, ["a", "b", "c", "d", "e"], "the argument stays as it was");
  const orders = new Set(Array.from({ length: 400 }, () => random.shuffle([1, 2, 3]).join("")));
  t.equal(orders.size, 6, "every order comes");
});
