// Responses and what the formats read in them, as a table. `text` is prefill + completion. Used by format.test.ts.

import type { Blocks, FormatFailure, ResponseShape } from "../../../src/curriculum/format.ts";

export interface ResponseCase {
  name: string;
  format: "compact" | "paper";
  shape: keyof typeof shapes;
  text: string;
  want: Blocks | FormatFailure;
}

export const shapes = {
  proposal: { role: "propose", blocks: [{ name: "program" }, { name: "input" }] },
  inputs: { role: "propose", blocks: [{ name: "input", count: 3 }], message: true },
  output: { role: "solve", blocks: [{ name: "output" }] },
  input: { role: "solve", blocks: [{ name: "input" }] },
  program: { role: "solve", blocks: [{ name: "program" }] },
} as const satisfies Record<string, ResponseShape>;

type Row = [name: string, shape: keyof typeof shapes, text: string, want: Blocks | FormatFailure];
const table = (format: ResponseCase["format"], rows: Row[]): ResponseCase[] =>
  rows.map(([name, shape, text, want]) => ({ name, format, shape, text, want }));

const f = "def f(a):\n    return a";

const compact = table("compact", [
  ["an output", "output", "<|output|>[1, 2]<|end|>", { output: ["[1, 2]"] }],
  ["white space around an output", "output", "<|output|> 7 \n<|end|>", { output: ["7"] }],
  ["an empty output", "output", "<|output|><|end|>", { output: [""] }],
  ["no end", "output", "<|output|>[1, 2]", "wrapper"],
  ["end alone", "output", "<|end|>", "wrapper"],
  ["nothing", "output", "", "wrapper"],
  ["two ends", "output", "<|output|>1<|end|><|end|>", "wrapper"],
  ["text after the end", "output", "<|output|>1<|end|> ", "wrapper"],
  ["an end within", "output", "<|output|>1<|end|>2<|end|>", "wrapper"],
  ["another block after the answer", "output", "<|output|>1<|input|>2<|end|>", "wrapper"],
  ["two answers", "output", "<|output|>1<|output|>2<|end|>", "wrapper"],
  ["another block instead", "output", "<|input|>1<|end|>", "wrapper"],
  ["a role marker within", "output", "<|output|>1<|deduce|><|end|>", "wrapper"],
  ["an unknown marker within", "output", "<|output|>1<|no-such|><|end|>", "wrapper"],
  ["text before the first marker", "output", "x<|output|>1<|end|>", "wrapper"],
  ["half a marker is text", "output", "<|output|>'<|inp'<|end|>", { output: ["'<|inp'"] }],
  ["an input of several arguments", "input", "<|input|>[1], k=2<|end|>", { input: ["[1], k=2"] }],
  ["a program", "program", `<|program|>${f}<|end|>`, { program: [f] }],
  ["a program loses blank lines before and space after", "program", `<|program|>\n \n${f}\n\n<|end|>`, { program: [f] }],
  ["a program keeps its first line's indent", "program", "<|program|>  x = 1<|end|>", { program: ["  x = 1"] }],
  ["a proposal", "proposal", `<|program|>${f}<|input|>3<|end|>`, { program: [f], input: ["3"] }],
  ["a proposal without input", "proposal", `<|program|>${f}<|end|>`, "wrapper"],
  ["a proposal the wrong way round", "proposal", `<|input|>3<|program|>${f}<|end|>`, "wrapper"],
  ["a proposal with its own output", "proposal", `<|program|>${f}<|input|>3<|output|>3<|end|>`, "wrapper"],
  ["a proposal with two inputs", "proposal", `<|program|>${f}<|input|>3<|input|>4<|end|>`, "wrapper"],
  ["a proposal that runs into a second", "proposal", `<|program|>${f}<|input|>3<|new|><|program|>${f}<|input|>3<|end|>`, "wrapper"],
  ["three inputs", "inputs", "<|input|>1<|input|>2<|input|>3<|end|>", { input: ["1", "2", "3"] }],
  ["two inputs of three", "inputs", "<|input|>1<|input|>2<|end|>", "too-few-inputs"],
  ["four inputs of three", "inputs", "<|input|>1<|input|>2<|input|>3<|input|>4<|end|>", "wrapper"],
  ["a message is not part of the compact format", "inputs", "<|input|>1<|input|>2<|input|>3<|message|>m<|end|>", "wrapper"],
  ["an output among the inputs", "inputs", "<|input|>1<|output|>2<|input|>3<|end|>", "wrapper"],
  ["paper tags are text here", "output", "<|output|><answer>1</answer><|end|>", { output: ["<answer>1</answer>"] }],
]);

