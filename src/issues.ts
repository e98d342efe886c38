// What zod finds wrong with a value, in the words of this package. Used where lines of JSON are read (jsonl.ts) and settings are checked (config/check.ts).

import type { z } from "zod";

type Issue = z.core.$ZodIssue;

const kinds: Record<string, string> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "an object",
  record: "an object",
  null: "null",
};

const absent = (issue: Issue): boolean => issue.code === "invalid_type" && issue.message.endsWith("received undefined");

const oneOf = (values: readonly unknown[]): string => `expected ${values.map((value) => JSON.stringify(value)).join(values.length > 2 ? ", " : " or ")}`;

/** What a value of a wrong type, or outside of its bounds, should be; "is missing" for one that is not there. Words that a schema brings itself stay as they are. */
export function issueText(issue: Issue): string {
  if (!/^(Invalid input|Invalid option|Invalid discriminator value|Too small|Too big)([:.]|$)/.test(issue.message)) return issue.message;
  if (absent(issue)) return "is missing";
  if (issue.code === "invalid_type") return `expected ${kinds[issue.expected] ?? issue.expected}`;
  if (issue.code === "invalid_union") {
    if ("options" in issue && Array.isArray(issue.options)) return oneOf(issue.options);
    const first = issue.errors.flatMap((branch) => branch.slice(0, 1));
    if (first.length > 0 && first.every(absent)) return "is missing";
    const wanted = first.filter(({ path, code }) => path.length === 0 && code === "invalid_type").map(({ expected }: any) => kinds[expected as string] ?? String(expected));
    return wanted.length === first.length && wanted.length > 0 ? `expected ${[...new Set(wanted)].join(" or ")}` : "is of none of the forms that are understood";
  }
  if (issue.code === "invalid_value") return oneOf(issue.values);
  if (issue.code !== "too_small" && issue.code !== "too_big") return issue.message;
  const { inclusive = true, origin } = issue;
  const bound = issue.code === "too_small" ? issue.minimum : issue.maximum;
  const unit = { string: bound === 1 ? " character" : " characters", array: bound === 1 ? " entry" : " entries" }[origin as string] ?? "";
  if (issue.code === "too_small") return unit === " entry" && inclusive ? "is empty" : `expected ${inclusive ? "at least" : "more than"} ${bound}${unit}`;
  return `expected ${inclusive ? "at most" : "less than"} ${bound}${unit}`;
}
