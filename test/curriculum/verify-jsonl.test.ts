// Lines of tasks with answers: verdicts in the order of the lines, bad lines named.
import t from "tap";
import { verifyJsonl, type VerifyAnswer } from "../../src/curriculum/verify-jsonl.ts";
import { scriptedExecutor } from "./support/scripted-executor.ts";
import { abduce, deduce, induce, programs } from "./support/scripted-programs.ts";

t.test("files of answers", async (t) => {
  const lines = [
    { id: 1, task: abduce("good"), answer: "3" },
    { id: "two", task: deduce("[1]"), answer: "[2]" },
    { id: 3, task: { ...deduce("[1]"), output: undefined }, answer: "[2]" },
    { id: 4, task: { ...deduce("[1]"), kind: "nothing" }, answer: "[2]" },
    { id: 5, task: deduce("[1]"), answer: "[1]", extra: true },
    { id: 6, task: deduce("[1]") },
    ...Array.from({ length: 30 }, (_, at) => ({ id: 100 + at, task: induce, answer: at % 2 === 0 ? "good" : "raises" })),
  ].map((line) => JSON.stringify(line));
  lines.splice(2, 0, "not JSON", "");
  const answers: VerifyAnswer[] = [];
  const badLines: number[] = [];
  const counts = await verifyJsonl({
    executor: scriptedExecutor(programs),
    source: lines.join("\n"),
    onAnswer: (answer) => void answers.push(answer),
    onBadLine: ({ line }) => void badLines.push(line),
  });
  t.same(counts, { answered: 32, badLines: 5 });
  t.same(badLines, [3, 5, 6, 7, 8]);
  t.same(answers.slice(0, 2).map(({ id, verdict }) => [id, verdict]), [[1, "correct"], ["two", "wrong"]]);
  t.same(answers.slice(2).map(({ id, verdict }) => [id, verdict]), Array.from({ length: 30 }, (_, at) => [100 + at, at % 2 === 0 ? "correct" : "wrong"]), "in order");
  const job = { onAnswer: () => {}, onBadLine: () => {}, executor: scriptedExecutor(programs) };
  await t.rejects(verifyJsonl({ ...job, source: JSON.stringify({ id: 1, task: abduce("disposed"), answer: "1" }) }), { code: "AZR_DISPOSED" });
});
