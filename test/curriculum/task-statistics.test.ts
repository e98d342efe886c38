// What answers say of a task, as tables: counts, halved with each further step, and the learnability that follows. And the pieces below the buffers: keys that are
// forgotten in the end, and draws by weights.
import t from "tap";
import { createKeyMemory } from "../../src/curriculum/key-memory.ts";
import type { AnswerOutcome } from "../../src/curriculum/reward.ts";
import { countAnswers, learnability, neverAnswered, recentSolveRate, withAnswers } from "../../src/curriculum/task-statistics.ts";
import { weightedSample, weightTable } from "../../src/curriculum/weighted-draw.ts";
import { createRandom } from "../../src/random.ts";

t.test("which answers count", async (t) => {
  const table: [outcomes: AnswerOutcome[], attempts: number, right: number][] = [
    [[], 0, 0],
    [["correct", "correct", "wrong"], 3, 2],
    [["wrapper", "malformed"], 2, 0],
    [["undecided", "correct"], 1, 1],
    [["contradicted", "contradicted"], 0, 0],
  ];
  for (const [outcomes, attempts, right] of table) t.same(countAnswers(outcomes), { attempts, right }, outcomes.join(", "));
});

t.test("learnability", async (t) => {
  // The mean of s(1 - s) over all s, each weighted by the chance of those answers: (right + 1)(wrong + 1) / ((attempts + 2)(attempts + 3)).
  const table: [steps: [attempts: number, right: number][], learnability: number, rate: number | null][] = [
    [[], 1 / 6, null],
    [[[1, 0]], 2 / 12, 0],
    [[[1, 1]], 2 / 12, 1],
    [[[2, 1]], 4 / 20, 0.5],
    [[[8, 0]], 9 / 110, 0],
    [[[8, 1]], 16 / 110, 1 / 8],
    [[[8, 4]], 25 / 110, 0.5],
    [[[8, 7]], 16 / 110, 7 / 8],
    [[[8, 8]], 9 / 110, 1],
    [[[100, 50]], (51 * 51) / (102 * 103), 0.5],
    // The first step's eight count as four: 8 of 12 are right.
    [[[8, 0], [8, 8]], (9 * 5) / (14 * 15), 8 / 12],
    [[[8, 8], [8, 8], [8, 8]], 15 / (16 * 17), 1],
    // A step in which nothing could be decided changes nothing.
    [[[8, 4], [0, 0]], 25 / 110, 0.5],
  ];
  for (const [steps, value, rate] of table) {
    const after = steps.reduce((before, [attempts, right], at) => withAnswers(before, { attempts, right }, at + 1), neverAnswered);
    const name = steps.map(([attempts, right]) => `${right} of ${attempts}`).join(", then ") || "never answered";
    t.ok(Math.abs(learnability(after) - value) < 1e-12, `${name}: ${learnability(after)}`);
    t.equal(recentSolveRate(after), rate, name);
    t.equal(after.attempts, steps.reduce((sum, [attempts]) => sum + attempts, 0));
    t.equal(after.answered, steps.filter(([attempts]) => attempts > 0).length || null);
  }
  // By the definition: an integral over s.
  const [attempts, right] = [8, 3];
  let [above, below] = [0, 0];
  for (let s = 0.0005; s < 1; s += 0.001) {
    const chance = s ** right * (1 - s) ** (attempts - right);
    above += s * (1 - s) * chance;
    below += chance;
  }
  t.ok(Math.abs(learnability(withAnswers(neverAnswered, { attempts, right }, 1)) - above / below) < 1e-6);
});

t.test("keys are remembered in bounded space", async (t) => {
  const keys = createKeyMemory(1000, () => ["first", "second"]);
  keys.add("first");
  let most = 0;
  for (let n = 0; n < 20_000; n++) {
    keys.add(n % 2 === 0 ? `key ${n}` : n.toString(16).padStart(16, "0"));
    most = Math.max(most, keys.size);
    if (n % 997 === 0) for (let back = 0; back < 1000 && back <= n; back++) if (!keys.has((n - back) % 2 === 0 ? `key ${n - back}` : (n - back).toString(16).padStart(16, "0"))) t.fail(`key ${n - back} of ${n}`);
  }
  t.ok(most < 2000, `${most} keys at most`);
  t.ok(keys.has("first"), "what is in the buffer is never forgotten");
  t.notOk(keys.has("key 100"), "others are in the end");
  t.notOk(keys.has("key 20002") || keys.has("0000000000000000") || keys.has("ffffffffffffffff"));
  const zero = createKeyMemory(10);
  t.notOk(zero.has("0".repeat(16)));
  zero.add("0".repeat(16));
  t.ok(zero.has("0".repeat(16)), "zeros are a key too");
  const before = keys.now();
  keys.add("later");
  for (let n = 0; n < 3000; n++) keys.add(`more ${n}`);
  t.ok(before("key 19998") && before("later") && !keys.has("key 19998"), "a view forgets nothing");
});

t.test("draws by weights", async (t) => {
  const weights = [1, 2, 3, 4, 90];
  const shares = (draw: (random: ReturnType<typeof createRandom>) => number[]) => {
    const random = createRandom(7);
    const counts = new Map<string, number>();
    for (let at = 0; at < 20_000; at++) {
      const key = draw(random).join();
      counts.set(key, (counts.get(key) ?? 0) + 1 / 20_000);
    }
    return counts;
  };
  const table = weightTable(5, (index) => weights[index]!);
  for (const draw of [(random: ReturnType<typeof createRandom>) => table.draw(2, random), (random: ReturnType<typeof createRandom>) => weightedSample(5, (index) => weights[index]!, 2, random)]) {
    const counts = shares(draw);
    for (let first = 0; first < 5; first++) {
      for (let second = 0; second < 5; second++) {
        const expected = first === second ? 0 : (weights[first]! / 100) * (weights[second]! / (100 - weights[first]!));
        const actual = counts.get(`${first},${second}`) ?? 0;
        if (Math.abs(actual - expected) > 4 * Math.sqrt((expected * (1 - expected)) / 20_000) + 1e-9) t.fail(`${first},${second}: ${actual} instead of ${expected}`);
      }
    }
  }
  let looked = 0;
  const large = weightTable(10_000, () => ++looked && 1);
  for (let at = 0; at < 100; at++) large.draw(6, createRandom(at));
  t.equal(looked, 10_000, "each weight is asked for once, however often is drawn");
  t.same(weightTable(3, () => 1).draw(9, createRandom(1)).sort(), [0, 1, 2]);
  const skewed = weightTable(1000, (index) => (index < 2 ? 1e9 : 1));
  t.equal(new Set(skewed.draw(40, createRandom(1))).size, 40, "weights far apart");
});
