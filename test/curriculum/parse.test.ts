// What each kind reads out of a model's text, through the format in which it was asked. (format.test.ts has the formats themselves.)
import t from "tap";
import { formatNamed } from "../../src/curriculum/format.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { curriculumSettings } from "../../src/curriculum/settings.ts";
import type { Task } from "../../src/curriculum/task.ts";

const settings = curriculumSettings();
const compact = formatNamed("compact");
const paper = formatNamed("paper");

t.test("proposals and answers are parsed through the format", async (t) => {
  const source: Task = { id: "s", kind: "deduction", program: "good", input: "1", output: "2", origin: { step: 0, parents: [] } };
  const three = curriculumSettings({ induction: { inputs: 3, shown: 1 } });
  const deduction = kindNamed("deduction");
  const induction = kindNamed("induction");
  t.same(deduction.parseProposal("<|program|>p<|input|>1<|end|>", { references: [] }, compact, settings), {
    ok: true,
    draft: { program: "p", inputs: ["1"] },
  });
  t.match(deduction.parseProposal("<|program|>p<|end|>", { references: [] }, compact, settings), { ok: false, reason: "wrapper" });
  t.same(induction.parseProposal("<|input|>1<|input|>2<|input|>3<|end|>", { references: [], source }, compact, three), {
    ok: true,
    draft: { program: "good", inputs: ["1", "2", "3"] },
  });
  t.match(induction.parseProposal("<|input|>1<|end|>", { references: [], source }, compact, three), { ok: false, reason: "too-few-inputs" });
  const fences = ["input\n1", "input\n2", "input\n3", "message\nhi"].map((block) => `\`\`\`${block}\n\`\`\``).join("\n");
  t.same(induction.parseProposal(`<think></think><answer>\n${fences}\n</answer>`, { references: [], source }, paper, three), {
    ok: true,
    draft: { program: "good", inputs: ["1", "2", "3"], message: "hi" },
  });
  t.throws(() => induction.buildProposalPrompt({ references: [] }, compact, settings), { code: "AZR_INPUT_INVALID" });

  const answers: [string, string, string | "wrapper" | "malformed"][] = [
    ["deduction", "<|output|>7<|end|>", "7"],
    ["abduction", "<|input|>7, 8<|end|>", "7, 8"],
    ["induction", "<|program|>good<|end|>", "good"],
    ["induction", "<|output|>good<|end|>", "wrapper"],
    ["deduction", "<|output|>7", "wrapper"],
  ];
  for (const [kind, text, want] of answers) {
    const parsed = kindNamed(kind).parseAnswer(text, compact);
    t.equal(parsed.ok ? parsed.answer : parsed.reason, want);
  }
  t.match(kindNamed("induction").parseAnswer("<think></think><answer>none</answer>", paper), { ok: false, reason: "malformed" });
});
