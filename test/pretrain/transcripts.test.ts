// Transcripts for a warm-up in the paper's wrapper that self-play would read and reward, the same for the same seed.
import t from "tap";
import { formatNamed } from "../../src/curriculum/format.ts";
import { openExecutor } from "../../src/executor/open.ts";

// Plain JavaScript over dist/, as all of scripts/pretrain.
const { makeTranscripts } = (await import(new URL("../../scripts/pretrain/make-transcripts.mjs", import.meta.url).href)) as {
  makeTranscripts(options: { executor: unknown; seed: number; programs: number }): Promise<{ lines: { prompt: string; response: string }[]; counts: Record<string, number> }>;
};

t.test("every sort is there, can be read, and repeats", async (t) => {
  await using executor = await openExecutor({ workers: 1 });
  const { lines, counts } = await makeTranscripts({ executor, seed: 3, programs: 24 });
  t.same(Object.keys(counts).sort(), ["propose-abduction", "propose-deduction", "propose-induction", "solve-abduction", "solve-deduction", "solve-induction"]);
  t.equal(lines.length, Object.values(counts).reduce((sum, count) => sum + count, 0));
  const format = formatNamed("paper");
  for (const { prompt, response } of lines) {
    t.match(prompt, /^User and Assistant|<think>\s*$/);
    t.ok(/^<?[^<]*<\/think>\n<answer>\n```/.test(response) && response.endsWith("</answer>"), "thinks, then answers");
    t.ok(["program", "input", "output"].some((name) => format.parse(`<think>${response}`, { role: "solve", blocks: [{ name: name as "program" }] }).ok));
  }
  t.same((await makeTranscripts({ executor, seed: 3, programs: 24 })).lines, lines);
});
