// Paired tests against hand-computed values and textbook tables.
import root from "tap";
import { fairBinomialCumulative, incompleteBeta, logGamma, studentQuantile, studentTwoSided } from "../../src/eval/special-functions.ts";
import { bootstrapInterval, comparePaired, mcNemar, mean } from "../../src/eval/statistics.ts";

const near = (t: { ok(value: boolean, name: string): unknown }, got: number, want: number, tolerance: number, name: string): unknown =>
  t.ok(Math.abs(got - want) <= tolerance, `${name}: ${got} should be ${want}`);

root.test("distribution functions agree with printed tables", async (t) => {
  near(t, logGamma(5), Math.log(24), 1e-12, "ln 4!");
  near(t, logGamma(0.5), Math.log(Math.sqrt(Math.PI)), 1e-12, "ln sqrt(pi)");
  // I_x(2, 3) = 6x^2 - 8x^3 + 3x^4.
  near(t, incompleteBeta(0.3, 2, 3), 6 * 0.09 - 8 * 0.027 + 3 * 0.0081, 1e-12, "I_0.3(2,3)");
  near(t, incompleteBeta(0.9, 2, 3), 6 * 0.81 - 8 * 0.729 + 3 * 0.6561, 1e-12, "I_0.9(2,3)");
  // Two-sided 5 % and 1 % points of Student's t as printed in statistics books; the last row is nearly normal.
  const table = [
    [1, 12.706, 63.657],
    [2, 4.303, 9.925],
    [5, 2.571, 4.032],
    [10, 2.228, 3.169],
    [30, 2.042, 2.75],
    [120, 1.98, 2.617],
    [1_000_000, 1.96, 2.576],
  ] as const;
  for (const [degrees, five, one] of table) {
    near(t, studentQuantile(0.95, degrees), five, 6e-4, `t 95 % with ${degrees}`);
    near(t, studentQuantile(0.99, degrees), one, 6e-4, `t 99 % with ${degrees}`);
    near(t, studentTwoSided(studentQuantile(0.95, degrees), degrees), 0.05, 1e-9, `and back with ${degrees}`);
  }
  // One degree of freedom is Cauchy: P(|T| >= 1) = 1/2. Two have p = 1 - t / sqrt(t^2 + 2).
  near(t, studentTwoSided(1, 1), 0.5, 1e-12, "Cauchy");
  near(t, studentTwoSided(-3, 2), 1 - 3 / Math.sqrt(11), 1e-12, "two degrees");
  t.equal(fairBinomialCumulative(3, 10), 176 / 1024, "P(X <= 3), ten tosses, exactly");
  near(t, fairBinomialCumulative(1000, 2001), 0.5, 1e-9, "half of an odd number, by logarithms");
  t.equal(studentTwoSided(Number.POSITIVE_INFINITY, 4), 0);
});

root.test("Student's sleep data: the paired example of the 1908 paper", async (t) => {
  const first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
  const second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
  const result = comparePaired(first, second);
  t.equal(result.n, 10);
  near(t, result.difference, 1.58, 1e-12, "difference");
  near(t, result.difference / result.standardError, 4.0621, 5e-5, "t");
  near(t, result.p, 0.002833, 5e-7, "p");
  near(t, result.low95, 0.7001142, 5e-7, "low");
  near(t, result.high95, 2.4598858, 5e-7, "high");
  near(t, result.before, 0.75, 1e-12, "mean before");
  near(t, result.after, 2.33, 1e-12, "mean after");
});

root.test("hand-computed task means", async (t) => {
  // Differences 0.5, 0, 0.25, -0.25: mean 0.125, squares 0.140625 + 0.015625 + 0.015625 + 0.140625 = 0.3125, variance 0.3125 / 3,
  // standard error sqrt(0.3125 / 12) = 0.161374, t(3) at 95 % = 3.182446.
  const result = comparePaired([0, 0.5, 0.25, 0.75], [0.5, 0.5, 0.5, 0.5]);
  near(t, result.difference, 0.125, 1e-12, "difference");
  near(t, result.standardError, 0.1613743, 1e-7, "standard error");
  near(t, result.high95 - 0.125, 3.182446 * 0.1613743, 1e-6, "half width");
  near(t, 0.125 - result.low95, 3.182446 * 0.1613743, 1e-6, "symmetric");
});

root.test("degenerate comparisons say nothing rather than something wrong", async (t) => {
  t.match(comparePaired([], []), { n: 0, difference: 0, low95: -1, high95: 1, p: 1 });
  t.match(comparePaired([0], [1]), { n: 1, difference: 1, low95: -1, high95: 1, p: 1 });
  t.match(comparePaired([0.5, 0.25], [0.5, 0.25]), { difference: 0, low95: 0, high95: 0, p: 1 });
  t.match(comparePaired([0, 0, 0], [1, 1, 1]), { difference: 1, low95: 1, high95: 1, p: 0 });
  t.throws(() => comparePaired([0], []), { code: "AZR_INPUT_INVALID" });
  t.throws(() => mcNemar([true], []), { code: "AZR_INPUT_INVALID" });
  t.equal(mean([]), 0);
});

root.test("four samples of one task are one observation, not four", async (t) => {
  // The same outcomes counted per sample would give half the standard error; the means of tasks must not.
  const before = Array.from({ length: 40 }, (_, i) => (i % 4) / 4);
  const after = before.map((value, i) => (i % 2 === 0 ? value + 0.25 : value));
  const byTask = comparePaired(before, after);
  const bySample = comparePaired(before.flatMap((v) => [v, v, v, v]), after.flatMap((v) => [v, v, v, v]));
  near(t, bySample.difference, byTask.difference, 1e-12, "same difference");
  t.ok(byTask.standardError > 1.9 * bySample.standardError, "twice the standard error");
});

root.test("McNemar's exact test", async (t) => {
  const cases = [
    // gained, lost, unchanged, p = 2 P(X <= min) with X ~ Binomial(gained + lost, 1/2)
    { gained: 0, lost: 0, same: 5, p: 1 },
    { gained: 5, lost: 0, same: 5, p: 2 / 32 },
    { gained: 7, lost: 3, same: 0, p: (2 * 176) / 1024 },
    { gained: 3, lost: 7, same: 2, p: (2 * 176) / 1024 },
    { gained: 4, lost: 4, same: 1, p: 1 },
  ];
  for (const { gained, lost, same, p } of cases) {
    const before = [...Array(gained).fill(false), ...Array(lost).fill(true), ...Array(same).fill(true)];
    const after = [...Array(gained).fill(true), ...Array(lost).fill(false), ...Array(same).fill(true)];
    const result = mcNemar(before, after);
    t.match(result, { gained, lost });
    near(t, result.p, p, 1e-12, `${gained} gained, ${lost} lost`);
  }
});

root.test("the bootstrap interval agrees with the t interval and repeats with its seed", async (t) => {
  const source = (seed: number) => () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const next = source(7);
  const differences = Array.from({ length: 300 }, () => next() + next() - 0.9);
  const exact = comparePaired(differences.map(() => 0), differences);
  const interval = bootstrapInterval(differences, source(1));
  near(t, interval.low, exact.low95, 0.01, "low");
  near(t, interval.high, exact.high95, 0.01, "high");
  t.same(bootstrapInterval(differences, source(1)), interval);
  t.notSame(bootstrapInterval(differences, source(2)), interval);
});
