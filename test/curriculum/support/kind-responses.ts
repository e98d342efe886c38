// Responses as models write them, good and bad, and what each kind reads out of them, as a table: parse-table.test.ts walks it. `want` is the answer
// or the draft, or the reason why there is none. Induction is asked for two inputs here.
import type { RejectionReason } from "../../../src/curriculum/kinds/kind.ts";

type Draft = { program: string; inputs: string[]; message?: string };

export interface KindResponse {
  name: string;
  format: "compact" | "paper";
  kind: string;
  role: "propose" | "solve";
  text: string;
  want: string | Draft | { reason: RejectionReason };
}

export const source = "def f(a):\n    return a + 1";
const f = "def f(a):\n    return a * 2";
const long = "9".repeat(100_000);
const because = (reason: RejectionReason) => ({ reason });
const [wrapper, malformed, few] = [because("wrapper"), because("malformed"), because("too-few-inputs")];
const fenced = (tag: string, text: string, ticks = "```"): string => `${ticks}${tag}\n${text}\n${ticks}`;
const answer = (text: string): string => `<think> let me see </think>\n<answer>\n${text}\n</answer>`;
const pair = (program = f, input = "3"): string => `${fenced("python", program)}\n${fenced("input", input)}`;
const draft = (program = f, ...inputs: string[]): Draft => ({ program, inputs: inputs.length === 0 ? ["3"] : inputs });
const inputs = (...texts: string[]): string => texts.map((text) => fenced("input", text)).join("\n\n");

type Row = [name: string, text: string, want: KindResponse["want"]];
const rows = (format: "compact" | "paper", role: "propose" | "solve", kind: string, table: Row[]): KindResponse[] =>
  table.map(([name, text, want]) => ({ name, format, kind, role, text, want }));

