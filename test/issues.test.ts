// What is wrong with a value, in plain words: what is missing, of another type, too large, of no form that is known.
import t from "tap";
import { z } from "zod";
import { issueText } from "../src/issues.ts";
import { describeIssues } from "../src/jsonl.ts";

const wrong = (schema: z.ZodType, value: unknown) => schema.safeParse(value).error!;

t.test("faults of a value in plain words", async (t) => {
  const cases: [schema: z.ZodType, value: unknown, text: string][] = [
    [z.string(), undefined, "is missing"],
    [z.string(), 2, "expected a text"],
    [z.int(), 1.5, "expected a whole number"],
    [z.record(z.string(), z.number()), 3, "expected an object"],
    [z.union([z.string(), z.number()]), undefined, "is missing"],
    [z.union([z.string(), z.number()]), null, "expected a text or a number"],
    [z.union([z.strictObject({ a: z.number() }), z.array(z.number())]), { b: 1 }, "is of none of the forms that are understood"],
    [z.number().min(3), 1, "expected at least 3"],
    [z.number().lt(1), 1, "expected less than 1"],
    [z.string().min(2), "", "expected at least 2 characters"],
    [z.array(z.number()).min(1), [], "is empty"],
    [z.array(z.number()).max(1), [1, 2], "expected at most 1 entry"],
    [z.literal(3), 4, "expected 3"],
    [z.enum(["x", "y", "z"]), "w", 'expected "x", "y", "z"'],
    [z.discriminatedUnion("k", [z.object({ k: z.literal("p") }), z.object({ k: z.literal("q") })]), { k: "r" }, 'expected "p" or "q"'],
    [z.number("its own words"), "w", "its own words"],
    [z.string().regex(/a/, "has no a"), "b", "has no a"],
  ];
  for (const [schema, value, text] of cases) t.equal(issueText(wrong(schema, value).issues[0]!), text, JSON.stringify(value));
});

t.test("several of a line, with their places", async (t) => {
  const schema = z.strictObject({ id: z.union([z.string(), z.number()]), tokens: z.array(z.int().max(9)).min(1), name: z.string() });
  t.equal(describeIssues(wrong(schema, { tokens: [], nam: 1 })), 'id is missing; tokens is empty; name is missing; and 1 more');
  t.equal(describeIssues(wrong(schema, { id: 1, tokens: [12], name: "n" })), "tokens[0]: expected at most 9");
});
