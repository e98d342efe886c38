// The proposer's side of the kinds built on a triplet (program, input, output): deduction and abduction differ only in
// which part the solver has to find, so prompt, parsing and validation of their proposals are written once. error.ts uses parts.

import { composeProgram, helperValues } from "../composite.ts";
import type { BlockName, Format, ResponseShape } from "../format.ts";
import type { Task } from "../task.ts";
import { AzrError } from "../../errors.ts";
import { argumentsKey } from "../../executor/value.ts";
import type { ParsedAnswer, ParsedProposal, ProposalRequest, TaskKind, ValidateContext } from "./kind.ts";
import { argumentsOf } from "./shared-arguments.ts";
import { shortHash } from "./shared-program.ts";
import { runDraft } from "./shared-validate.ts";

const proposal: ResponseShape = { role: "propose", blocks: [{ name: "program" }, { name: "input" }] };

/**
 * What makes two tasks the same. With one input a program, its hash. With several, each input has one of so many places, by the hash of its
 * value, however that is written: one of the same place counts as the same task, so that no program makes more tasks than there are places, and
 * nothing has to be counted. Inputs without such a value (arguments by name) share a place.
 */
export async function tripletKey(programHash: string, input: string, context: ValidateContext): Promise<string> {
  const { inputsPerProgram = 1 } = context;
  if (inputsPerProgram === 1) return programHash;
  const values = await argumentsOf(input.trim(), context);
  const place = values === null ? 0 : Number.parseInt(shortHash(argumentsKey(values)).slice(0, 8), 16) % inputsPerProgram;
  return shortHash(`${programHash}:${place}`);
}

/** Values for a prompt that shows past tasks; `earlier` is empty where there are none, so that it does not speak of them. */
export function referenceValues(references: readonly Task[], write: (task: Task) => { [name: string]: string }) {
  return { references: references.map(write), earlier: references.length > 0 ? "shown" : "" };
}

/** A program and one input, as a proposal; the program with the helpers that the request gave it. */
export function parseTriplet(text: string, { helpers = [] }: ProposalRequest, format: Format): ParsedProposal {
  const parsed = format.parse(text, proposal);
  if (!parsed.ok) return parsed;
  const inputs = parsed.blocks.input!;
  const program = parsed.blocks.program![0]!;
  if (helpers.length === 0) return { ok: true, draft: { program, inputs } };
  const whole = composeProgram(program, helpers);
  return "fault" in whole ? { ok: false, reason: "composite", detail: whole.fault } : { ok: true, draft: { program: whole.program, inputs, helpers: helpers.length } };
}

/** The proposer's methods of a triplet kind; its prompt file is `propose-NAME.txt`. */
export function tripletProposer(name: string): Pick<TaskKind, "composes" | "buildProposalPrompt" | "parseProposal" | "validate"> {
  return {
    composes: true,

    buildProposalPrompt({ references, helpers }: ProposalRequest, format: Format) {
      return format.prompt(`propose-${name}`, { ...referenceValues(references, tripletValues), ...helperValues(helpers) });
    },

    parseProposal: (text, request, format) => parseTriplet(text, request, format),

    async validate(draft, context) {
      const result = await runDraft(draft, context, { keyOf: (hash) => tripletKey(hash, draft.inputs[0]!, context) });
      if (!result.ok) return result;
      const { programHash, key, statements, outputs } = result;
      const task = { kind: name, program: draft.program, input: draft.inputs[0]!, output: outputs[0]! };
      return { ok: true, task, programHash, key, statements };
    },
  };
}

/** Program, input and output of a task, as prompt values. Throws AZR_INPUT_INVALID when the task lacks one. */
export function tripletValues(task: Task): { program: string; input: string; output: string } {
  if (task.input === undefined || task.output === undefined) {
    throw new AzrError("AZR_INPUT_INVALID", `Task ${task.id} of kind ${task.kind} needs both "input" and "output".`);
  }
  return { program: task.program, input: task.input, output: task.output };
}

/** The single block that answers a task. */
export function parseSingleAnswer(text: string, format: Format, name: BlockName): ParsedAnswer {
  const parsed = format.parse(text, { role: "solve", blocks: [{ name }] });
  if (parsed.ok) return { ok: true, answer: parsed.blocks[name]![0]! };
  return { ok: false, reason: parsed.reason === "wrapper" ? "wrapper" : "malformed", detail: parsed.detail };
}
