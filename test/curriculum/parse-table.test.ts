// A table of responses (support/kind-responses.ts), and hostile ones of a megabyte: what is read out of each, why not, and in which time.
import t from "tap";
import { formatNamed } from "../../src/curriculum/format.ts";
import { fence, fencedBlocks } from "../../src/curriculum/formats/fences.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import type { Task } from "../../src/curriculum/task.ts";
import { kindResponses, source, type KindResponse } from "./support/kind-responses.ts";

const settings = curriculumSettings({ induction: { inputs: 2, shown: 1 } });
const task: Task = { id: "t", kind: "deduction", program: source, input: "1", output: "2", origin: { step: 0, parents: [] } };

function parse({ kind: name, role, format, text }: Pick<KindResponse, "kind" | "role" | "format" | "text">) {
  const kind = kindNamed(name);
  return role === "solve" ? kind.parseAnswer(text, formatNamed(format)) : kind.parseProposal(text, { references: [], source: task }, formatNamed(format), settings);
}

t.test("the table", async (t) => {
  t.ok(kindResponses.length >= 150, `${kindResponses.length} responses`);
  const names = new Set(kindResponses.map(({ format, kind, role, name }) => `${format} ${role} ${kind}: ${name}`));
  t.equal(names.size, kindResponses.length, "no row twice");
  for (const row of kindResponses) {
    const parsed = parse(row);
    const got = parsed.ok ? ("answer" in parsed ? parsed.answer : parsed.draft) : { reason: parsed.reason };
    t.same(got, row.want, `${row.format} ${row.role} ${row.kind}: ${row.name}`);
    if (!parsed.ok) t.ok(parsed.detail.length > 0 && parsed.detail.length < 200, "says why, in a line");
  }
});

const megabyte = (part: string): string => part.repeat(Math.ceil(1_000_000 / part.length));
const parts = [
  "<output>", "</output>", "<input>x", "<think>", "</think>", "<answer>", "</answer>", "```", "```\n", "```input\n", "`", "`a", "````python\n", "\n", "\r\n", " ", "\t", "#", "# Output: ", "output: 1\n",
  "the output is ", "the output is\n", "The input is: \t", "<|", "<|output|>", "<|a", "<|end|>", "f(", ")", ".", ". ", "a", "\u2028", "é🙂", "\0", "message", "<message>",
];
/** One part over and over, bare or where the reader looks closest. */
const places: [format: "compact" | "paper", around: (text: string) => string][] = [
  ["paper", (text) => `<think>${text}`],
  ["paper", (text) => `<think></think>${text}<answer>1</answer>`],
  ["paper", (text) => `<think></think><answer>${text}</answer>`],
  ["paper", (text) => `<think></think><answer>\n\`\`\`output\n${text}\n\`\`\`\n</answer>`],
  ["compact", (text) => text],
  ["compact", (text) => `<|output|>${text}<|end|>`],
];

/** Seconds of processor time; the least of up to three, since the collection of what was left before counts too. */
function timed(response: Parameters<typeof parse>[0]) {
  let seconds = Infinity;
  for (let attempt = 0; ; attempt++) {
    const before = process.cpuUsage();
    const parsed = parse(response);
    const { user, system } = process.cpuUsage(before);
    seconds = Math.min(seconds, (user + system) / 1e6);
    if (seconds <= 0.2 || attempt === 2) return { parsed, seconds };
  }
}

const allReaders: [kind: string, role: "propose" | "solve"][] = [["deduction", "solve"], ["deduction", "propose"], ["induction", "propose"]];

t.test("a hostile megabyte is read in linear time", async (t) => {
  const slow: string[] = [];
  let slowest = 0;
  for (const part of parts) {
    const repeated = megabyte(part);
    for (const [at, [format, around]] of places.entries()) {
      const text = around(repeated);
      const readers = at === 2 ? allReaders : allReaders.slice(0, 1);
      for (const [kind, role] of readers) {
        const { parsed, seconds } = timed({ kind, role, format, text });
        slowest = Math.max(slowest, seconds);
        if (seconds > 0.2) slow.push(`${format} ${role} ${kind}, ${JSON.stringify(part)} in place ${at}: ${seconds.toFixed(2)} s`);
        if (!parsed.ok && parsed.detail.length >= 200) slow.push(`a detail of ${parsed.detail.length} characters`);
      }
    }
  }
  t.same(slow, [], `slowest ${slowest.toFixed(3)} s of processor time`);
});

t.test("blocks of many backticks can be written", async (t) => {
  const text = megabyte("`a");
  t.same(fencedBlocks(fence("input", text)).blocks, [{ tag: "input", text }]);
});
