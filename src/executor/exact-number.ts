// Exact equality of Python's numbers across types: each gets a text key, its exact decimal expansion or its reduced fraction.
// compare-value.ts compares and sorts by these keys, so 1, 1.0, True, Fraction(1, 1) and Decimal('1.00') fall together.
import type { NumberValue } from "./value.ts";

/** Key of coefficient * 10 ** exponent: trailing zeros move into the exponent, so equal numbers give equal texts. */
function decimalKey(coefficient: bigint, exponent: bigint): string {
  if (coefficient === 0n) return "0";
  const digits = coefficient.toString();
  let length = digits.length;
  while (digits.charCodeAt(length - 1) === 48) length -= 1;
  return `${digits.slice(0, length)}e${exponent + BigInt(digits.length - length)}`;
}

const parts = new DataView(new ArrayBuffer(8));

/** Key of a double. Below one unit it is m / 2 ** k = m * 5 ** k / 10 ** k with m an integer of at most 53 bits. */
function doubleKey(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value)) return decimalKey(BigInt(value), 0n);
  parts.setFloat64(0, value);
  const bits = parts.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  let mantissa = (bits & 0xf_ffff_ffff_ffffn) | (biased === 0 ? 0n : 1n << 52n);
  let scale = 1075 - Math.max(biased, 1);
  while ((mantissa & 1n) === 0n) [mantissa, scale] = [mantissa >> 1n, scale - 1];
  const coefficient = mantissa * 5n ** BigInt(scale);
  return decimalKey(value < 0 ? -coefficient : coefficient, BigInt(-scale));
}

/** How often `base` divides `value`, and what is left; squares of the base first, so that long numbers stay cheap. */
function removeFactor(value: bigint, base: bigint): { rest: bigint; count: bigint } {
  const powers = [base];
  while (value % powers[powers.length - 1]! === 0n) powers.push(powers[powers.length - 1]! ** 2n);
  let rest = value;
  let count = 0n;
  for (let index = powers.length - 1; index >= 0; index -= 1) {
    if (rest % powers[index]! === 0n) {
      rest /= powers[index]!;
      count += 1n << BigInt(index);
    }
  }
  return { rest, count };
}

/** Key of a reduced fraction: a decimal expansion when it ends (denominator of twos and fives), else the fraction itself. */
function fractionKey(numerator: bigint, denominator: bigint): string {
  const twos = removeFactor(denominator, 2n);
  const fives = removeFactor(twos.rest, 5n);
  if (fives.rest !== 1n) return `${numerator}/${denominator}`;
  const places = twos.count > fives.count ? twos.count : fives.count;
  return decimalKey(numerator * 2n ** (places - twos.count) * 5n ** (places - fives.count), -places);
}

/** A text that two numbers share exactly when Python's `==` holds between them, all NaN taken as one. */
export function numberKey(number: NumberValue): string {
  switch (number.kind) {
    case "bool":
      return number.value ? "1e0" : "0";
    case "int":
      return decimalKey(number.value, 0n);
    case "float":
      return doubleKey(number.value);
    case "complex":
      if (number.imaginary === 0) return doubleKey(number.real);
      return `${doubleKey(number.real)}+${doubleKey(number.imaginary)}j`;
    case "fraction":
      return fractionKey(number.numerator, number.denominator);
    case "decimal":
      return decimalKey(number.coefficient, number.exponent);
    case "decimal-special":
      return number.value;
  }
}
