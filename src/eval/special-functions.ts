// Distribution functions that the paired tests need: log-gamma, the regularised incomplete beta function, Student's t, the binomial.
// Used by statistics.ts only. Accuracy is better than 1e-10 relative over the arguments that tests of paired differences produce.

/** ln Gamma(x) for x > 0: Stirling's series after shifting the argument above 10 with the recurrence Gamma(x + 1) = x Gamma(x). */
export function logGamma(x: number): number {
  let shift = 0;
  let argument = x;
  while (argument < 10) {
    shift += Math.log(argument);
    argument += 1;
  }
  const inverse = 1 / argument;
  const square = inverse * inverse;
  // Bernoulli terms B_2k / (2k (2k - 1) x^(2k - 1)).
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))));
  return (argument - 0.5) * Math.log(argument) - argument + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/**
 * Regularised incomplete beta function I_x(a, b), by its continued fraction 1 / (1 + d1 / (1 + d2 / ...)) (NIST DLMF 8.17.22), which
 * settles after some multiple of sqrt(max(a, b)) terms and is evaluated from the last of them backwards.
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast only below the mean; above it the symmetry I_x(a, b) = 1 - I_(1-x)(b, a) helps.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  let fraction = 1;
  for (let n = 200 + 8 * Math.ceil(Math.sqrt(Math.max(a, b))); n >= 1; n -= 1) {
    const m = Math.floor(n / 2);
    const coefficient =
      n % 2 === 0
        ? (m * (b - m) * x) / ((a + n - 1) * (a + n))
        : (-(a + m) * (a + b + m) * x) / ((a + n - 1) * (a + n));
    fraction = 1 + coefficient / fraction;
  }
  return front / fraction;
}

/** Two-sided p-value of Student's t: P(|T| >= |t|) with the given degrees of freedom. */
export function studentTwoSided(t: number, degrees: number): number {
  if (Number.isNaN(t)) return Number.NaN;
  if (!Number.isFinite(t)) return 0;
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/** The t for which P(|T| <= t) = level, e.g. 1.96 for 0.95 and many degrees of freedom; by bisection. */
export function studentQuantile(level: number, degrees: number): number {
  let low = 0;
  let high = 1;
  while (studentTwoSided(high, degrees) > 1 - level) high *= 2;
  for (let round = 0; round < 200 && high - low > 1e-13 * high; round += 1) {
    const middle = (low + high) / 2;
    if (studentTwoSided(middle, degrees) > 1 - level) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(X <= k) for X ~ Binomial(n, 1/2). */
export function fairBinomialCumulative(k: number, n: number): number {
  let sum = 0;
  // Terms follow one from another, exactly while 2^-n is a normal number; beyond that their logarithms do.
  let term = 2 ** -n;
  for (let i = 0; i <= Math.min(k, n); i += 1) {
    sum += n <= 1000 ? term : Math.exp(logGamma(n + 1) - logGamma(i + 1) - logGamma(n - i + 1) - n * Math.LN2);
    term *= (n - i) / (i + 1);
  }
  return Math.min(1, sum);
}
