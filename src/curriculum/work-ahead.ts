// With `curriculum.overlap`: while the answers of a step are judged, the model writes the proposals of the next one, with the weights from before the
// step's update, and the executor validates them while the model trains. What a step is given depends on the steps before it alone, never on what
// ended first: references are drawn from the buffers as the step before left them, and a key counts as known if it was then, or if this step accepts it.
import * as z from "zod";
import type { RunEventBody } from "../events.ts";
import type { EncodedPrompt } from "./sample.ts";
import { type LoopContext, type StepContext, stepContext } from "./step-context.ts";
import { judgeProposals, type Proposal, workOrder, type WrittenProposal, writeProposals } from "./step-propose.ts";
import { taskSchema } from "./task-schema.ts";

export interface Ahead {
  /** The step that they are for. */
  readonly step: number;
  /** In the order of the run's kinds. */
  readonly written: Promise<WrittenProposal[]>[];
  readonly proposals: Promise<Proposal[]>[];
  /** Stopwatches of that step, as far as they have run. */
  readonly timings: StepContext["timings"];
  /** Its step has begun: what happened is told, and what happens from now on at once. */
  release(): void;
  /** Ends the work; resolves when it has ended. */
  cancel(): Promise<void>;
}

export interface AheadOptions {
  /** The step to work for. */
  step: number;
  /** Keys of the tasks that the step before accepts. */
  keys: ReadonlySet<string>;
  signal: AbortSignal | undefined;
  /** Proposals that were written in an earlier sitting. */
  written?: WrittenProposal[][];
}

/** Begins to write and to judge the proposals of a step. Prompts and requests to the engine are made before it returns. */
export function workAhead(loop: LoopContext, { step, keys, signal, written: given }: AheadOptions): Ahead {
  const controller = new AbortController();
  let held: RunEventBody[] | undefined = [];
  const emit = (event: RunEventBody) => (held === undefined ? loop.emit(event) : void held.push(event));
  const { buffers, config, kinds } = loop;
  const known = buffers.known();
  const context: StepContext = {
    ...stepContext({ ...loop, emit }, step, signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal])),
    // The buffers change meanwhile, by these keys and by removals; admit-tasks.ts asks for removals when the step before is over.
    isKnown: (key) => config.curriculum.deduplicate && (keys.has(key) || known(key)),
  };
  const stale = loop.proposer === loop.engine;
  const written: Promise<WrittenProposal[]>[] = [];
  const proposals: Promise<Proposal[]>[] = [];
  for (const at of workOrder(kinds)) {
    const kind = kinds[at]!;
    const writing = given === undefined ? writeProposals(context, { kind, count: config.curriculum.proposals, labels: ["propose"] }) : Promise.resolve(given[at]!);
    written[at] = writing.then((all) => all.map((one) => ({ ...one, completion: { ...one.completion, parity: one.completion.parity && !stale } })));
    proposals[at] = written[at].then((all) => judgeProposals(context, kind, all));
    // Whoever takes them sees the failure; nobody may.
    proposals[at].catch(() => undefined);
    written[at].catch(() => undefined);
  }
  return {
    step,
    written,
    proposals,
    timings: context.timings,
    release() {
      const events = held ?? [];
      held = undefined;
      for (const event of events) loop.emit(event);
    },
    async cancel() {
      controller.abort();
      await Promise.allSettled(proposals);
    },
  };
}

const bytes = z.string().transform((text) => Buffer.from(text, "base64"));

const stateSchema = z.strictObject({
  step: z.int().min(1),
  /** In the order of the run's kinds. */
  written: z.array(
    z.array(
      z.looseObject({
        request: z.looseObject({ references: z.array(taskSchema), source: taskSchema.optional() }),
        prompt: z.looseObject({ text: z.string(), prefill: z.string(), tokens: z.array(z.int()) }),
        completion: z.strictObject({ tokens: bytes, logProbabilities: bytes, text: z.string(), stopped: z.boolean(), parity: z.boolean() }),
      }),
    ),
  ),
});

/** Plain data from which `restoreAhead` goes on. */
export type AheadState = z.input<typeof stateSchema>;

const base64 = (array: Int32Array | Float32Array): string => Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64");

/** The proposals as they were written, once all are; their verdicts are in the journal. */
export async function aheadState({ step, written }: Ahead): Promise<AheadState> {
  const all = await Promise.all(written);
  return {
    step,
    written: all.map((proposals) =>
      proposals.map(({ request, prompt, completion }) => ({
        request,
        prompt: { ...prompt, tokens: Array.from(prompt.tokens) },
        completion: { ...completion, tokens: base64(completion.tokens), logProbabilities: base64(completion.logProbabilities) },
      })),
    ),
  };
}

/** Goes on with proposals of an earlier sitting, whose step before is over: its tasks are in the buffers. Throws ZodError for what `aheadState` did not write. */
export function restoreAhead(loop: LoopContext, state: unknown, signal: AbortSignal | undefined): Ahead {
  const { step, written } = stateSchema.parse(state);
  const array = (bytes: Buffer) => new Uint8Array(bytes).buffer;
  const proposals = written.map((of) =>
    of.map(({ request, prompt, completion }): WrittenProposal => ({
      request: request as WrittenProposal["request"],
      prompt: prompt as EncodedPrompt,
      completion: { ...completion, tokens: new Int32Array(array(completion.tokens)), logProbabilities: new Float32Array(array(completion.logProbabilities)) },
    })),
  );
  return workAhead(loop, { step, keys: new Set(), signal, written: proposals });
}