/** Proposals of a program and an input: the kinds that have them read them alike. */
const triplets = (kind: string): KindResponse[] => rows("paper", "propose", kind, [
  ["as asked", answer(pair()), draft()],
  ["words around the blocks", answer(`Here it is.\n\n${pair()}\n\nI hope that it is hard.`), draft()],
  ["several arguments", answer(pair(f, "[1, 2], k='x'")), draft(f, "[1, 2], k='x'")],
  ["Windows line ends", answer(pair()).replaceAll("\n", "\r\n"), draft()],
  ["text after the answer, and an end token", `${answer(pair())}\n<|im_end|>`, draft()],
  ["two programs and two inputs: the first of each", answer(`${pair()}\n${pair("def f(b):\n    return b", "4")}`), draft()],
  ["two answers: the last", `${answer(pair("def f(b):\n    return b"))}\n<answer>\n${pair()}\n</answer>`, draft()],
  ["capital tags of the fences", answer(`${fenced("Python", f)}\n${fenced("INPUT", "3")}`), draft()],
  ["a fence for py", answer(`${fenced("py", f)}\n${fenced("input", "3")}`), draft()],
  ["a fence without a tag", answer(`${fenced("", f)}\n${fenced("input", "3")}`), draft()],
  ["a longer fence around backticks", answer(`${fenced("python", 'def f(a):\n    """\n```\n"""\n    return a', "````")}\n${fenced("input", "3")}`), draft('def f(a):\n    """\n```\n"""\n    return a')],
  ["a fence within the program ends it", answer(pair("def f(a):\n    s = '''\n```\n'''\n    return a")), malformed],
  ["an input as a comment after the program", answer(`${fenced("python", f)}\n# Input: 3`), draft()],
  ["an input as a line after the program", answer(`${fenced("python", f)}\nInput: 3`), draft()],
  ["a comment within the program is no input", answer(fenced("python", "# Input: a number\ndef f(a):\n    return a")), malformed],
  ["a phrase is no input of a proposal", answer(`${fenced("python", f)}\nThe input is 3.`), malformed],
  ["no input", answer(fenced("python", f)), malformed],
  ["no program", answer(fenced("input", "3")), malformed],
  ["a program in prose", answer(`${f}\n\n${fenced("input", "3")}`), malformed],
  ["an empty program", answer(pair("")), draft("")],
  ["an empty input", answer(pair(f, "")), draft(f, "")],
  ["an output that was not asked for", answer(`${pair()}\n${fenced("output", "6")}`), draft()],
  ["a program fence that is not closed", answer(`\`\`\`python\n${f}\n${fenced("input", "3")}`), malformed],
  ["an input fence that is not closed", answer(`${fenced("python", f)}\n\`\`\`input\n3`), malformed],
  ["fences in the thoughts alone", `<think>${pair()}</think>\n<answer>done</answer>`, malformed],
  ["blocks outside the answer", `<think>x</think>\n${pair()}`, wrapper],
  ["tilde fences", answer(pair().replaceAll("```", "~~~")), malformed],
  ["not ASCII", answer(pair("def f(größe):\n    return 'ß→日本' + größe", "'é🙂'")), draft("def f(größe):\n    return 'ß→日本' + größe", "'é🙂'")],
  ["tags in capitals", answer(pair()).replaceAll("answer>", "ANSWER>"), wrapper],
  ["answer before thought", `<answer>${pair()}</answer><think>x</think>`, wrapper],
  ["an answer that is not closed", answer(pair()).replace("</answer>", ""), wrapper],
  ["nothing", "", wrapper],
  ["the thought alone", "<think>", wrapper],
  ["a role name in the program", answer(pair("def f(a):\n    return 'Assistant: <think>'")), draft("def f(a):\n    return 'Assistant: <think>'")],
  ["a program of a hundred thousand characters", answer(pair(`def f(a):\n    return '${long}'`)), draft(`def f(a):\n    return '${long}'`)],
]);

const paperInduction = rows("paper", "propose", "induction", [
  ["inputs and a message", answer(`${inputs("1", "2")}\n${fenced("message", "double?")}`), { program: source, inputs: ["1", "2"], message: "double?" }],
  ["the message first", answer(`${fenced("message", "double?")}\n${inputs("1", "2")}`), { program: source, inputs: ["1", "2"], message: "double?" }],
  ["two messages: the first", answer(`${inputs("1", "2")}\n${fenced("message", "one")}\n${fenced("message", "two")}`), { program: source, inputs: ["1", "2"], message: "one" }],
  ["no message", answer(inputs("1", "2")), { program: source, inputs: ["1", "2"] }],
  ["an empty message", answer(`${inputs("1", "2")}\n${fenced("message", " ")}`), { program: source, inputs: ["1", "2"] }],
  ["a message in a tag", answer(`${inputs("1", "2")}\n<message>double?</message>`), { program: source, inputs: ["1", "2"], message: "double?" }],
  ["a message as a comment", answer(`${inputs("1", "2")}\n# Message: double?`), { program: source, inputs: ["1", "2"], message: "double?" }],
  ["a message within an input is none", answer(inputs("1", "'# Message: no'")), { program: source, inputs: ["1", "'# Message: no'"] }],
  ["a message that is code", answer(`${inputs("1", "2")}\n${fenced("message", source)}`), { program: source, inputs: ["1", "2"], message: source }],
  ["three inputs: the last two", answer(inputs("1", "2", "3")), { program: source, inputs: ["2", "3"] }],
  ["one input", answer(inputs("1")), few],
  ["no input", answer(fenced("message", "m")), malformed],
  ["inputs as lines", answer("Input: 1\nInput: 2"), malformed],
  ["both inputs in one fence", answer(fenced("input", "1\n2")), few],
  ["a program beside them", answer(`${fenced("python", f)}\n${inputs("1", "2")}`), { program: source, inputs: ["1", "2"] }],
  ["Windows line ends", answer(inputs("1", "[2,\n 3]")).replaceAll("\n", "\r\n"), { program: source, inputs: ["1", "[2,\n 3]"] }],
  ["the last fence not closed", answer(`${inputs("1", "2")}\n\`\`\`message\nx`), { program: source, inputs: ["1", "2"] }],
  ["an input not closed", answer(`${inputs("1")}\n\`\`\`input\n2`), few],
  ["inputs in the thoughts", `<think>${inputs("1", "2")}</think><answer>see above</answer>`, malformed],
  ["no answer tag", `<think>x</think>${inputs("1", "2")}`, wrapper],
  ["a hundred thousand characters", answer(inputs("1", `'${long}'`)), { program: source, inputs: ["1", `'${long}'`] }],
]);

/** Answers of one block: `value` is one, `other` another. */
const answers = (kind: string, name: string, value: string, other: string): KindResponse[] => rows("paper", "solve", kind, [
  ["as asked", answer(fenced(name, value)), value],
  ["words around", answer(`So it must be this.\n\n${fenced(name, value)}\n\nThat is all.`), value],
  ["white space within the fence", answer(fenced(name, `  ${value}  \n`)), value],
  ["a fence set in by three spaces", answer(`   \`\`\`${name}\n${value}\n   \`\`\``), value],
  ["a fence set in by four", answer(`    \`\`\`${name}\n${value}\n    \`\`\``), malformed],
  ["a space before the tag", answer(`\`\`\` ${name}\n${value}\n\`\`\``), value],
  ["two fences: the last", answer(`${fenced(name, other)}\nWait.\n${fenced(name, value)}`), value],
  ["two answers: the last", `${answer(fenced(name, other))}<answer>${fenced(name, value).replace("```", "\n```")}\n</answer>`, value],
  ["an answer in the thoughts does not count", `<think><answer>${other}</answer></think><answer>${value}</answer>`, value],
  ["a second thought", `<think>a</think><think>b</think><answer>${value}</answer>`, wrapper],
  ["thoughts with a closing tag too many", `<think>a</think>b</think><answer>${value}</answer>`, wrapper],
  ["answer before thought", `<answer>${value}</answer><think>a</think>`, wrapper],
  ["no thought", `<answer>${value}</answer>`, wrapper],
  ["tags in capitals", `<THINK>a</THINK><ANSWER>${value}</ANSWER>`, wrapper],
  ["tags of another sort", `<thinking>a</thinking><answer>${value}</answer>`, wrapper],
  ["an answer that is not closed", `<think>a</think><answer>${value}`, wrapper],
  ["the last answer is not closed", `<think>a</think><answer>${other}</answer><answer>${value}`, malformed],
  ["an answer within an answer", `<think>a</think><answer><answer>${value}</answer></answer>`, value],
  ["a fence without a tag", answer(fenced("", value)), value],
  ["a fence of text", answer(fenced("text", value)), value],
  ["a phrase before the fence is no answer", answer(`The ${name} is worked out so:\n${fenced("", value)}`), value],
  ["a fence within the line", answer(`\`\`\`${name} ${value}\`\`\``), malformed],
  ["a fence that is not closed", answer(`\`\`\`${name}\n${value}`), malformed],
  ["two fences of other sorts", answer(`${fenced("a", other)}\n${fenced("b", value)}`), malformed],
  ["a comment", answer(`# ${name[0]!.toUpperCase()}${name.slice(1)}: ${value}`), value],
  ["a labelled line", answer(`I looked at it.\n${name}: ${value}\nDone.`), value],
  ["two labelled lines: the last", answer(`${name}: ${other}\n${name}: ${value}`), value],
  ["a tag of its own", answer(`It is <${name}>${value}</${name}>.`), value],
  ["that tag twice: the last", answer(`<${name}>${other}</${name}> or <${name}>${value}</${name}>`), value],
  ["that tag in capitals", answer(`<${name.toUpperCase()}>${value}</${name.toUpperCase()}>`), value],
  ["that tag not closed", answer(`<${name}>${value}`), `<${name}>${value}`],
  ["a phrase", answer(`After all steps the ${name} is ${value}.`), value],
  ["a phrase with a colon", answer(`So the ${name} is: ${value}`), value],
  ["two phrases on a line: the last", answer(`At first the ${name} is ${other}, but then the ${name} is ${value}.`), value],
  ["inline code in a phrase", answer(`The ${name} is \`${value}\`.`), value],
  ["inline code alone", answer(`\`${value}\``), value],
  ["bare", answer(value), value],
  ["bare, a text that holds a phrase", answer(`'the ${name} is 5.'`), `'the ${name} is 5.'`],
  ["bare, a list that holds one", answer(`['${name}: 5', 'the ${name} is 6']`), `['${name}: 5', 'the ${name} is 6']`],
  ["bare on the line of the tags", `<think></think><answer>${value}</answer>`, value],
  ["Windows line ends", answer(fenced(name, value)).replaceAll("\n", "\r\n"), value],
  ["prose without a value", answer("I do not know."), "I do not know."],
  ["empty", answer(""), ""],
  ["an empty fence", answer(fenced(name, "")), ""],
  ["nothing at all", "", wrapper],
  ["an end token after it", `${answer(fenced(name, value))}<|endoftext|>`, value],
  ["a turn of the user made up", `${answer(fenced(name, value))}\nUser: and now?\nAssistant: <think>x</think><answer>${other}</answer>`, value],
  ["a turn made up, and not ended", `${answer(fenced(name, value))}\nUser: and now?\nAssistant: <think>x</think><answer>${other}`, value],
  ["a role named between two answers of one turn, in a text", `${answer(`${fenced(name, other)}`)}<answer>\n${fenced(name, "'User: x'")}\n</answer>`, "'User: x'"],
  ["compact markers around", `<|${name}|>${value}<|end|>`, wrapper],
  ["not ASCII", answer(fenced(name, "'é🙂\u2028→'")), "'é🙂\u2028→'"],
  ["a hundred thousand characters", answer(fenced(name, long)), long],
]);

const abductionOnly = rows("paper", "solve", "abduction", [
  ["a call of f", answer("f([1], 2)"), "[1], 2"],
  ["a call of f in a fence of no sort", answer(fenced("", "f([1], 2)")), "[1], 2"],
  ["a call of f in its own fence is as written", answer(fenced("input", "f(1)")), "f(1)"],
  ["a call of another function", answer("g(1)"), "g(1)"],
  ["a call in inline code", answer("`f(7)`"), "7"],
  ["several lines of arguments", answer(fenced("input", "[1,\n 2],\nk=3")), "[1,\n 2],\nk=3"],
  ["code beside the bare answer", answer(`${fenced("python", "f(3)")}\nSo the input is 3.`), "3"],
  ["code alone", answer(fenced("python", "f(3)")), "3"],
]);

const paperPrograms = rows("paper", "solve", "induction", [
  ["as asked", answer(fenced("python", f)), f],
  ["two: the last", answer(`${fenced("python", source)}\nBetter:\n${fenced("python", f)}`), f],
  ["a fence without a tag", answer(fenced("", f)), f],
  ["python before others", answer(`${fenced("python", f)}\n${fenced("text", "as above")}`), f],
  ["examples beside it", answer(`${fenced("input", "3")}\n${fenced("output", "6")}\n${fenced("py3", f)}`), f],
  ["blank lines before, and its first line's indent kept", answer(fenced("python", `\n\n${f}\n\n`)), f],
  ["set in by spaces", answer(fenced("python", "  x = 1")), "  x = 1"],
  ["no fence", answer(f), malformed],
  ["an input alone", answer(fenced("input", "3")), malformed],
  ["a message alone", answer(fenced("message", "x")), malformed],
  ["an error alone", answer(fenced("error", "ValueError")), malformed],
  ["not closed", answer(`\`\`\`python\n${f}`), malformed],
  ["a fence of five backticks closed by three", answer(`\`\`\`\`\`python\n${f}\n\`\`\``), malformed],
  ["a fence of three closed by five", answer(`\`\`\`python\n${f}\n\`\`\`\`\``), f],
  ["Windows line ends", answer(fenced("python", f)).replaceAll("\n", "\r\n"), f],
  ["no answer tag", `<think>x</think>${fenced("python", f)}`, wrapper],
  ["in the thoughts alone", `<think>${fenced("python", f)}</think><answer>that one</answer>`, malformed],
  ["empty", answer(fenced("python", "")), ""],
]);

const compactAnswers = (kind: string, name: string): KindResponse[] => rows("compact", "solve", kind, [
  ["as asked", `<|${name}|>[1, 2]<|end|>`, "[1, 2]"],
  ["white space after it", `<|${name}|>[1, 2] \n<|end|>`, "[1, 2]"],
  ["not ended", `<|${name}|>[1, 2]`, wrapper],
  ["ended twice", `<|${name}|>1<|end|><|end|>`, wrapper],
  ["text after the end", `<|${name}|>1<|end|>\n`, wrapper],
  ["two answers", `<|${name}|>1<|${name}|>2<|end|>`, wrapper],
  ["another block after it", `<|${name}|>1<|new|><|end|>`, wrapper],
  ["a marker that does not exist", `<|${name}|>1<|what|><|end|>`, wrapper],
  ["half a marker is text", `<|${name}|>'<|'<|end|>`, "'<|'"],
  ["a marker in capitals is text", `<|${name}|>'<|END|>'<|end|>`, "'<|END|>'"],
  ["paper's answer", answer(fenced(name, "1")), wrapper],
  ["empty", `<|${name}|><|end|>`, ""],
  ["nothing", "", wrapper],
  ["a hundred thousand characters", `<|${name}|>${long}<|end|>`, long],
  ["a hundred thousand characters, not ended", `<|${name}|>${long}`, wrapper],
  ["ten thousand markers", `<|${name}|>${"<|new|>".repeat(10_000)}<|end|>`, wrapper],
]);

const compactProposals = (kind: string): KindResponse[] => rows("compact", "propose", kind, [
  ["as asked", `<|program|>${f}<|input|>3<|end|>`, draft()],
  ["the wrong way round", `<|input|>3<|program|>${f}<|end|>`, wrapper],
  ["no input", `<|program|>${f}<|end|>`, wrapper],
  ["two inputs", `<|program|>${f}<|input|>3<|input|>4<|end|>`, wrapper],
  ["its own output too", `<|program|>${f}<|input|>3<|output|>6<|end|>`, wrapper],
  ["runs into another", `<|program|>${f}<|input|>3<|new|><|program|>${f}<|input|>4<|end|>`, wrapper],
  ["Windows line ends", `<|program|>${f.replace("\n", "\r\n")}<|input|>3<|end|>`, draft(f.replace("\n", "\r\n"))],
  ["not ended", `<|program|>${f}<|input|>3`, wrapper],
]);

const compactInduction = rows("compact", "propose", "induction", [
  ["as asked", "<|input|>1<|input|>2<|end|>", { program: source, inputs: ["1", "2"] }],
  ["one", "<|input|>1<|end|>", few],
  ["three", "<|input|>1<|input|>2<|input|>3<|end|>", wrapper],
  ["a message", "<|input|>1<|input|>2<|message|>m<|end|>", wrapper],
  ["an output between", "<|input|>1<|output|>2<|end|>", wrapper],
  ["not ended", "<|input|>1<|input|>2", wrapper],
]);

export const kindResponses: KindResponse[] = [
  ...["deduction", "abduction", "error"].flatMap(triplets),
  ...paperInduction,
  ...answers("deduction", "output", "[1, 2]", "[2, 1]"),
  ...answers("abduction", "input", "[1, 2], 'x'", "[3], 'y'"),
  ...answers("error", "error", "ValueError", "KeyError"),
  ...abductionOnly,
  ...paperPrograms,
  ...compactAnswers("deduction", "output"),
  ...compactAnswers("abduction", "input"),
  ...compactAnswers("induction", "program"),
  ...["deduction", "abduction"].flatMap(compactProposals),
  ...compactInduction,
];