const fenced = (tag: string, text: string): string => "```" + tag + "\n" + text + "\n```";
const wrapped = (answer: string): string => `<think> thoughts </think>\n<answer>\n${answer}\n</answer>`;

const paper = table("paper", [
  ["a fenced output", "output", wrapped(fenced("output", "[1, 2]")), { output: ["[1, 2]"] }],
  ["words around the fence", "output", wrapped(`So:\n${fenced("output", "5")}\nThat is it.`), { output: ["5"] }],
  ["several outputs: the last", "output", wrapped(`${fenced("output", "1")}\n${fenced("output", "2")}`), { output: ["2"] }],
  ["a fence of several lines", "output", wrapped(fenced("output", "[1,\n 2]")), { output: ["[1,\n 2]"] }],
  ["a capital tag", "output", wrapped(fenced("Output", "5")), { output: ["5"] }],
  ["Windows line ends", "output", wrapped(fenced("output", "5")).replaceAll("\n", "\r\n"), { output: ["5"] }],
  ["another fence is passed over", "output", wrapped(`${fenced("output", "5")}\n${fenced("python", "x")}`), { output: ["5"] }],
  ["one fence without a tag", "output", wrapped(fenced("", "5")), { output: ["5"] }],
  ["one fence with another tag", "output", wrapped(fenced("text", "5")), { output: ["5"] }],
  ["two fences with other tags", "output", wrapped(`${fenced("a", "5")}\n${fenced("b", "6")}`), "malformed"],
  ["a longer fence holds a shorter", "output", wrapped("````output\n'a\n```\nb'\n````"), { output: ["'a\n```\nb'"] }],
  ["a fence that is never closed", "output", wrapped("```output\n5"), "malformed"],
  ["a fence closed on its own line only", "output", wrapped("```output\n5```\n6\n```"), { output: ["5```\n6"] }],
  ["a comment line", "output", wrapped("# Output: [1]"), { output: ["[1]"] }],
  ["two comment lines: the last", "output", wrapped("# Output: [1]\n# output: [2]"), { output: ["[2]"] }],
  ["a tag", "output", wrapped("<output>[1]</output>"), { output: ["[1]"] }],
  ["a phrase", "output", wrapped("I say the output is: [1, 2]."), { output: ["[1, 2]"] }],
  ["the bare answer", "output", wrapped("[1, 2]"), { output: ["[1, 2]"] }],
  ["an empty answer", "output", wrapped(""), { output: [""] }],
  ["a call as input", "input", wrapped("f([1], 2)"), { input: ["[1], 2"] }],
  ["a call in a fence is taken as written", "input", wrapped(fenced("input", "f(1)")), { input: ["f(1)"] }],
  ["a call is no output", "output", wrapped("f(1)"), { output: ["f(1)"] }],
  ["leading white space", "output", `\n ${wrapped("5")}`, { output: ["5"] }],
  ["text after the answer", "output", `${wrapped("5")} and more`, { output: ["5"] }],
  ["an empty thought", "output", "<think></think><answer>5</answer>", { output: ["5"] }],
  ["thoughts with fences", "output", `<think>${fenced("output", "1")}</think><answer>${"\n"}${fenced("output", "2")}\n</answer>`, { output: ["2"] }],
  ["an answer within the thoughts does not count", "output", "<think><answer>1</answer></think><answer>2</answer>", { output: ["2"] }],
  ["an answer within the thoughts alone", "output", "<think><answer>1</answer></think>", "wrapper"],
  ["several answers: the last", "output", "<think>x</think><answer>1</answer><answer>2</answer>", { output: ["2"] }],
  ["the last answer not closed", "output", "<think>x</think><answer>1</answer><answer>2", "malformed"],
  ["nothing", "output", "", "wrapper"],
  ["no thought", "output", "<answer>5</answer>", "wrapper"],
  ["a thought that does not end", "output", "<think>x<answer>5</answer>", "wrapper"],
  ["no answer", "output", "<think>x</think>5", "wrapper"],
  ["an answer not closed", "output", "<think>x</think><answer>5", "wrapper"],
  ["words before the thought", "output", `Well. ${wrapped("5")}`, "wrapper"],
  ["words between thought and answer", "output", "<think>x</think> so <answer>5</answer>", "wrapper"],
  ["a second thought", "output", "<think>x</think><think>y</think><answer>5</answer>", "wrapper"],
  ["a role name in the thoughts", "output", "<think>User: x\nAssistant: <think></think><answer>5</answer>", { output: ["5"] }],
  ["a role name in the answer", "output", wrapped(fenced("output", "'Assistant: <think>'")), { output: ["'Assistant: <think>'"] }],
  ["compact markers are text here", "output", wrapped(fenced("output", "'<|end|>'")), { output: ["'<|end|>'"] }],
  ["a program", "program", wrapped(fenced("python", f)), { program: [f] }],
  ["several programs: the last", "program", wrapped(`${fenced("python", "x = 1")}\n${fenced("python", f)}`), { program: [f] }],
  ["a program in a bare fence", "program", wrapped(fenced("", f)), { program: [f] }],
  ["a program without a fence", "program", wrapped(f), "malformed"],
  ["an input is not a program", "program", wrapped(fenced("input", "1")), "malformed"],
  ["a proposal", "proposal", wrapped(`${fenced("python", f)}\n${fenced("input", "3")}`), { program: [f], input: ["3"] }],
  ["a proposal: first blocks count", "proposal", wrapped([fenced("python", f), fenced("input", "3"), fenced("python", "x"), fenced("input", "4")].join("\n")), { program: [f], input: ["3"] }],
  ["a proposal, input first", "proposal", wrapped(`${fenced("input", "3")}\n${fenced("python", f)}`), { program: [f], input: ["3"] }],
  ["a proposal with an input comment", "proposal", wrapped(`${fenced("python", f)}\n# Input: 3`), { program: [f], input: ["3"] }],
  ["a proposal without input", "proposal", wrapped(fenced("python", f)), "malformed"],
  ["a proposal without program", "proposal", wrapped(fenced("input", "3")), "malformed"],
  ["a proposal outside the answer", "proposal", `<think>x</think><answer>none</answer>\n${fenced("python", f)}\n${fenced("input", "3")}`, "malformed"],
  ["three inputs", "inputs", wrapped(["1", "2", "3"].map((input) => fenced("input", input)).join("\n")), { input: ["1", "2", "3"] }],
  ["three inputs and a message", "inputs", wrapped([...["1", "2", "3"].map((input) => fenced("input", input)), fenced("message", "find it")].join("\n")), { input: ["1", "2", "3"], message: ["find it"] }],
  ["a message in a tag", "inputs", wrapped([...["1", "2", "3"].map((input) => fenced("input", input)), "<message>find it</message>"].join("\n")), { input: ["1", "2", "3"], message: ["find it"] }],
  ["four inputs of three: the last", "inputs", wrapped(["1", "2", "3", "4"].map((input) => fenced("input", input)).join("\n")), { input: ["2", "3", "4"] }],
  ["two inputs of three", "inputs", wrapped(["1", "2"].map((input) => fenced("input", input)).join("\n")), "too-few-inputs"],
  ["no inputs", "inputs", wrapped("none"), "malformed"],
]);

export const responses: ResponseCase[] = [...compact, ...paper];
